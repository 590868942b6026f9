/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lint.h"

#include "policy/lint_cover.h"
#include "policy/lint_notes.h"
#include "policy/lint_rules.h"
#include "policy/scalar.h"

#define STATE_BIT(s) (1U << ((s)-1))
#define NOWHERE      ((struct place){0, 0})

/* ---- L3, L4, L5: what nobody gets ---- */

/*
 * Does a permit decide such a question?  Terms stop whoever has no token to accept them with.
 * COVER_NONE also when there is no such question.
 */
static bool
nobody(const struct policy *p, struct cover *c, const struct cover_query *q)
{
	struct cover_case any;

	if (!cover_possible(c, q))
		return false;
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];
		if (r->permit && (q->known || lint_rules_no_terms(r)) &&
			cover_decides(c, q, i, &any) != COVER_NONE)
			return false;
	}
	return true;
}

static void
check_open(struct lint_notes *l, const struct policy *p, struct cover *c)
{
	struct cover_query q = cover_all;

	q.actions = 1U << ACTION_DATA_READ;
	q.states = STATE_BIT(STATE_OPEN);
	if (nobody(p, c, &q))
		lint_notes_add(l, p, NOWHERE, "L3",
			"nobody can read data in the state open; add a permit of data.read with "
			"when: {state: open}, or narrow the rules that deny it");
}

static void
check_record(struct lint_notes *l, const struct policy *p, struct cover *c)
{
	struct cover_query q = {
		.actions = 1U << ACTION_META_PUBLIC,
		.states = STATE_BIT(STATE_EMBARGOED),
		.anonymous = true,
	};

	if ((p->mint == MINT_AT_EXPERIMENT_END || p->mint == MINT_ON_REQUEST) && nobody(p, c, &q))
		lint_notes_add(l, p, p->mint_at, "L4",
			"no rule permits meta.public to anonymous subjects in the state embargoed, "
			"although doi.mint is %s: a DOI needs a public page; permit it, or mint at "
			"the release",
			model_mints[p->mint]);
	q.states = STATE_BIT(STATE_WITHDRAWN);
	if (nobody(p, c, &q))
		lint_notes_add(l, p, NOWHERE, "L5",
			"no tombstone: meta.public is denied to anonymous subjects in the state "
			"withdrawn; add a permit of it with when: {state: withdrawn} and "
			"obligations: [tombstone]");
}

/* ---- L8: what nothing uses ---- */

static bool
obliged(const struct policy *p, const char *prefix, struct span id)
{
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t k = 0; k < p->rules[i].n_obligations; k++) {
			struct span o = p->rules[i].obligations[k];
			struct span name = span_skip(o, span_of(prefix).n);
			if (span_starts(o, span_of(prefix)) && span_eq(span_cut(&name, '@'), id))
				return true;
		}
	return false;
}

static void
check_groups(struct lint_notes *l, const struct policy *p)
{
	for (size_t i = 0; i < p->n_groups; i++)
		if (!p->groups[i].used)
			lint_notes_add(l, p, p->groups[i].at, "L8",
				"nothing uses the group '%.*s'; name it where roles stand, or "
				"delete it",
				SPAN_ARG(p->groups[i].id));
}

static void
check_terms(struct lint_notes *l, const struct policy *p)
{
	for (size_t i = 0; i < p->n_terms; i++)
		if (!obliged(p, "accept-terms:", p->terms[i].id))
			lint_notes_add(l, p, p->terms[i].at, "L8",
				"no rule asks for the terms '%.*s'; add accept-terms:%.*s@%u to "
				"the obligations of one, or delete them",
				SPAN_ARG(p->terms[i].id), SPAN_ARG(p->terms[i].id),
				p->terms[i].version);
}

static void
check_rates(struct lint_notes *l, const struct policy *p)
{
	for (size_t i = 0; i < p->n_rates; i++)
		if (!obliged(p, "rate:", p->rates[i].id))
			lint_notes_add(l, p, p->rates_at[i], "L8",
				"no rule uses the rate class '%.*s'; add rate:%.*s to the "
				"obligations of one, or delete it",
				SPAN_ARG(p->rates[i].id), SPAN_ARG(p->rates[i].id));
}

/* ---- L9: what has no effect ---- */

