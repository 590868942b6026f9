/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/parse.h"

#include <string.h>

/*
 * Two passes.  The first goes byte by byte and line by line as they arrive and keeps numbers only,
 * so that it does not matter where the caller's buffer lies; when the empty line has come, the
 * second cuts the lines, now known to be good, into spans.
 */

static enum step
fail(struct http_parse *p, unsigned status, struct err *e, const char *ref, const char *msg)
{
	p->status = status;
	(void)err_set(e, ERR_SYNTAX, ref, "%s", msg);
	return STEP_FAIL;
}

static enum step
limit(struct http_parse *p, unsigned status, struct err *e, const char *ref, int max,
	const char *what)
{
	p->status = status;
	(void)err_set(e, ERR_LIMIT, ref, "more than %d %s", max, what);
	return STEP_FAIL;
}

struct request_line {
	struct span method, target, version;
};

static bool
cut_request_line(struct span line, struct request_line *ret)
{
	ret->method = span_cut(&line, ' ');
	ret->target = span_cut(&line, ' ');
	ret->version = line; /* absent when a space is missing */
	return line.p != NULL && ret->method.n > 0 && ret->target.n > 0;
}

/* RFC 9112 2.3 and 3: three words, exactly one space between them. */
static enum step
check_request_line(struct http_parse *p, struct span line, struct err *e)
{
	struct request_line r;

	if (!cut_request_line(line, &r))
		return fail(p, 400, e, "RFC 9112 3",
			"the request line is not a method, a target and a version with one space "
			"between them");
	if (!head_token(r.method))
		return fail(p, 400, e, "RFC 9110 9.1", "the method is not a token");
	if (span_is(r.version, "HTTP/1.1") || span_is(r.version, "HTTP/1.0"))
		return STEP_READ;
	const char *v = r.version.p;
	if (r.version.n == 8 && memcmp(v, "HTTP/", 5) == 0 && v[5] >= '0' && v[5] <= '9' &&
		v[6] == '.' && v[7] >= '0' && v[7] <= '9')
		return fail(p, 505, e, "RFC 9110 15.6.6", "use HTTP/1.1");
	return fail(p, 400, e, "RFC 9112 2.3", "the version is not HTTP/1.1 or HTTP/1.0");
}

/* RFC 9112 5: a token, a colon directly behind it, a value. */
static enum step
check_field_line(struct http_parse *p, struct span line, struct err *e)
{
	struct span value = line;
	struct span name = span_cut(&value, ':');

	if (p->lines > HTTP_FIELDS_MAX)
		return limit(p, 431, e, "RFC 6585 5", HTTP_FIELDS_MAX, "header fields");
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return fail(p, 400, e, "RFC 9112 5.2", "a header line begins with a blank");
	if (value.p == NULL)
		return fail(p, 400, e, "RFC 9112 5", "a header line has no colon");
	if (!head_token(name))
		return fail(p, 400, e, "RFC 9112 5.1", "a header field name is not a token");
	return STEP_READ;
}

/* The line [p->line, at - 1) ended with CR, LF at `at`.  STEP_DONE: it was the end of the head. */
static enum step
end_line(struct http_parse *p, const char *b, size_t at, struct err *e)
{
	if (at == p->line || b[at - 1] != '\r')
		return fail(p, 400, e, "RFC 9112 2.2", "a line ends with LF alone");
	struct span line = {b + p->line, at - 1 - p->line};
	enum step s = STEP_READ;
	if (line.n == 0 && p->lines > 0)
		return STEP_DONE;
	if (line.n == 0) {
		p->empty++;
		if (p->empty > HTTP_EMPTY_MAX)
			return fail(p, 400, e, "RFC 9112 2.2", "empty lines before the request");
	} else {
		s = p->lines == 0 ? check_request_line(p, line, e) : check_field_line(p, line, e);
		p->lines++;
	}
	p->line = at + 1;
	return s;
}

/* Of a request line that goes on beyond `n` bytes: is it still within the limits? */
static enum step
check_length(struct http_parse *p, struct span line, struct err *e)
{
	if (line.n == HTTP_METHOD_MAX && !span_has(line, ' ')) {
		if (!head_token(line))
			return fail(p, 400, e, "RFC 9110 9.1", "the method is not a token");
		return limit(p, 501, e, "RFC 9110 9.1", HTTP_METHOD_MAX, "bytes in the method");
	}
	if (line.n < HTTP_LINE_MAX)
		return STEP_READ;
	return limit(p, 414, e, "RFC 9110 15.5.15", HTTP_LINE_MAX, "bytes in the request line");
}

