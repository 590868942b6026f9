/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/answer_challenge.h"

#include <string.h>

/* The field as it is read. */
struct reading {
	struct span rest;
	struct arena *mem;
	bool bearer; /* the parameters that come are of the first Bearer challenge */
	bool met;
	struct answer_challenge got;
};

static bool
malformed(struct err *e)
{
	return err_set(e, ERR_SYNTAX, "RFC 9110 11.6.1", "WWW-Authenticate is malformed");
}

/* RFC 9110 5.6.2 */
static bool
tchar(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void
skip_blanks(struct span *s)
{
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = span_skip(*s, 1);
}

static struct span
cut_token(struct span *s)
{
	size_t n = 0;

	while (n < s->n && tchar(s->p[n]))
		n++;
	struct span token = span_first(*s, n);
	*s = span_skip(*s, n);
	return token;
}

/* quoted-string (RFC 9110 5.6.4) behind its first quote.  False: it does not end. */
static bool
cut_quoted(struct span *s, struct arena *mem, struct span *ret)
{
	char *to = arena_alloc(mem, s->n + 1);
	size_t n = 0;

	while (to != NULL && s->n > 0 && s->p[0] != '"') {
		if (s->p[0] == '\\')
			*s = span_skip(*s, 1);
		if (s->n > 0)
			to[n++] = s->p[0];
		*s = span_skip(*s, 1);
	}
	if (to == NULL || s->n == 0)
		return false;
	*s = span_skip(*s, 1);
	*ret = (struct span){to, n};
	return true;
}

static bool
shown_safely(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

static void
keep(struct reading *r, struct span name, struct span value)
{
	const struct {
		const char *name;
		struct span *to;
	} rows[] = {
		{"error", &r->got.error},
		{"error_description", &r->got.description},
		{"scope", &r->got.scope},
		{"acr_values", &r->got.acr},
		{"resource_metadata", &r->got.metadata},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (r->bearer && span_eq_nocase(name, span_of(rows[i].name)) &&
			rows[i].to->p == NULL && shown_safely(value))
			*rows[i].to = value;
}

/* Behind "name=": a token or a quoted string. */
static bool
read_value(struct reading *r, struct span name)
{
	struct span value = SPAN_NONE;

	skip_blanks(&r->rest);
	if (r->rest.n > 0 && r->rest.p[0] == '"') {
		r->rest = span_skip(r->rest, 1);
		if (!cut_quoted(&r->rest, r->mem, &value))
			return false;
	} else {
		value = arena_span(r->mem, cut_token(&r->rest));
		if (value.n == 0)
			return false;
	}
	keep(r, name, value);
	return true;
}

/* What follows a scheme may be token68 (RFC 9110 11.2), of no use here. */
static void
skip_token68(struct span *s)
{
	struct span at = *s;
	size_t n = 0;

	while (n < at.n && (tchar(at.p[n]) || at.p[n] == '/'))
		n++;
	size_t pad = n;
	while (pad < at.n && at.p[pad] == '=')
		pad++;
	at = span_skip(at, pad);
	skip_blanks(&at);
	if (n > 0 && (at.n == 0 || at.p[0] == ','))
		*s = at;
}

/* A parameter, or the scheme of the next challenge and what may follow it. */
static bool
read_one(struct reading *r)
{
	struct span name = cut_token(&r->rest);
	struct span behind = r->rest;

	if (name.n == 0)
		return false;
	skip_blanks(&behind);
	if (behind.n > 0 && behind.p[0] == '=') {
		r->rest = span_skip(behind, 1);
		return read_value(r, name);
	}
	r->bearer = !r->met && span_eq_nocase(name, SPAN("Bearer"));
	r->met = r->met || r->bearer;
	bool blank = behind.n < r->rest.n;
	r->rest = behind;
	if (!blank || r->rest.n == 0)
		return true;
	if (r->rest.p[0] == ',')
		return true;
	skip_token68(&r->rest);
	if (r->rest.n == 0 || r->rest.p[0] == ',')
		return true;
	name = cut_token(&r->rest);
	skip_blanks(&r->rest);
	if (name.n == 0 || r->rest.n == 0 || r->rest.p[0] != '=')
		return false;
	r->rest = span_skip(r->rest, 1);
	return read_value(r, name);
}

bool
answer_challenge_parse(
	struct span field, struct arena *mem, struct answer_challenge *ret, struct err *e)
{
	struct reading r = {.rest = field, .mem = mem};

	for (;;) {
		skip_blanks(&r.rest);
		if (r.rest.n == 0)
			break;
		if (r.rest.p[0] == ',') {
			r.rest = span_skip(r.rest, 1);
			continue;
		}
		if (!read_one(&r))
			return malformed(e);
		skip_blanks(&r.rest);
		if (r.rest.n > 0 && r.rest.p[0] != ',')
			return malformed(e);
	}
	if (!r.met)
		return err_set(e, ERR_ABSENT, "RFC 6750 3", "no Bearer challenge");
	*ret = r.got;
	return true;
}
