/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"

#include "agent/base/civil.h"
#include "policy/calendar.h"
#include "policy/eval_rule.h"
#include "policy/explain_bind.h"
#include "policy/explain_log.h"
#include "policy/explain_rules.h"
#include "policy/scalar.h"

struct story {
	const struct policy *p;
	const struct facts *f;
	const struct decision *d;
	int64_t now;
	struct buf *out;
};

static void
label(struct buf *out, const char *name)
{
	buf_addf(out, "%-8s", name);
}

/* ---- the question ---- */

static void
say_who(const struct facts *f, struct span who, struct buf *out)
{
	uint32_t roles = eval_roles(f) & ~(1U << ROLE_ANONYMOUS | 1U << ROLE_AUTHENTICATED);
	const char *comma = "";

	buf_add(out, who);
	if (roles == 0)
		return;
	buf_adds(out, " (");
	for (int i = 0; i < ROLE_COUNT; i++)
		if ((roles >> i & 1U) != 0) {
			buf_addf(out, "%s%s", comma, role_names[i]);
			comma = ", ";
		}
	buf_addc(out, ')');
}

static void
say_question(const struct facts *f, const struct decision *d, struct span who, struct buf *out)
{
	label(out, d->permit ? "permit" : "deny");
	buf_addf(out, "%.*s  %s  ",
		SPAN_ARG(f->object.pid.p != NULL ? f->object.pid : SPAN("(no pid)")),
		f->action < ACTION_COUNT ? action_names[f->action] : "(unknown action)");
	say_who(f, who, out);
}

/* ---- the state ---- */

static void
say_state(const struct story *t)
{
	const struct decision *d = t->d;
	struct buf *out = t->out;

	label(out, "state");
	buf_adds(out, state_names[d->state]);
	if (d->has_release) {
		buf_adds(out, d->state == STATE_OPEN ? " since " : " until ");
		explain_log_local(t->p, d->release_at, out);
		buf_adds(out, " (");
		civil_write_iso(out, d->release_at);
		buf_addc(out, ')');
	}
	if (d->detail != NULL)
		buf_addf(out, ": %s", d->detail);
	buf_addc(out, '\n');
	explain_log_write(t->p, &t->f->object, t->now, out);
}

/* ---- the rule ---- */

static void
say_rule(const struct story *t)
{
	const struct decision *d = t->d;
	struct buf *out = t->out;

	label(out, "rule");
	buf_add(out, d->rule);
	if (d->line > 0)
		buf_addf(out, " (line %u)", d->line);
	else
		buf_adds(out, ": no rule permits it");
	buf_addf(out, "      policy %.*s version %u sha256 ", SPAN_ARG(d->policy), d->version);
	buf_add_hex(out, d->sha256, 4);
	buf_addc(out, '\n');
	if (d->permit) {
		label(out, "status");
		buf_addf(out, "%d\n", d->status);
	} else {
		label(out, "reason");
		buf_addf(out, "%.*s      status %d\n", SPAN_ARG(d->reason), d->status);
	}
}

/* What an obligation makes whoever answers do (POL-10). */
static const struct {
	struct span name;
	const char *does;
} meanings[] = {
	{SPAN_INIT("audit:basic"), "the audit log says so before the first byte"},
	{SPAN_INIT("audit:full"), "the audit log also has the file and what was sent of it"},
	{SPAN_INIT("cite"), "the answer says how to cite it"},
	{SPAN_INIT("licence-notice"), "the answer links the licence, "},
	{SPAN_INIT("confidential"), "no cache keeps it, and no preview of it"},
	{SPAN_INIT("no-cache"), "no cache keeps it"},
	{SPAN_INIT("tombstone"), "the answer is the page of a withdrawn dataset (410)"},
	{SPAN_INIT("accept-terms:"), "the asker has accepted these terms"},
	{SPAN_INIT("rate:"), "within "},
	{SPAN_INIT("x-"), "the component that asks carries this out"},
};

