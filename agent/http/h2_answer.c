/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/h2_answer.h"

#include <string.h>

#define STATUS_LINE (sizeof("HTTP/1.1 200") - 1)

static bool
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_SYNTAX, NULL, "the head of an answer: %s", what);
}

static void
lower(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + ('a' - 'A'));
}

static bool
of_connection(struct span name)
{
	return span_eq(name, SPAN("connection")) || span_eq(name, SPAN("keep-alive"));
}

static bool
status_line(struct span line, struct h2_answer *ret)
{
	struct span code = span_skip(span_first(line, STATUS_LINE), STATUS_LINE - 3);
	uint64_t v = 0;

	if (!span_starts(line, SPAN("HTTP/1.1 ")) || !span_u64(code, 999, &v) || v < 100)
		return false;
	ret->status = (unsigned)v;
	ret->field[ret->n++] = (struct h2_field){SPAN(":status"), code, false};
	return true;
}

static bool
add(struct h2_answer *ret, char *at, size_t n, struct err *e)
{
	struct span value = {at, n};
	struct span name = span_cut(&value, ':');

	if (value.p == NULL || name.n == 0)
		return bad(e, "a line that is no field");
	lower(at, name.n);
	if (of_connection(name))
		return true;
	if (span_eq(name, SPAN("transfer-encoding"))) {
		ret->chunked = true;
		return true;
	}
	if (ret->n == H2_ANSWER_FIELDS)
		return bad(e, "too many fields");
	ret->field[ret->n++] = (struct h2_field){name, span_trim(value),
		span_eq(name, SPAN("set-cookie")) || span_eq(name, SPAN("location"))};
	return true;
}

bool
h2_answer_read(char *text, size_t n, struct h2_answer *ret, struct err *e)
{
	size_t at = 0;

	ret->n = 0;
	ret->status = 0;
	ret->chunked = false;
	while (at < n) {
		char *end = memchr(text + at, '\n', n - at);
		if (end == NULL || end == text + at || end[-1] != '\r')
			return bad(e, "a line without CRLF");
		size_t len = (size_t)(end - text) - 1 - at;
		struct span line = {text + at, len};
		if (ret->status == 0 && !status_line(line, ret))
			return bad(e, "no status line");
		if (at > 0 && len > 0 && !add(ret, text + at, len, e))
			return false;
		at += len + 2;
		if (len == 0) {
			ret->used = at;
			return true;
		}
	}
	return bad(e, "no end");
}
