/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval.h"

#include "policy/eval_rule.h"

#include <string.h>

/* 13.3: conditions that depend on the object and on time alone, so that one answer fits all. */
#define WHEN_OF_OBJECT                                                                             \
	(1U << WHEN_STATE | 1U << WHEN_KIND | 1U << WHEN_ROUTE | 1U << WHEN_FLAG |                 \
		1U << WHEN_NOT_FLAG | 1U << WHEN_REACHED | 1U << WHEN_PROPOSAL |                   \
		1U << WHEN_INSTRUMENT | 1U << WHEN_PID)
#define ACTIONS_CACHED                                                                             \
	(1U << ACTION_META_PUBLIC | 1U << ACTION_META_FULL | 1U << ACTION_DATA_LIST |              \
		1U << ACTION_DATA_READ | 1U << ACTION_DATA_STAGE)
/* 3.6: what a tombstone still shows. */
#define FIELDS_WITHDRAWN (1U << FIELD_TITLE | 1U << FIELD_TEAM | 1U << FIELD_DATES)

/* ---- the rule and its obligations (POL-10) ---- */

struct verdict {
	const struct rule *rule; /* NULL: by default */
	enum { PERMITTED, BY_RULE, BY_OBLIGATION, BY_TERMS } how;
	struct span which; /* BY_OBLIGATION, BY_TERMS: "x-NAME", "ID@VERSION" */
};

static bool
has_text(const struct span *list, size_t n, struct span s)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(list[i], s))
			return true;
	return false;
}

static void
check_obligations(const struct rule *r, const struct facts *f, struct verdict *ret)
{
	struct span own = SPAN("x-");
	struct span terms = SPAN("accept-terms:");

	for (size_t i = 0; i < r->n_obligations; i++) {
		struct span o = r->obligations[i];
		if (span_starts(o, own) && !has_text(f->supports, f->n_supports, o)) {
			ret->how = BY_OBLIGATION;
			ret->which = o;
			return;
		}
	}
	for (size_t i = 0; i < r->n_obligations; i++) {
		struct span o = r->obligations[i];
		struct span id = span_skip(o, terms.n);
		if (span_starts(o, terms) &&
			(eval_anonymous(f) || !has_text(f->accepted, f->n_accepted, id))) {
			ret->how = BY_TERMS;
			ret->which = id;
			return;
		}
	}
}

static void
judge(const struct prepared *q, enum action action, struct verdict *ret)
{
	const struct rule *r = eval_find(q, action);

	ret->rule = r;
	ret->how = r != NULL && r->permit ? PERMITTED : BY_RULE;
	if (ret->how == PERMITTED && r->demands)
		check_obligations(r, q->facts, ret);
}

/* ---- the answer (5) ---- */

/* By default: the state says why. */
static const struct span state_reasons[STATE_OPEN + 1] = {
	[STATE_WITHDRAWN] = SPAN_INIT("withdrawn"),
	[STATE_PROPRIETARY] = SPAN_INIT("proprietary"),
	[STATE_RESTRICTED] = SPAN_INIT("restricted"),
	[STATE_EMBARGOED] = SPAN_INIT("embargoed"),
	[STATE_OPEN] = SPAN_INIT("no-rule"),
};

/* Nobody's data open to writing with time, and no state closes them to it: only a rule says who
 * may.
 */
static bool
by_state(enum action action)
{
	return action != ACTION_DATA_WRITE;
}

static struct span
reason_of(const struct verdict *d, const struct state_view *v, enum action action)
{
	if (d->how == BY_OBLIGATION)
		return SPAN("unknown-obligation");
	if (d->how == BY_TERMS)
		return SPAN("terms-not-accepted");
	if (d->rule != NULL)
		return d->rule->reason;
	return state_reasons[by_state(action) ? v->state : STATE_OPEN];
}

static bool
has_record(const struct prepared *q)
{
	struct verdict d;

	judge(q, ACTION_META_PUBLIC, &d);
	return d.how == PERMITTED;
}

static int
status_of_deny(const struct prepared *q, enum action action, const struct verdict *d)
{
	/* POL-11: what has no public record cannot be told from what does not exist. */
	if (action != ACTION_POLICY_SIMULATE && (action == ACTION_META_PUBLIC || !has_record(q)))
		return 404;
	if (d->rule != NULL && d->rule->status != 0)
		return (int)d->rule->status;
	if (q->view.state == STATE_WITHDRAWN)
		return 410;
	return q->anonymous ? 401 : 403;
}

static const struct role_list *
grantors_of(const struct policy *p, const struct state_view *v)
{
	switch (v->state) {
	case STATE_EMBARGOED:
		return &p->embargo.early_release;
	case STATE_RESTRICTED:
		return v->detail != NULL && span_is(span_of(v->detail), "agreement-missing")
			       ? &p->grant_agreement
			       : &p->grant_restricted;
	case STATE_PROPRIETARY:
		return &p->grant_proprietary;
	case STATE_WITHDRAWN:
		return &p->grant_withdrawn;
	case STATE_OPEN:
	case STATE_NONE:
		break;
	}
	return NULL;
}

static void
fill_terms(const struct policy *p, struct span terms, struct decision *ret)
{
	struct span id = terms;

	ret->terms = terms;
	id = span_cut(&id, '@');
	for (size_t i = 0; i < p->n_terms; i++)
		if (span_eq(p->terms[i].id, id)) {
			ret->terms_title = p->terms[i].title;
			ret->terms_url = p->terms[i].url;
		}
}

