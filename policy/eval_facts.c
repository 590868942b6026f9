/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval_facts.h"

#include "policy/calendar.h"
#include "policy/eval_rule.h"

bool
eval_input_ok(const struct facts *f)
{
	return f->now.given && f->action < ACTION_COUNT && f->network < NETWORK_COUNT &&
	       f->purpose < PURPOSE_COUNT && f->protocol < PROTOCOL_COUNT &&
	       f->object.kind < KIND_COUNT && f->object.route < ROUTE_COUNT &&
	       f->roles >> ROLE_COUNT == 0 && f->object.flags >> FLAG_COUNT == 0;
}

static void
add_bucket(struct prepared *q, enum when_key key, struct span text)
{
	const struct index_bucket *b = eval_index_bucket(q->policy->index, key, text);

	if (b == NULL)
		return;
	if (q->n_buckets < PREPARED_BUCKETS)
		q->bucket[q->n_buckets++] = b;
	else
		q->way = BY_LIST;
}

static void
add_buckets(struct prepared *q)
{
	const struct facts *f = q->facts;

	add_bucket(q, WHEN_PID, f->object.pid);
	add_bucket(q, WHEN_PROPOSAL, f->object.proposal);
	add_bucket(q, WHEN_INSTRUMENT, f->object.instrument);
	if (q->anonymous)
		return;
	add_bucket(q, WHEN_ISSUER, f->subject->iss);
	for (size_t i = 0; i < f->subject->n_entitlements && q->way == BY_INDEX; i++)
		add_bucket(q, WHEN_ENTITLEMENT, f->subject->entitlements[i]);
}

void
eval_prepare(const struct policy *p, const struct facts *f, struct prepared *ret)
{
	ret->policy = p;
	ret->facts = f;
	ret->now = calendar_when_instant(p->zone, &f->now);
	state_compute(p, &f->object, ret->now, &ret->view);
	ret->release_date =
		ret->view.has_release ? calendar_date(p->zone, ret->view.release_at) : 0;
	ret->bits = eval_index_bits(f, &ret->view);
	ret->n_buckets = 0;
	ret->way = BY_INDEX;
	ret->anonymous = eval_anonymous(f);
	add_buckets(ret);
}

const struct rule *
eval_find(const struct prepared *q, enum action action)
{
	if (q->way == BY_REFERENCE)
		return eval_scan(q->policy, q->facts, &q->view, action);
	return eval_index_find(q, action);
}