static void
check_embargo(struct lint_notes *l, const struct policy *p)
{
	const struct embargo *m = &p->embargo;
	const struct {
		bool without;
		const char *key, *other, *what;
		struct place at;
	} rows[] = {
		{m->approve.n > 0 && m->extend_by.n == 0, "approve", "extend_by",
			"ask for a longer embargo", m->approve_at},
		{m->capped && m->extend_by.n == 0, "max_extension", "extend_by",
			"ask for a longer embargo", m->max_extension_at},
		{m->early_approve.n > 0 && m->early_release.n == 0, "early_approve",
			"early_release", "open data earlier", m->early_approve_at},
		{m->window > 0 && m->early_release.n == 0, "objection_window", "early_release",
			"open data earlier", m->window_at},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].without)
			lint_notes_add(l, p, rows[i].at, "L9",
				"'%s' without '%s' has no effect: nobody may %s; name the roles "
				"in '%s', or delete '%s'",
				rows[i].key, rows[i].other, rows[i].what, rows[i].other,
				rows[i].key);
}

/* ---- L10: between policies ---- */

static void
add_date(struct buf *b, int32_t date)
{
	scalar_write_date(b, date);
}

/* The policy of the same milestone that begins next after `p` ends. */
static const struct policy *
next_of(const struct policy_set *s, const struct policy *p)
{
	const struct policy *next = NULL;

	for (size_t i = 0; i < policy_set_count(s); i++) {
		const struct policy *o = policy_set_policy(s, i);
		if (o->bind_on == p->bind_on && o->valid_from >= p->valid_until &&
			(next == NULL || o->valid_from < next->valid_from))
			next = o;
	}
	return next;
}

static void
check_gap(struct lint_notes *l, const struct policy_set *s, const struct policy *p)
{
	AUTO_BUF from = BUF_INIT(64);
	AUTO_BUF until = BUF_INIT(64);
	const struct policy *next = p->has_until ? next_of(s, p) : NULL;

	if (next == NULL || next->valid_from == p->valid_until)
		return;
	add_date(&from, p->valid_until);
	add_date(&until, next->valid_from - 1);
	lint_notes_add(l, p, (struct place){p->from_line, p->from_col}, "L10",
		"a gap: no policy applies to data of %.*s to %.*s, since '%.*s' ends and '%.*s' "
		"(%s) begins later; let valid_until of the one be valid_from of the other",
		SPAN_ARG(buf_span(&from)), SPAN_ARG(buf_span(&until)), SPAN_ARG(p->id),
		SPAN_ARG(next->id), next->file);
}

/* The same milestone is refused at load; with two of them both may fit one dataset. */
static void
check_overlap(struct lint_notes *l, const struct policy *a, const struct policy *b)
{
	AUTO_BUF from = BUF_INIT(64);
	int32_t first = a->valid_from > b->valid_from ? a->valid_from : b->valid_from;

	if (a->bind_on == b->bind_on || (a->has_until && a->valid_until <= first) ||
		(b->has_until && b->valid_until <= first))
		return;
	add_date(&from, first);
	lint_notes_add(l, b, (struct place){b->from_line, b->from_col}, "L10",
		"an overlap: from %.*s on both '%.*s' (by %s) and '%.*s' (%s, by %s) may fit one "
		"dataset, which then nobody gets; give them one bind_on, or the older one a "
		"valid_until",
		SPAN_ARG(buf_span(&from)), SPAN_ARG(b->id), milestone_names[b->bind_on],
		SPAN_ARG(a->id), a->file, milestone_names[a->bind_on]);
}

static void
check_between(struct lint_notes *l, const struct policy_set *s, size_t at)
{
	const struct policy *p = policy_set_policy(s, at);

	check_gap(l, s, p);
	for (size_t i = 0; i < at; i++)
		check_overlap(l, policy_set_policy(s, i), p);
}

/* ---- all ---- */

static void
check_policy(struct lint_notes *l, const struct policy *p)
{
	struct cover *c = cover_new(p);

	check_groups(l, p);
	check_terms(l, p);
	check_rates(l, p);
	check_embargo(l, p);
	if (c == NULL) {
		lint_notes_aside(l, p, &p->rules[0], "L1", "no memory to look at the rules");
		return;
	}
	check_open(l, p, c);
	check_record(l, p, c);
	lint_rules(l, p, c);
	cover_free(c);
}

typedef unsigned write_notes(struct lint_notes *l, struct buf *out);

static unsigned
lint(const struct policy_set *s, write_notes *write, struct buf *out)
{
	struct lint_notes l;
	unsigned findings = 0;

	if (lint_notes_init(&l)) {
		for (size_t i = 0; i < policy_set_count(s); i++) {
			l.order = i;
			check_policy(&l, policy_set_policy(s, i));
			check_between(&l, s, i);
		}
		findings = write(&l, out);
	}
	lint_notes_fini(&l);
	return findings;
}

unsigned
policy_lint(const struct policy_set *s, struct buf *report)
{
	return lint(s, lint_notes_write, report);
}

unsigned
policy_lint_json(const struct policy_set *s, struct buf *out)
{
	return lint(s, lint_notes_json, out);
}
