/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/me_facts.h"

#include "auth/claims.h"
#include "auth/entitlement.h"

#include <string.h>

struct telling {
	const struct me_source *s;
	struct arena *mem;
	struct me_facts *f;
	size_t next; /* of the subject's entitlements: those before were met */
};

/* ---- where a claim stood ---- */

static bool
in_list(const struct json *list, struct span name)
{
	struct span s = SPAN_NONE;

	for (size_t i = 0; i < json_count(list); i++)
		if (json_str(json_at(list, i), &s) && span_eq(s, name))
			return true;
	return false;
}

static const char *
origin(const struct me_source *s, struct span claim)
{
	struct span rest = claim;
	const struct json *list = json_get(s->kept, "userinfo");

	if (s->kept == NULL)
		return "token";
	/* Of "a/b", a is what the issuer sent. */
	return in_list(list, claim) || in_list(list, span_cut(&rest, '/')) ? "userinfo"
									   : "ID token";
}

/* ---- who ---- */

static void
tell_who(struct telling *t)
{
	const struct me_source *s = t->s;
	struct me_facts *f = t->f;
	bool first = claims_at(s->claims, s->issuer->user) != NULL;

	f->id_claim = first || s->issuer->user_else.p == NULL || s->claims == NULL
			      ? s->issuer->user
			      : s->issuer->user_else;
	f->id_from = s->claims != NULL        ? origin(s, f->id_claim)
		     : s->subject->incomplete ? "token" /* its issuer gave no answer */
					      : "issuer's answer";
	if (!json_get_str(s->claims, "name", &f->name))
		(void)json_get_str(s->claims, "preferred_username", &f->name);
	(void)json_get_str(s->claims, "email", &f->email);
	(void)json_truth(json_get(s->claims, "email_verified"), &f->email_verified);
}

/* ---- groups ---- */

static struct span
why_counts(const struct subject *s)
{
	if (s->unlisted && s->several)
		return SPAN("the issuer has no list of namespaces, so it counts in rules that name "
			    "the issuer (entitlement_namespaces)");
	if (s->unlisted)
		return SPAN("the only issuer, without a list of namespaces");
	return SPAN("its namespace is one that this issuer may give");
}

static struct span
why_not(struct telling *t, const struct entitlement *x)
{
	if (x->opaque)
		return SPAN(
			"not of the form of an entitlement (AARC-G069), so its namespace is not "
			"known, and this issuer may give only some");
	return arena_printf(t->mem,
		"namespace %.*s is not one that this issuer may give (entitlement_namespaces)",
		SPAN_ARG(span_first(x->space, 200)));
}

/* The subject's entitlements are these very values, without those that do not count, in order. */
static bool
met(struct telling *t, struct span text)
{
	const struct subject *s = t->s->subject;

	if (t->next >= s->n_entitlements || !span_eq(s->entitlements[t->next], text))
		return false;
	t->next++;
	return true;
}

static void
tell_group(struct telling *t, struct span claim, const struct json *v, struct me_value *to)
{
	struct entitlement x;
	struct span text = SPAN_NONE;

	*to = (struct me_value){.claim = claim, .from = origin(t->s, claim)};
	if (!json_str(v, &text) || text.n == 0) {
		to->value = SPAN("?");
		to->why = SPAN("no text, so it says nothing");
		return;
	}
	to->value = text;
	if (!entitlement_parse(text, t->mem, &x)) {
		to->why = SPAN("too long to be one");
		return;
	}
	to->counts = met(t, x.text);
	to->why = to->counts ? why_counts(t->s->subject) : why_not(t, &x);
}

static size_t
count_values(const struct json *v)
{
	return json_kind(v) == JSON_KIND_LIST ? json_count(v) : v != NULL;
}

static bool
tell_claims(struct telling *t)
{
	const struct issuer *i = t->s->issuer;
	struct me_facts *f = t->f;
	size_t total = 0;

	for (size_t k = 0; k < i->groups.n; k++)
		total += count_values(claims_at(t->s->claims, i->groups.item[k]));
	if (total > CLAIMS_ENTITLEMENTS_MAX)
		total = CLAIMS_ENTITLEMENTS_MAX;
	f->groups = arena_array(t->mem, total + 1, sizeof(*f->groups));
	if (f->groups == NULL)
		return false;
	for (size_t k = 0; k < i->groups.n; k++) {
		const struct json *v = claims_at(t->s->claims, i->groups.item[k]);
		bool list = json_kind(v) == JSON_KIND_LIST;
		for (size_t m = 0; m < count_values(v) && f->n_groups < total; m++)
			tell_group(t, i->groups.item[k], list ? json_at(v, m) : v,
				&f->groups[f->n_groups++]);
	}
	return true;
}

