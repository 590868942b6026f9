/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/entitlement.h"

#include <string.h>

static bool
hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char
shift(char c, char from, char to, char other)
{
	return c >= from && c <= to ? (char)(c - from + other) : c;
}

/* RFC 8141 2: what a URN with a fragment may hold; '#' is looked at elsewhere. */
static bool
urn_char(char c)
{
	return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL;
}

/* Escapes in upper case; false when the text is not made of URN characters and whole escapes. */
static bool
normal_chars(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!urn_char(p[i]))
			return false;
		if (p[i] != '%')
			continue;
		if (n - i < 3 || !hex(p[i + 1]) || !hex(p[i + 2]))
			return false;
		p[i + 1] = shift(p[i + 1], 'a', 'f', 'A');
		p[i + 2] = shift(p[i + 2], 'a', 'f', 'A');
		i += 2;
	}
	return true;
}

/* Cut the namespace off: everything before the first component `group` or `res` that follows
 * "urn", an identifier and at least one more. */
static bool
cut_space(struct span *rest, struct entitlement *t)
{
	struct span all = *rest;

	for (unsigned i = 0; rest->p != NULL; i++) {
		struct span c = span_cut(rest, ':');
		if (c.n == 0 || (i == 0 && !span_eq_nocase(c, SPAN("urn"))))
			return false;
		bool group = span_eq_nocase(c, SPAN("group"));
		if (i < 3 || (!group && !span_eq_nocase(c, SPAN("res"))))
			continue;
		/* `GROUP` would turn into the mark when the namespace is put in lower case. */
		if (!span_is(c, group ? "group" : "res"))
			return false;
		t->capability = !group;
		t->space = span_first(all, (size_t)(c.p - all.p) - 1);
		return rest->p != NULL;
	}
	return false;
}

/* The path: components without an empty one, `role=` as the last one or nowhere. */
static bool
cut_role(struct span rest, struct entitlement *t)
{
	static const struct span mark = SPAN_INIT("role=");
	struct span at = rest;

	t->path = rest;
	while (at.p != NULL) {
		struct span c = span_cut(&at, ':');
		if (c.n == 0)
			return false;
		if (!span_starts(c, mark))
			continue;
		if (at.p != NULL || c.n == mark.n || c.p == rest.p)
			return false;
		t->role = span_skip(c, mark.n);
		t->path = span_first(rest, (size_t)(c.p - rest.p) - 1);
	}
	return true;
}

/*
 * urn:mace:egi.eu:aai.egi.eu:member@fedcloud.egi.eu: everything before the last two components, of
 * which the last one holds an @.  Absent: not of that form.
 */
static struct span
older_space(struct span text)
{
	struct span rest = text;
	size_t n = 0;
	size_t cut[2] = {0, 0}; /* where the last two components begin */

	while (rest.p != NULL) {
		struct span c = span_cut(&rest, ':');
		if (c.n == 0 || (n == 0 && !span_eq_nocase(c, SPAN("urn"))))
			return SPAN_NONE;
		cut[0] = cut[1];
		cut[1] = (size_t)(c.p - text.p);
		n++;
	}
	struct span last = span_skip(text, cut[1]);
	struct span role = span_cut(&last, '@');
	if (n < 5 || role.n == 0 || last.n == 0 || span_has(last, '@'))
		return SPAN_NONE;
	return span_first(text, cut[0] - 1);
}

/* The parts of a value of the AARC form; false: it is not of that form. */
static bool
take_apart(struct entitlement *t)
{
	struct span authority = t->text;
	struct span rest = span_cut(&authority, '#');

	if (authority.p != NULL) {
		if (authority.n == 0 || span_has(authority, '#'))
			return false;
		t->authority = authority;
	}
	return cut_space(&rest, t) && cut_role(rest, t);
}

bool
entitlement_parse(struct span value, struct arena *mem, struct entitlement *ret)
{
	if (value.n > ENTITLEMENT_MAX)
		return false;
	struct entitlement t = {.text = arena_span(mem, value)};
	char *copy = arena_str(mem, value);
	if (t.text.p == NULL || copy == NULL)
		return false;
	struct entitlement n = {.text = {copy, value.n}};
	if (!normal_chars(copy, value.n) || !take_apart(&n)) {
		t.opaque = true;
		t.space = older_space(t.text);
		*ret = t;
		return true;
	}
	for (size_t i = 0; i < n.space.n; i++) {
		/* An escape keeps its upper case; everything else of the namespace loses it. */
		if (copy[i] == '%')
			i += 2;
		else
			copy[i] = shift(copy[i], 'A', 'Z', 'a');
	}
	*ret = n;
	return true;
}
