/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/view_all.h"

#include "policy/eval.h"
#include "policy/eval_rule.h"

/* Policies and sets of roles that are remembered; an asker meets a handful. */
#define VIEW_REMEMBERED 32U

/* What only the dataset and its state can tell. */
#define WHEN_OF_DATASET                                                                            \
	(1U << WHEN_STATE | 1U << WHEN_KIND | 1U << WHEN_ROUTE | 1U << WHEN_FLAG |                 \
		1U << WHEN_NOT_FLAG | 1U << WHEN_REACHED | 1U << WHEN_PROPOSAL |                   \
		1U << WHEN_INSTRUMENT | 1U << WHEN_PID)

/* What is left of one policy for one set of roles. */
struct rest {
	const struct policy *policy;
	uint32_t roles;
	bool shows, full; /* could meta.public, meta.full be permitted for any dataset? */
};

struct view {
	bool all;
	const struct policy_set *policies;
	struct facts facts; /* without roles, object and action */
	uint32_t roles;
	struct memory {
		struct rest rest[VIEW_REMEMBERED];
		size_t n;
	} * memory;
};

bool
view_new(const struct view_asker *who, struct arena *a, const struct view **ret, struct err *e)
{
	struct view *v = arena_alloc(a, sizeof(*v));
	struct memory *m = arena_alloc(a, sizeof(*m));

	if (v == NULL || m == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
	*v = (struct view){
		.policies = who->policies,
		.roles = who->roles,
		.memory = m,
		.facts =
			{
				.subject = who->subject,
				.accepted = who->accepted,
				.n_accepted = who->n_accepted,
				.network = who->network,
				.purpose = who->purpose,
				.protocol = who->protocol,
				.supports = who->supports,
				.n_supports = who->n_supports,
				.now = {.given = true, .instant = who->now},
			},
	};
	*ret = v;
	return true;
}

const struct view *
view_all(void)
{
	static const struct view everything = {.all = true};

	return &everything;
}

bool
view_is_all(const struct view *v)
{
	return v->all;
}

const struct subject *
view_subject(const struct view *v)
{
	return v->all ? NULL : v->facts.subject;
}

/* Could some dataset get a permit for this action?  A deny that asks for nothing else forbids it.
 */
static bool
possible(const struct policy *p, const struct facts *f, enum action action)
{
	bool permit = false;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];
		if ((r->actions >> action & 1U) == 0 || !eval_matches(r, f, NULL, WHEN_OF_DATASET))
			continue;
		if (!r->permit && (r->uses & WHEN_OF_DATASET) == 0)
			return false;
		permit = permit || r->permit;
	}
	return permit;
}

static struct rest
rest_of(const struct view *v, const struct policy *p, const struct facts *f)
{
	struct memory *m = v->memory;

	for (size_t i = 0; i < m->n; i++)
		if (m->rest[i].policy == p && m->rest[i].roles == f->roles)
			return m->rest[i];
	struct rest one = {.policy = p,
		.roles = f->roles,
		.shows = possible(p, f, ACTION_META_PUBLIC),
		.full = possible(p, f, ACTION_META_FULL)};
	if (m->n < VIEW_REMEMBERED)
		m->rest[m->n++] = one;
	return one;
}

bool
view_shows(
	const struct view *v, const struct object_facts *o, uint32_t roles, struct view_shown *ret)
{
	struct view_shown s = {.full = true, .fields = VIEW_FIELDS};
	struct decision full;
	struct prepared q;

	if (v->all) {
		*ret = s;
		return true;
	}
	const struct policy *p = policy_bound(v->policies, o);
	if (p == NULL)
		return false;
	struct facts f = v->facts;
	f.object = *o;
	f.roles = v->roles | roles;
	struct rest rest = rest_of(v, p, &f);
	if (!rest.shows)
		return false;
	eval_prepare(p, &f, &q);
	eval_decide_prepared(&q, ACTION_META_PUBLIC, &s.decision);
	if (!s.decision.permit)
		return false;
	s.full = false;
	s.fields = s.decision.fields;
	if (rest.full) {
		eval_decide_prepared(&q, ACTION_META_FULL, &full);
		s.full = full.permit;
	}
	if (s.full)
		s.fields = VIEW_FIELDS;
	*ret = s;
	return true;
}
