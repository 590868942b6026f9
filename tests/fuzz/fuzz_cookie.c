/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: a value lies inside the field, right behind the one place where its name begins a pair;
 * another pair in front or behind changes nothing, and the same cookie once more takes it away.
 */
#include "agent/base/buf.h"
#include "agent/http/cookie.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct span field, struct span v, struct span name)
{
	AUTO_BUF more = BUF_INIT(1U << 20);
	struct span again;

	if (v.p < field.p + name.n + 1 || v.p + v.n > field.p + field.n || v.n == 0)
		abort();
	if (v.p[-1] != '=' || memcmp(v.p - 1 - name.n, name.p, name.n) != 0)
		abort();
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= 0x20 || v.p[i] > 0x7e || strchr("\",;\\", v.p[i]) != NULL)
			abort();
	buf_adds(&more, "x=y; ");
	buf_add(&more, field);
	buf_adds(&more, "; z");
	if (!cookie_get(buf_span(&more), name, &again) || !span_eq(again, v))
		abort();
	buf_adds(&more, ";");
	buf_add(&more, name);
	buf_adds(&more, "=1");
	if (cookie_get(buf_span(&more), name, &again))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct span names[] = {SPAN_INIT("s"), SPAN_INIT("__Host-pan-session")};
	struct span field = {(const char *)data, size};
	struct span v;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cookie_get(field, names[i], &v))
			check(field, v, names[i]);
	return 0;
}
