/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: what is taken of an answer's fields lies within its limits and is one line; a status
 * line leaves nothing of what stood before it.
 */
#include "agent/base/fetch_head.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
feed(struct fetch_head *h, struct span in)
{
	bool ok = true;

	while (ok && in.p != NULL)
		ok = fetch_head_line(h, span_cut(&in, '\n'));
	return ok;
}

static void
check(const struct fetch_head *h)
{
	if (h->max_age < -1 || h->retry_after < -1)
		abort();
	for (unsigned i = 0; i < FETCH_FIELDS; i++) {
		struct span s = fetch_head_field(h, (enum fetch_field)i);
		if (s.n > FETCH_FIELD_MAX || (s.p != NULL && s.n == 0) || span_has(s, '\n'))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct fetch_head a;
	struct fetch_head b;

	if (size > FETCH_HEAD_MAX / 2 - 16)
		return 0;
	fetch_head_init(&a);
	fetch_head_init(&b);
	if (!feed(&a, in))
		abort();
	check(&a);
	if (!fetch_head_line(&a, SPAN("HTTP/1.1 200 OK\r\n")) || !feed(&a, in) || !feed(&b, in))
		abort();
	for (unsigned i = 0; i < FETCH_FIELDS; i++)
		if (!span_eq(fetch_head_field(&a, (enum fetch_field)i),
			    fetch_head_field(&b, (enum fetch_field)i)))
			abort();
	if (a.max_age != b.max_age || a.retry_after != b.retry_after)
		abort();
	fetch_head_fini(&a);
	fetch_head_fini(&b);
	return 0;
}
