/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lint_rules.h"

#include "agent/base/scope.h"
#include "policy/eval.h"

#include <stdlib.h>

#define STATE_BIT(s) (1U << ((s)-1))
/* All but open. */
#define STATES_CLOSED ((1U << (STATE_OPEN - 1)) - 1U)
#define TEXT_MAX      ((size_t)1024)

enum { BLOCKERS_NAMED = 3 };

/* ---- words ---- */

static void
add_set(struct buf *out, uint32_t set, const char *const *names, const char *last)
{
	int left = __builtin_popcount(set);
	const char *comma = "";

	for (int i = 0; i < 32 && set >> i != 0; i++) {
		if ((set >> i & 1U) == 0)
			continue;
		buf_addf(out, "%s%s", comma, names[i]);
		comma = --left == 1 ? last : ", ";
	}
}

static void
add_value(struct buf *out, const char *key, struct span value)
{
	if (value.p != NULL)
		buf_addf(out, ", %s %.*s", key, SPAN_ARG(span_first(value, 60)));
}

static void
add_subject(struct buf *out, const struct cover_case *k)
{
	uint32_t roles = k->roles & ~(1U << ROLE_ANONYMOUS | 1U << ROLE_AUTHENTICATED);

	if ((k->roles >> ROLE_ANONYMOUS & 1U) != 0) {
		buf_adds(out, "a reader without a token");
		return;
	}
	buf_adds(out,
		roles == 0 ? "a logged-in reader without any role" : "a reader with the role ");
	add_set(out, roles, role_names, " and ");
	if (k->assurance != ASSURANCE_NONE)
		buf_addf(out, ", assurance %s", assurance_names[k->assurance]);
	add_value(out, "issuer", k->issuer);
	add_value(out, "entitlement", k->entitlements[0]);
	add_value(out, "entitlement", k->entitlements[1]);
}

void
lint_rules_case(const struct cover_case *k, struct buf *out)
{
	add_subject(out, k);
	buf_addf(out, ", state %s", state_names[k->state]);
	if (k->route != ROUTE_ACADEMIC)
		buf_addf(out, ", route %s", route_names[k->route]);
	if (k->flags != 0) {
		buf_adds(out, ", flag ");
		add_set(out, k->flags, flag_names, " and ");
	}
	if (k->network != NETWORK_INTERNET)
		buf_addf(out, ", network %s", network_names[k->network]);
	if (k->purpose != PURPOSE_UNSPECIFIED)
		buf_addf(out, ", purpose %s", purpose_names[k->purpose]);
	if (k->protocol != PROTOCOL_HTTPS)
		buf_addf(out, ", protocol %s", protocol_names[k->protocol]);
	add_value(out, "proposal", k->proposal);
	add_value(out, "instrument", k->instrument);
	add_value(out, "dataset", k->pid);
}

bool
lint_rules_no_terms(const struct rule *r)
{
	for (size_t i = 0; i < r->n_obligations; i++)
		if (span_starts(r->obligations[i], SPAN("accept-terms:")))
			return false;
	return true;
}

/* ---- L1 ---- */

static void
say_impossible(struct lint_notes *l, const struct policy *p, const struct rule *r, struct cover *c,
	size_t i)
{
	lint_notes_rule(l, p, r, "L1",
		"rule '%.*s' can never decide anything: %s; loosen its conditions, or delete it",
		SPAN_ARG(r->id),
		cover_dataset(c, i) ? "no subject meets all that it asks of one"
				    : "no dataset of its routes and flags is ever in its states");
}