/* 0 is no limit. */
static void
say_rate(const struct rate *r, struct buf *out)
{
	const struct {
		unsigned n;
		const char *what;
	} limits[] = {{r->streams, "bodies at a time"}, {r->mbit, "Mbit/s"},
		{r->requests_per_min, "requests a minute"}};
	const char *comma = "";

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].n > 0) {
			buf_addf(out, "%s%u %s", comma, limits[i].n, limits[i].what);
			comma = ", ";
		}
	buf_adds(out, *comma == '\0' ? "no limit" : "");
}

static void
say_meaning(const struct story *t, struct span o)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (!span_starts(o, meanings[i].name))
			continue;
		buf_addf(t->out, "%-8s%.*s: %s", "", SPAN_ARG(o), meanings[i].does);
		if (span_is(o, "licence-notice"))
			buf_add(t->out, t->p->licence);
		for (size_t k = 0; k < t->p->n_rates; k++)
			if (span_is(meanings[i].name, "rate:") &&
				span_eq(span_skip(o, meanings[i].name.n), t->p->rates[k].id))
				say_rate(&t->p->rates[k], t->out);
		buf_addc(t->out, '\n');
		return;
	}
}

static void
say_permit(const struct story *t)
{
	const struct decision *d = t->d;
	struct buf *out = t->out;
	const char *comma = "";

	if (d->n_obligations > 0)
		label(out, "with");
	for (size_t i = 0; i < d->n_obligations; i++)
		buf_addf(out, "%s%.*s", i > 0 ? ", " : "", SPAN_ARG(d->obligations[i]));
	if (d->n_obligations > 0)
		buf_addc(out, '\n');
	for (size_t i = 0; i < d->n_obligations; i++)
		say_meaning(t, d->obligations[i]);
	if (!d->has_fields)
		return;
	label(out, "fields");
	for (int i = 0; i < FIELD_COUNT; i++)
		if ((d->fields >> i & 1U) != 0) {
			buf_addf(out, "%s%s", comma, field_names[i]);
			comma = ", ";
		}
	buf_addf(out, "%s\n", d->fields == 0 ? "the minimal record alone" : "");
}

/* ---- whom to ask ---- */

static void
say_roles(const struct role_list *l, const char *last, struct buf *out)
{
	decision_write_roles(out, l->order, l->n, last);
}

static void
ask_embargoed(const struct story *t)
{
	const struct embargo *m = &t->p->embargo;
	struct buf *out = t->out;

	if (m->early_release.n > 0) {
		say_roles(&m->early_release, " or ", out);
		buf_adds(out,
			m->early_approve.n > 0 ? " may ask to open it now, " : " may open it now");
		if (m->early_approve.n > 0) {
			say_roles(&m->early_approve, " or ", out);
			buf_adds(out, " approves");
		}
		if (m->window > 0)
			buf_addf(out, ", after %d days for objections", m->window);
	}
	if (m->extend_by.n > 0) {
		buf_adds(out, m->early_release.n > 0 ? "; " : "");
		say_roles(&m->extend_by, " or ", out);
		buf_adds(out, " may ask for longer");
		if (m->approve.n > 0) {
			buf_adds(out, ", ");
			say_roles(&m->approve, " or ", out);
			buf_adds(out, " approves");
		}
	}
	if (m->early_release.n == 0 && m->extend_by.n == 0)
		buf_adds(out, "nobody: this policy has no early release");
}

static void
ask_others(const struct story *t)
{
	const struct decision *d = t->d;
	bool agreement = d->detail != NULL && span_is(span_of(d->detail), "agreement-missing");

	if (d->n_grantors == 0) {
		buf_addf(t->out, "%.*s",
			SPAN_ARG(t->p->contact.p != NULL
					 ? t->p->contact
					 : SPAN("nobody: no role is named for it")));
		return;
	}
	decision_write_roles(t->out, d->grantor_order, d->n_grantors, " or ");
	buf_adds(t->out, d->state == STATE_WITHDRAWN     ? " may reinstate it"
			 : d->state == STATE_PROPRIETARY ? " may say who gets it"
			 : agreement                     ? " may record an agreement on its opening"
							 : " may lift the restriction");
}

