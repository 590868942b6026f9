/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/text.h"

struct span
text_utf8(struct span bytes, struct arena *a)
{
	if (span_utf8(bytes))
		return arena_span(a, bytes);
	char *out = arena_alloc(a, 2 * bytes.n);
	size_t n = 0;
	if (out == NULL)
		return SPAN_NONE;
	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		if (c >= 0x80)
			out[n++] = (char)(0xc0 | c >> 6);
		out[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
	}
	return (struct span){out, n};
}

/* Whole texts that programs write where nobody said anything; without regard to case. */
static const struct span nothing_said[] = {
	SPAN_INIT("sample-char-data"),
	SPAN_INIT("unnamed sample"),
	SPAN_INIT("name surname"),
	SPAN_INIT("from_dials"),
	SPAN_INIT("unknown"),
	SPAN_INIT("undefined"),
	SPAN_INIT("unnamed"),
	SPAN_INIT("untitled"),
	SPAN_INIT("not set"),
	SPAN_INIT("not specified"),
	SPAN_INIT("none"),
	SPAN_INIT("null"),
	SPAN_INIT("nan"),
	SPAN_INIT("n/a"),
	SPAN_INIT("na"),
	SPAN_INIT("tbd"),
	SPAN_INIT("todo"),
	SPAN_INIT("xxx"),
	SPAN_INIT("?"),
	SPAN_INIT("-"),
	SPAN_INIT("--"),
	SPAN_INIT("."),
};

/*
 * "{File name}", "{facility or program where file originated}?", "<title>", "${title}": all of the
 * text is one pair of brackets with words, not "{111} texture" or "{Fe,Co} mixed".
 */
static bool
is_template(struct span s)
{
	if (s.n > 0 && s.p[0] == '$')
		s = span_skip(s, 1);
	if (s.n > 0 && s.p[s.n - 1] == '?')
		s.n--;
	if (s.n < 3)
		return false;
	char open = s.p[0];
	char close = s.p[s.n - 1];
	if (!(open == '{' && close == '}') && !(open == '<' && close == '>'))
		return false;
	struct span in = {s.p + 1, s.n - 2};
	return !span_has(in, open) && !span_has(in, close) && !span_has(in, ',');
}

static bool
is_placeholder(struct span s)
{
	for (size_t i = 0; i < sizeof(nothing_said) / sizeof(nothing_said[0]); i++)
		if (span_eq_nocase(s, nothing_said[i]))
			return true;
	return is_template(s);
}

static bool
is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* C0 and DEL; in UTF-8 also C1 (U+0080 to U+009F), which ISO-8859-1 has as controls. */
static bool
is_control(struct span s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];

	if (c == 0xc2 && i + 1 < s.n)
		return (unsigned char)s.p[i + 1] < 0xa0;
	return c < 0x20 || c == 0x7f;
}

size_t
text_cut(struct span s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s.n;
	while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

bool
text_shown(struct span s, struct arena *a, struct span *ret)
{
	char *out = s.n > 0 ? arena_alloc(a, s.n) : NULL;
	size_t n = 0;

	if (out == NULL)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (is_blank((unsigned char)s.p[i])) {
			if (n > 0 && out[n - 1] != ' ')
				out[n++] = ' ';
			continue;
		}
		if (is_control(s, i))
			return false;
		out[n++] = s.p[i];
	}
	if (n > 0 && out[n - 1] == ' ')
		n--;
	struct span kept = {out, n};
	if (n == 0 || is_placeholder(kept))
		return false;
	kept.n = text_cut(kept, TEXT_SHOWN);
	*ret = kept;
	return true;
}