static void
say_one(struct lint_notes *l, const struct policy *p, const struct rule *r, const struct rule *by)
{
	if (r->permit && !by->permit)
		lint_notes_rule(l, p, r, "L1",
			"rule '%.*s' can never decide anything: it contradicts '%.*s' (line %u), "
			"which denies all that it permits; narrow '%.*s', or delete '%.*s'",
			SPAN_ARG(r->id), SPAN_ARG(by->id), by->line, SPAN_ARG(by->id),
			SPAN_ARG(r->id));
	else
		lint_notes_rule(l, p, r, "L1",
			"rule '%.*s' can never decide anything: '%.*s' (line %u) stands before it "
			"and %s all of it; put '%.*s' first, or delete it",
			SPAN_ARG(r->id), SPAN_ARG(by->id), by->line,
			r->permit ? "permits" : "denies", SPAN_ARG(r->id));
}

static void
say_several(struct lint_notes *l, const struct policy *p, const struct rule *r, const size_t *by,
	size_t n)
{
	AUTO_BUF names = BUF_INIT(TEXT_MAX);

	for (size_t k = 0; k < n && k < BLOCKERS_NAMED; k++)
		buf_addf(&names, "%s'%.*s' (line %u)",
			k == 0       ? ""
			: k + 1 == n ? " and "
				     : ", ",
			SPAN_ARG(p->rules[by[k]].id), p->rules[by[k]].line);
	if (n > BLOCKERS_NAMED)
		buf_addf(&names, " and %zu other%s", n - BLOCKERS_NAMED,
			n == BLOCKERS_NAMED + 1 ? "" : "s");
	lint_notes_rule(l, p, r, "L1",
		"rule '%.*s' can never decide anything: %.*s together decide all that it matches; "
		"narrow one of them, or delete '%.*s'",
		SPAN_ARG(r->id), SPAN_ARG(buf_span(&names)), SPAN_ARG(r->id));
}

/* Can the rule decide?  True also when nobody can tell. */
static bool
check_reach(struct lint_notes *l, const struct policy *p, struct cover *c, size_t i)
{
	const struct rule *r = &p->rules[i];
	size_t by[BLOCKERS_NAMED];
	struct cover_case any;
	enum cover_answer got = cover_decides(c, &cover_all, i, &any);

	if (got == COVER_UNKNOWN)
		lint_notes_aside(l, p, r, "L1",
			"whether this rule can decide anything was not found out: its conditions "
			"and those of other rules combine in too many ways");
	if (got != COVER_NONE)
		return true;
	size_t n = cover_blockers(c, i, by, BLOCKERS_NAMED);
	if (n == 0)
		say_impossible(l, p, r, c, i);
	else if (n == 1)
		say_one(l, p, r, &p->rules[by[0]]);
	else
		say_several(l, p, r, by, n);
	return false;
}

/* ---- L2 ---- */

/* The closed states in which this permit gives data to such subjects. */
static uint32_t
closed_states(struct cover *c, size_t i, bool anonymous)
{
	struct cover_query q = {
		.actions = 1U << ACTION_DATA_READ,
		.anonymous = anonymous,
		.known = !anonymous,
		.roles = 1U << ROLE_AUTHENTICATED | 1U << ROLE_REGISTERED,
	};
	struct cover_case any;
	uint32_t states = 0;

	for (int s = STATE_WITHDRAWN; s < STATE_OPEN; s++) {
		q.states = STATE_BIT(s);
		if (cover_decides(c, &q, i, &any) == COVER_SOME)
			states |= STATE_BIT(s);
	}
	return states;
}

static void
say_early(struct lint_notes *l, const struct policy *p, const struct rule *r, uint32_t states,
	const char *who)
{
	AUTO_BUF names = BUF_INIT(TEXT_MAX);

	add_set(&names, states, model_states, " and ");
	lint_notes_rule(l, p, r, "L2",
		"rule '%.*s' lets %s read data in the state %.*s; if that is not meant, add a "
		"role, or state: open",
		SPAN_ARG(r->id), who, SPAN_ARG(buf_span(&names)));
}