static void
say_ask(const struct story *t)
{
	const struct decision *d = t->d;
	struct buf *out = t->out;

	label(out, "ask");
	if (d->grantors_self)
		buf_addf(out, "the asker, who has not accepted %.*s (%.*s)%s%.*s",
			SPAN_ARG(d->terms), SPAN_ARG(d->terms_title),
			d->terms_url.p != NULL ? " at " : "", SPAN_ARG(d->terms_url));
	else if (d->state == STATE_EMBARGOED)
		ask_embargoed(t);
	else
		ask_others(t);
	buf_addc(out, '\n');
}

/* Why no policy decides about it, and what would help. */
static void
say_unbound(const struct object_facts *o, struct buf *out)
{
	bool dated = false;

	for (size_t i = 0; i < MILESTONE_COUNT; i++)
		dated = dated || o->dates[i].given;
	if (o->policy.p != NULL)
		buf_addf(out,
			"it is bound to the policy %.*s, which is not loaded: list that file in "
			"`policy`, or bind it anew (`policy` in proposals.yaml, or `pan-agent "
			"index --rebind %.*s`)\n",
			SPAN_ARG(o->policy), SPAN_ARG(o->pid));
	else if (!dated)
		buf_adds(out, "it has no dates: give its root a `proposal`, and that one dates in "
			      "proposals.yaml\n");
	else
		buf_adds(out, "not exactly one loaded policy fits its dates\n");
}

/* Terms that the asker has accepted. */
static void
say_accepted(const struct facts *f, struct buf *out)
{
	if (f->n_accepted > 0)
		label(out, "terms");
	for (size_t i = 0; i < f->n_accepted; i++)
		buf_addf(out, "%s%.*s", i > 0 ? ", " : "accepted: ", SPAN_ARG(f->accepted[i]));
	if (f->n_accepted > 0)
		buf_addc(out, '\n');
}

/* No policy decides about it. */
static void
say_none(const struct facts *f, const struct decision *d, struct buf *out)
{
	buf_addc(out, '\n');
	label(out, "rule");
	buf_addf(out, "%.*s      status %d\n", SPAN_ARG(d->rule), d->status);
	label(out, "ask");
	buf_adds(out, "the administrator: ");
	if (d->status == 500)
		buf_adds(out, "the question was malformed\n");
	else
		say_unbound(&f->object, out);
}

static void
say_some(const struct story *t, bool all)
{
	struct state_view v;

	state_compute(t->p, &t->f->object, t->now, &v);
	const struct explain_rules rules = {t->p, t->f, &v, t->d};
	buf_adds(t->out, "  ");
	explain_log_instant(t->p, t->now, t->out);
	buf_addc(t->out, '\n');
	say_state(t);
	say_rule(t);
	if (t->d->permit)
		say_permit(t);
	else
		say_ask(t);
	say_accepted(t->f, t->out);
	if (!t->d->permit)
		explain_rules_near(&rules, t->out);
	if (all)
		explain_rules_all(&rules, t->out);
}

void
explain_write(const struct policy_set *s, const struct facts *f, const struct explain_options *o,
	struct buf *out)
{
	struct decision d;

	policy_decide(s, f, &d);
	say_question(f, &d, o->who, out);
	const struct policy *p = d.policy.p != NULL ? policy_bound(s, &f->object) : NULL;
	if (p != NULL) {
		const struct story t = {p, f, &d, calendar_when_instant(p->zone, &f->now), out};
		say_some(&t, o->all);
	} else {
		say_none(f, &d, out);
	}
	if (d.status == 500)
		return;
	explain_bind_write(s, &f->object, o->how, out);
	explain_bind_next(s, f, &d, out);
}
