/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/parse.h"
#include "tests/fuzz/hold.h"

#include <string.h>

static bool
clean(struct span s)
{
	return !span_has(s, '\r') && !span_has(s, '\n') && !span_has(s, '\0');
}

/*
 * Whole and in pieces of one byte, with each byte in another buffer at the end: the same verdict,
 * the same fields.  What is accepted holds no CR, LF or NUL and is not longer than the limit.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct http_parse whole = {0};
	struct http_parse pieces = {0};
	struct http_head a;
	struct http_head b;
	size_t used_a = 0;
	size_t used_b = 0;
	enum step s = http_parse(&whole, in, &a, &used_a, NULL);
	enum step t = STEP_READ;

	for (size_t n = 1; n <= size && t == STEP_READ; n++)
		t = http_parse(&pieces, span_first(in, n), &b, &used_b, NULL);
	hold(s == t && whole.status == pieces.status);
	hold((s == STEP_FAIL) == (whole.status != 0));
	hold(s != STEP_READ || size < HTTP_HEAD_MAX);
	if (s != STEP_DONE)
		return 0;
	hold(used_a == used_b && used_a <= size && used_a <= HTTP_HEAD_MAX);
	hold(memcmp(&a, &b, offsetof(struct http_head, field)) == 0);
	hold(!(a.chunked && a.has_length) && a.content_length <= INT64_MAX);
	hold(clean(a.target) && a.target.n > 0 && !span_has(a.target, ' '));
	for (size_t i = 0; i < a.n_fields; i++) {
		hold(clean(a.field[i].name) && clean(a.field[i].value));
		hold(span_eq(a.field[i].name, b.field[i].name));
		hold(span_eq(a.field[i].value, b.field[i].value));
	}
	return 0;
}