/* The issuer was asked, or the token tells nothing by itself: what counts is known, no more. */
static bool
tell_counting(struct telling *t)
{
	const struct subject *s = t->s->subject;
	struct me_facts *f = t->f;

	f->groups = arena_array(t->mem, s->n_entitlements + 1, sizeof(*f->groups));
	for (size_t k = 0; k < s->n_entitlements && f->groups != NULL; k++)
		f->groups[f->n_groups++] = (struct me_value){.value = s->entitlements[k],
			.claim = t->s->issuer->groups.n == 1 ? t->s->issuer->groups.item[0]
							     : SPAN("one of its group claims"),
			.from = "issuer's answer",
			.counts = true,
			.why = why_counts(s)};
	return f->groups != NULL;
}

/* ---- assurance ---- */

static bool
tell_assurance(struct telling *t)
{
	static const struct span claim = SPAN_INIT("eduperson_assurance");
	static const struct span known[] = {SPAN_INIT("https://refeds.org/assurance/IAP/"),
		SPAN_INIT("https://refeds.org/assurance/profile/")};
	const struct json *v = json_get(t->s->claims, "eduperson_assurance");
	bool list = json_kind(v) == JSON_KIND_LIST;
	size_t n = count_values(v) < 100 ? count_values(v) : 100;
	struct me_facts *f = t->f;

	f->assurance = arena_array(t->mem, n + 1, sizeof(*f->assurance));
	for (size_t m = 0; m < n && f->assurance != NULL; m++) {
		struct me_value one = {.claim = claim, .from = origin(t->s, claim)};
		if (!json_str(list ? json_at(v, m) : v, &one.value))
			continue;
		one.counts = span_starts(one.value, known[0]) || span_starts(one.value, known[1]);
		one.why = one.counts ? SPAN("REFEDS RAF; the highest one counts")
				     : SPAN("says nothing of how well the person was identified");
		f->assurance[f->n_assurance++] = one;
	}
	return f->assurance != NULL;
}

/* ---- scopes, and what is missing ---- */

static bool
tell_scopes(struct telling *t)
{
	struct me_facts *f = t->f;
	struct span text = SPAN_NONE;
	size_t n = 0;

	if (t->s->kept == NULL) {
		f->scopes = t->s->subject->scopes;
		f->n_scopes = t->s->subject->n_scopes;
		return true;
	}
	(void)json_get_str(t->s->kept, "scope", &text);
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ' ';
	struct span *to = arena_array(t->mem, n + 1, sizeof(*to));
	while (to != NULL && text.p != NULL && text.n > 0) {
		struct span word = span_cut(&text, ' ');
		if (word.n > 0)
			to[f->n_scopes++] = word;
	}
	f->scopes = to;
	return to != NULL;
}

static void
note(struct me_facts *f, struct span text)
{
	if (f->n_notes < ME_NOTES_MAX && text.n > 0)
		f->notes[f->n_notes++] = text;
}

static struct span
looked_at(struct telling *t)
{
	AUTO_BUF names = BUF_INIT(2000);
	const struct words *w = &t->s->issuer->groups;

	for (size_t k = 0; k < w->n; k++) {
		buf_adds(&names, k > 0 ? ", " : "");
		buf_add(&names, w->item[k]);
	}
	return arena_span(t->mem, buf_span(&names));
}

static void
tell_notes(struct telling *t)
{
	const struct me_source *s = t->s;
	struct me_facts *f = t->f;
	bool asked = true;

	if (s->subject->incomplete)
		note(f, SPAN("Your groups live at the issuer and could not be fetched now; try "
			     "again in a moment."));
	(void)json_truth(json_get(s->kept, "asked"), &asked);
	if (!asked)
		note(f, SPAN("The issuer's userinfo could not be read when you logged in: names "
			     "and "
			     "groups that stand only there are missing. Log in again."));
	if (f->n_groups == 0)
		note(f, arena_printf(t->mem,
				"The issuer told no groups (looked at: %.*s). A scope that "
				"releases "
				"them may be missing.",
				SPAN_ARG(looked_at(t))));
	if (f->email.n > 0 && !f->email_verified)
		note(f, SPAN("The issuer does not say that it has checked your e-mail address, so "
			     "nothing is linked by it."));
	if (s->subject->local_user.p == NULL && s->subject->n_proposals == 0)
		note(f, SPAN("No account of this facility is linked to you. The user office links "
			     "it."));
	if (s->kept == NULL && s->subject->scoped && s->subject->n_read_paths == 0)
		note(f, SPAN("This issuer's tokens need a path scope to read anything, and yours "
			     "has "
			     "none."));
	if (s->kept != NULL)
		note(f, SPAN("A login in the browser shows who you are on this page; files are "
			     "read "
			     "with a token (pan-agent login)."));
}

bool
me_facts(const struct me_source *s, struct arena *mem, struct me_facts *ret, struct err *e)
{
	struct me_facts f = {.id_claim = SPAN_NONE};
	struct telling t = {.s = s, .mem = mem, .f = &f};

	tell_who(&t);
	bool ok = (s->claims != NULL ? tell_claims(&t) : tell_counting(&t)) && tell_assurance(&t) &&
		  tell_scopes(&t);
	tell_notes(&t);
	if (!ok || mem->full)
		return err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
	*ret = f;
	return true;
}