/* Any byte but LF, at b[at]. */
static enum step
check_byte(struct http_parse *p, const char *b, size_t at, struct err *e)
{
	unsigned char c = (unsigned char)b[at];

	if (at > p->line && b[at - 1] == '\r')
		return fail(p, 400, e, "RFC 9112 2.2", "CR without LF");
	if (c == '\r')
		return STEP_READ;
	if ((c < 0x20 && (c != '\t' || p->lines == 0)) || c == 0x7f)
		return fail(p, 400, e, p->lines == 0 ? "RFC 9112 3" : "RFC 9110 5.5",
			"a control character in the request head");
	if (p->lines == 0)
		return check_length(p, (struct span){b + p->line, at - p->line}, e);
	return STEP_READ;
}

/* Eight bytes at once: is none of them a control character?  (May say no where all are plain.) */
static bool
plain8(const char *p)
{
	const uint64_t ones = 0x0101010101010101U;
	uint64_t v = 0;

	memcpy(&v, p, sizeof(v));
	uint64_t del = v ^ (ones * 0x7f);
	uint64_t low = (v - ones * 0x20) & ~v;
	uint64_t zero = (del - ones) & ~del;
	return ((low | zero) & (ones * 0x80)) == 0;
}

/* The first byte from `at` on of a field line that needs a look; a byte after CR always does. */
static size_t
skip_plain(const char *b, size_t at, size_t end)
{
	if (at > 0 && b[at - 1] == '\r')
		return at;
	while (end - at >= 8 && plain8(b + at))
		at += 8;
	while (at < end && (unsigned char)b[at] >= 0x20 && b[at] != 0x7f)
		at++;
	return at;
}

/* The second pass: `head` is whole and each line is good. */
static enum step
build(struct http_parse *p, struct span head, struct http_head *ret, struct err *e)
{
	struct span rest = span_skip(head, (size_t)p->empty * 2);
	struct span line = span_cut(&rest, '\n');
	struct request_line r;

	if (!cut_request_line(span_first(line, line.n - 1), &r)) /* cannot happen: checked */
		return fail(p, 400, e, "RFC 9112 3", "no request line");
	*ret = (struct http_head){.method_text = r.method, .target = r.target};
	ret->minor = (unsigned)(r.version.p[7] - '0');
	for (;;) {
		line = span_cut(&rest, '\n');
		if (line.n <= 1 || ret->n_fields == HTTP_FIELDS_MAX)
			break;
		struct span value = span_first(line, line.n - 1);
		struct span name = span_cut(&value, ':');
		ret->field[ret->n_fields++] = (struct http_field){name, span_trim(value)};
	}
	if (!head_finish(ret, &p->status, e))
		return STEP_FAIL;
	/* Framing comes before the method, so that a head that could hide another is a 400. */
	if (!head_method(r.method, &ret->method))
		return fail(p, 501, e, "RFC 9110 9.1", "this server does not know the method");
	return STEP_DONE;
}

enum step
http_parse(struct http_parse *p, struct span buffered, struct http_head *ret, size_t *used,
	struct err *e)
{
	enum step s = STEP_READ;
	size_t end = buffered.n < HTTP_HEAD_MAX ? buffered.n : HTTP_HEAD_MAX;

	if (p->status != 0)
		return fail(p, p->status, e, NULL, "the request before could not be read");
	while (p->seen < end && s == STEP_READ) {
		if (p->lines > 0)
			p->seen = skip_plain(buffered.p, p->seen, end);
		if (p->seen == end)
			break;
		size_t at = p->seen++;
		s = buffered.p[at] == '\n' ? end_line(p, buffered.p, at, e)
					   : check_byte(p, buffered.p, at, e);
	}
	if (s == STEP_READ && p->seen >= HTTP_HEAD_MAX)
		return limit(p, 431, e, "RFC 6585 5", HTTP_HEAD_MAX, "bytes in the request head");
	if (s != STEP_DONE)
		return s;
	struct http_head head;
	s = build(p, span_first(buffered, p->seen), &head, e);
	if (s == STEP_DONE) {
		*ret = head;
		*used = p->seen;
	}
	return s;
}
