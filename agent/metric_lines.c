/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metric_lines.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Bytes at the beginning that are of one kind. */
static size_t
run_of(struct span s, bool (*kind)(char c))
{
	size_t n = 0;

	while (n < s.n && kind(s.p[n]))
		n++;
	return n;
}

/* Take a prefix of the text away, if it begins so. */
static bool
take(struct span *rest, const char *text)
{
	struct span want = span_of(text);

	if (!span_starts(*rest, want))
		return false;
	*rest = span_skip(*rest, want.n);
	return true;
}

static bool
take_run(struct span *rest, bool (*kind)(char c))
{
	size_t n = run_of(*rest, kind);

	*rest = span_skip(*rest, n);
	return n > 0;
}

static bool
take_name(struct span *rest, const char *const *prefixes)
{
	while (*prefixes != NULL && !span_starts(*rest, span_of(*prefixes)))
		prefixes++;
	return *prefixes != NULL && take(rest, *prefixes) && take_run(rest, is_word);
}

/* name="value" of a label; in the value \\, \" and \n stand for themselves. */
static bool
take_label(struct span *rest)
{
	if (rest->n == 0 || is_digit(rest->p[0]) || !take_run(rest, is_word) || !take(rest, "=\""))
		return false;
	while (rest->n > 0 && rest->p[0] != '"') {
		bool escaped = rest->p[0] == '\\';
		if (escaped && (rest->n < 2 || !span_has(SPAN("\\\"n"), rest->p[1])))
			return false;
		*rest = span_skip(*rest, escaped ? 2 : 1);
	}
	return take(rest, "\"");
}

static bool
take_labels(struct span *rest)
{
	if (!take(rest, "{"))
		return true;
	while (take_label(rest))
		if (!take(rest, ","))
			return take(rest, "}");
	return false;
}

/* -?digits[.digits][e[+-]digits], and nothing behind it */
static bool
is_number(struct span s)
{
	(void)take(&s, "-");
	if (!take_run(&s, is_digit))
		return false;
	if (take(&s, ".") && !take_run(&s, is_digit))
		return false;
	if (!take(&s, "e"))
		return s.n == 0;
	if (!take(&s, "+"))
		(void)take(&s, "-");
	return take_run(&s, is_digit) && s.n == 0;
}

static bool
is_line(struct span line, const char *const *prefixes)
{
	if (line.n > METRIC_LINE_MAX || !span_utf8(line) || span_control(line))
		return false;
	if (take(&line, "# HELP "))
		return take_name(&line, prefixes) && take(&line, " ") && line.n > 0;
	if (take(&line, "# TYPE "))
		return take_name(&line, prefixes) &&
		       (span_is(line, " counter") || span_is(line, " gauge"));
	return take_name(&line, prefixes) && take_labels(&line) && take(&line, " ") &&
	       is_number(line);
}

size_t
metric_lines(struct span text, const char *const *prefixes, struct buf *out)
{
	size_t dropped = 0;

	while (text.n > 0) {
		struct span line = span_cut(&text, '\n');
		if (!is_line(line, prefixes)) {
			dropped++;
			continue;
		}
		buf_add(out, line);
		buf_addc(out, '\n');
	}
	return dropped;
}
