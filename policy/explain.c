/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"

#include "agent/base/civil.h"
#include "policy/calendar.h"
#include "policy/eval.h"
#include "policy/explain_log.h"
#include "policy/scalar.h"

/* Conditions that the asker brings along; all others are the dataset's. */
#define WHEN_OF_ASKER                                                                              \
	(1U << WHEN_ROLE | 1U << WHEN_NOT_ROLE | 1U << WHEN_ASSURANCE | 1U << WHEN_ENTITLEMENT |   \
		1U << WHEN_ISSUER | 1U << WHEN_NETWORK | 1U << WHEN_PURPOSE | 1U << WHEN_PROTOCOL)

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

/* ---- what nearly permits it ---- */

static void
add_set(struct buf *out, uint32_t set, const char *const *names, const char *last)
{
	int left = __builtin_popcount(set);
	const char *comma = "";

	for (int i = 0; set >> i != 0; i++) {
		if ((set >> i & 1U) == 0)
			continue;
		buf_addf(out, "%s%s", comma, names[i]);
		comma = --left == 1 ? last : ", ";
	}
}

static bool
uses(const struct rule *r, enum when_key key)
{
	return (r->uses >> key & 1U) != 0;
}

static void
add_texts(struct buf *out, const struct rule *r, enum when_key key, const char *before)
{
	const struct text_list *l = &r->texts[key - WHEN_ENTITLEMENT];

	if (!uses(r, key) || l->n == 0)
		return;
	buf_addf(out, "%s%.*s", before, SPAN_ARG(l->item[0]));
	if (l->n > 1)
		buf_addf(out, " or %zu others", l->n - 1);
}

static void
say_near(const struct rule *r, struct buf *out)
{
	label(out, "near");
	buf_addf(out, "%.*s (line %u) would permit it to ", SPAN_ARG(r->id), r->line);
	if (uses(r, WHEN_ROLE))
		add_set(out, r->sets[WHEN_ROLE], role_names, ", ");
	else
		buf_adds(out, "anybody");
	if (uses(r, WHEN_NOT_ROLE)) {
		buf_adds(out, " without the role ");
		add_set(out, r->sets[WHEN_NOT_ROLE], role_names, " or ");
	}
	if (uses(r, WHEN_ASSURANCE))
		buf_addf(out, " with assurance %s or better", assurance_names[r->assurance]);
	add_texts(out, r, WHEN_ENTITLEMENT, " with the entitlement ");
	add_texts(out, r, WHEN_ISSUER, " with a token of ");
	if (uses(r, WHEN_PURPOSE)) {
		buf_adds(out, " for ");
		add_set(out, r->sets[WHEN_PURPOSE], purpose_names, " or ");
	}
	if (uses(r, WHEN_NETWORK)) {
		buf_adds(out, " on the ");
		add_set(out, r->sets[WHEN_NETWORK], network_names, " or ");
		buf_adds(out, " network");
	}
	if (uses(r, WHEN_PROTOCOL)) {
		buf_adds(out, " over ");
		add_set(out, r->sets[WHEN_PROTOCOL], protocol_names, " or ");
	}
	buf_addc(out, '\n');
}

static void
say_nears(const struct story *t)
{
	struct state_view v;

	state_compute(t->p, &t->f->object, t->now, &v);
	for (size_t i = 0; i < t->p->n_rules; i++) {
		const struct rule *r = &t->p->rules[i];
		if (r->permit && (r->actions >> t->f->action & 1U) != 0 &&
			!eval_matches(r, t->f, &v, 0) && eval_matches(r, t->f, &v, WHEN_OF_ASKER))
			say_near(r, t->out);
	}
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

void
explain_write(const struct policy_set *s, const struct facts *f, struct span who, struct buf *out)
{
	struct decision d;

	policy_decide(s, f, &d);
	say_question(f, &d, who, out);
	const struct policy *p = d.policy.p != NULL ? policy_bound(s, &f->object) : NULL;
	if (p == NULL) {
		buf_addc(out, '\n');
		label(out, "rule");
		buf_addf(out, "%.*s      status %d\n", SPAN_ARG(d.rule), d.status);
		label(out, "ask");
		buf_adds(out, "the administrator: ");
		if (d.status == 500)
			buf_adds(out, "the question was malformed\n");
		else
			say_unbound(&f->object, out);
		return;
	}
	struct story t = {p, f, &d, calendar_when_instant(p->zone, &f->now), out};
	buf_adds(out, "  ");
	explain_log_instant(p, t.now, out);
	buf_addc(out, '\n');
	say_state(&t);
	say_rule(&t);
	if (d.permit) {
		say_permit(&t);
		return;
	}
	say_ask(&t);
	say_nears(&t);
}