/* 5.4: the reasons for which no role of the state can grant anything; a rule may give them too. */
static bool
nobody_grants(struct span reason)
{
	return span_eq(reason, SPAN("terms-not-accepted")) ||
	       span_eq(reason, SPAN("unknown-obligation")) ||
	       span_eq(reason, SPAN("unknown-input")) || span_eq(reason, SPAN("no-policy"));
}

static void
fill_grantors(
	const struct prepared *q, enum action action, const struct verdict *d, struct decision *ret)
{
	const struct role_list *l = grantors_of(q->policy, &q->view);

	/* By default the reason is the state, which is none of these words. */
	if (d->rule != NULL && nobody_grants(ret->reason)) {
		ret->grantors_self = span_eq(ret->reason, SPAN("terms-not-accepted"));
		return;
	}
	if (l == NULL || !by_state(action))
		return;
	ret->grantors = l->set;
	ret->n_grantors = l->n;
	for (size_t i = 0; i < l->n; i++)
		ret->grantor_order[i] = l->order[i];
}

static void
fill_deny(
	const struct prepared *q, enum action action, const struct verdict *d, struct decision *ret)
{
	ret->status = status_of_deny(q, action, d);
	ret->reason = reason_of(d, &q->view, action);
	if (d->how == BY_TERMS)
		fill_terms(q->policy, d->which, ret);
	if (d->how == BY_OBLIGATION)
		ret->unmet = d->which;
	fill_grantors(q, action, d, ret);
}

static uint32_t
fields_of(const struct policy *p, const struct state_view *v)
{
	uint32_t fields = 0;

	for (int i = 0; i < REACHED_COUNT; i++)
		if ((v->reached >> i & 1U) != 0)
			fields |= p->fields_at[i];
	return v->state == STATE_WITHDRAWN ? fields & FIELDS_WITHDRAWN : fields;
}

static unsigned
max_age_of(const struct prepared *q, enum action action, const struct rule *r)
{
	const struct state_view *v = &q->view;
	unsigned age = q->policy->cache_max_age;

	if (!q->anonymous || (ACTIONS_CACHED >> action & 1U) == 0 || r->no_store ||
		(r->uses & ~WHEN_OF_OBJECT) != 0)
		return 0;
	if (v->has_next && v->next - q->now < (int64_t)age)
		return (unsigned)(v->next - q->now);
	return age;
}

static void
fill_permit(
	const struct prepared *q, enum action action, const struct rule *r, struct decision *ret)
{
	ret->permit = true;
	ret->status = r->tombstone ? 410 : 200;
	ret->rate = r->rate;
	ret->full = r->full;
	ret->confidential = r->confidential;
	ret->obligations = r->obligations;
	ret->n_obligations = r->n_obligations;
	ret->has_fields = action == ACTION_META_PUBLIC;
	ret->fields = ret->has_fields ? fields_of(q->policy, &q->view) : 0;
	ret->max_age = max_age_of(q, action, r);
}

static void
fill_policy(const struct policy *p, struct decision *ret)
{
	ret->policy = p->id;
	ret->version = p->version;
	ret->sha256 = p->sha256;
	ret->contact = p->contact;
	ret->licence = p->licence;
	ret->timezone = p->zone_name;
	ret->finish_s = p->stream_max_age;
}

static void
fill_state(const struct prepared *q, struct decision *ret)
{
	const struct state_view *v = &q->view;

	ret->finish =
		q->policy->finish && v->state != STATE_WITHDRAWN && v->state != STATE_RESTRICTED;
	ret->state = v->state;
	ret->detail = v->detail;
	ret->has_release = v->has_release;
	ret->release_at = v->release_at;
	ret->release_date = q->release_date;
	ret->has_next_change = v->has_next;
	ret->next_change = v->next;
}

/* A known size becomes a string instruction, which is slower than the library's memset. */
static void
clear(struct decision *d)
{
	size_t n = sizeof(*d);

	__asm__("" : "+r"(n)); /* the compiler no longer knows it */
	memset(d, 0, n);
}

void
eval_decide_prepared(const struct prepared *q, enum action action, struct decision *ret)
{
	struct verdict d;

	judge(q, action, &d);
	clear(ret);
	ret->rule = d.rule != NULL ? d.rule->id : SPAN("default");
	ret->line = d.rule != NULL ? d.rule->line : 0;
	fill_policy(q->policy, ret);
	fill_state(q, ret);
	if (d.how == PERMITTED && d.rule != NULL)
		fill_permit(q, action, d.rule, ret);
	else
		fill_deny(q, action, &d, ret);
}

void
eval_decide(const struct policy *p, const struct facts *f, struct decision *ret)
{
	struct prepared q;

	eval_prepare(p, f, &q);
	eval_decide_prepared(&q, f->action, ret);
}

void
eval_refuse(enum refusal why, struct decision *ret)
{
	bool input = why == REFUSAL_INPUT;

	*ret = (struct decision){
		.status = input ? 500 : 404,
		.rule = input ? SPAN("input") : SPAN("no-policy"),
		.reason = input ? SPAN("unknown-input") : SPAN("no-policy"),
	};
}
