/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/h2_head.h"
#include "agent/http/parse.h"
#include "tests/fuzz/hold.h"

/*
 * Fields as two bytes (lengths of name and value) and the bytes; the first bit of the input says
 * whether a body follows.  Of whatever fields, the text is one head for the parser of HTTP/1.1 and
 * nothing behind it, with the path that was given and the framing that was meant; or the parser
 * refuses it.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct span path = SPAN_NONE;
	struct http_parse p = {0};
	struct http_head head;
	struct h2_head h;
	size_t used = 0;
	bool body = size > 0 && (data[0] & 1) != 0;
	bool ok = true;

	h2_head_init(&h);
	in = span_skip(in, 1);
	while (ok && in.n >= 2) {
		size_t n_name = (uint8_t)in.p[0];
		size_t n_value = (uint8_t)in.p[1];
		in = span_skip(in, 2);
		struct span name = span_first(in, n_name);
		in = span_skip(in, n_name);
		struct span value = span_first(in, n_value);
		in = span_skip(in, n_value);
		ok = h2_head_field(&h, name, value, NULL);
		if (span_eq(name, SPAN(":path")))
			path = value;
	}
	if (ok && h2_head_end(&h, body, NULL)) {
		enum step s = http_parse(&p, buf_span(&h.text), &head, &used, NULL);
		hold(s != STEP_READ);
		hold(s != STEP_DONE || used == h.text.n);
		hold(s != STEP_DONE || span_eq(head.target, path));
		hold(s != STEP_DONE || !head.keep_alive);
		hold(s != STEP_DONE || head.has_length == h.has_length);
		hold(s != STEP_DONE || head.chunked == (body && !h.has_length));
		hold(s != STEP_DONE || !head.has_length || head.content_length == h.length);
	}
	h2_head_fini(&h);
	return 0;
}