static void
check_early(struct lint_notes *l, const struct policy *p, struct cover *c, size_t i)
{
	const struct rule *r = &p->rules[i];

	if (!r->permit || (r->actions >> ACTION_DATA_READ & 1U) == 0)
		return;
	/* Who has an entitlement that a rule names is not just anybody. */
	bool named = (r->uses >> WHEN_ENTITLEMENT & 1U) != 0;
	uint32_t all = lint_rules_no_terms(r) ? closed_states(c, i, true) : 0;
	uint32_t known = named ? 0 : closed_states(c, i, false) & ~all;
	if (all != 0)
		say_early(l, p, r, all, "anybody, without a token,");
	if (known != 0)
		say_early(l, p, r, known, "everybody with an account or a token");
}

/* ---- L11 ---- */

/* May somebody write by this rule who is nobody in particular? */
static bool
just_anybody(struct cover *c, size_t i, bool anonymous)
{
	struct cover_query q = {
		.actions = 1U << ACTION_DATA_WRITE,
		.states = cover_all.states,
		.anonymous = anonymous,
		.known = !anonymous,
		.roles = 1U << ROLE_AUTHENTICATED | 1U << ROLE_REGISTERED,
	};
	struct cover_case any;

	return cover_decides(c, &q, i, &any) == COVER_SOME;
}

static void
check_writers(struct lint_notes *l, const struct policy *p, struct cover *c, size_t i)
{
	const struct rule *r = &p->rules[i];
	const char *who = NULL;

	if (!r->permit || (r->actions >> ACTION_DATA_WRITE & 1U) == 0)
		return;
	if (lint_rules_no_terms(r) && just_anybody(c, i, true))
		who = "anybody, without a token,";
	else if ((r->uses >> WHEN_ENTITLEMENT & 1U) == 0 && just_anybody(c, i, false))
		who = "everybody with an account or a token";
	if (who != NULL)
		lint_notes_rule(l, p, r, "L11",
			"rule '%.*s' lets %s add data; if that is not meant, add a role or an "
			"entitlement of your contributors",
			SPAN_ARG(r->id), who);
}

/* ---- L6 ---- */

static void
check_preview(struct lint_notes *l, const struct policy *p, struct cover *c, size_t i)
{
	const struct rule *r = &p->rules[i];
	AUTO_BUF words = BUF_INIT(TEXT_MAX);
	struct cover_case k;

	if (!r->permit || (r->actions >> ACTION_DATA_READ & 1U) == 0 ||
		cover_preview_only(c, i, &k) != COVER_SOME)
		return;
	lint_rules_case(&k, &words);
	lint_notes_rule(l, p, r, "L6",
		"rule '%.*s' permits previews to somebody to whom the raw data are denied (%.*s): "
		"a preview shows the data, so ask the same for both kinds",
		SPAN_ARG(r->id), SPAN_ARG(buf_span(&words)));
}

/* ---- L7 ---- */

static void
mark_tested(const struct policy *p, bool *tested)
{
	struct decision d;

	for (size_t t = 0; t < p->n_tests; t++) {
		eval_decide(p, &p->tests[t].facts, &d);
		for (size_t i = 0; i < p->n_rules && d.line > 0; i++)
			if (d.line == p->rules[i].line && span_eq(d.rule, p->rules[i].id))
				tested[i] = true;
	}
}

void
lint_rules(struct lint_notes *l, const struct policy *p, struct cover *c)
{
	AUTO_FREE bool *tested = calloc(p->n_rules, sizeof(*tested));

	if (tested == NULL)
		return;
	mark_tested(p, tested);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];
		if (!check_reach(l, p, c, i))
			continue; /* nothing else is worth saying of it */
		check_early(l, p, c, i);
		check_writers(l, p, c, i);
		check_preview(l, p, c, i);
		if (!tested[i])
			lint_notes_rule(l, p, r, "L7",
				"rule '%.*s' decides none of the tests of this file; add one that "
				"expects rule: %.*s",
				SPAN_ARG(r->id), SPAN_ARG(r->id));
	}
}
