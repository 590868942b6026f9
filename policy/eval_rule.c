/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval_rule.h"

bool
eval_anonymous(const struct facts *f)
{
	return f->subject == NULL || !f->subject->authenticated;
}

uint32_t
eval_roles(const struct facts *f)
{
	if (eval_anonymous(f))
		return 1U << ROLE_ANONYMOUS;
	return (f->roles & ~(1U << ROLE_ANONYMOUS)) | 1U << ROLE_AUTHENTICATED;
}

/* ---- one rule ---- */

static bool
in_list(const struct text_list *l, struct span s)
{
	size_t lo = 0;
	size_t hi = l->n;

	if (s.p == NULL)
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int d = span_cmp(s, l->item[mid]);
		if (d == 0)
			return true;
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

static bool
entitled(const struct text_list *l, const struct subject *s, bool issuer_named)
{
	for (size_t i = 0; i < s->n_entitlements; i++)
		if (in_list(l, s->entitlements[i]) &&
			(issuer_named || !facts_needs_issuer(s, s->entitlements[i])))
			return true;
	return false;
}

static bool
text_holds(const struct rule *r, const struct facts *f, enum when_key key)
{
	const struct text_list *l = &r->texts[key - WHEN_ENTITLEMENT];

	if (key == WHEN_PROPOSAL)
		return in_list(l, f->object.proposal);
	if (key == WHEN_INSTRUMENT)
		return in_list(l, f->object.instrument);
	if (key == WHEN_PID)
		return in_list(l, f->object.pid);
	if (eval_anonymous(f))
		return false;
	if (key == WHEN_ISSUER)
		return in_list(l, f->subject->iss);
	return entitled(l, f->subject, (r->uses >> WHEN_ISSUER & 1U) != 0);
}

static bool
set_holds(uint32_t set, const struct facts *f, const struct state_view *v, enum when_key key)
{
	switch (key) {
	case WHEN_STATE:
		return (set >> (v->state - 1) & 1U) != 0;
	case WHEN_KIND:
		return (set >> f->object.kind & 1U) != 0;
	case WHEN_ROUTE:
		return (set >> f->object.route & 1U) != 0;
	case WHEN_NETWORK:
		return (set >> f->network & 1U) != 0;
	case WHEN_PURPOSE:
		return (set >> f->purpose & 1U) != 0;
	case WHEN_PROTOCOL:
		return (set >> f->protocol & 1U) != 0;
	case WHEN_ROLE:
		return (set & eval_roles(f)) != 0;
	case WHEN_NOT_ROLE:
		return (set & eval_roles(f)) == 0;
	case WHEN_FLAG:
		return (set & f->object.flags) != 0;
	case WHEN_NOT_FLAG:
		return (set & f->object.flags) == 0;
	case WHEN_REACHED:
		return (set & v->reached) != 0;
	case WHEN_ASSURANCE: /* also WHEN_SETS */
	case WHEN_ENTITLEMENT:
	case WHEN_ISSUER:
	case WHEN_PROPOSAL:
	case WHEN_INSTRUMENT:
	case WHEN_PID:
	case WHEN_COUNT:
		break;
	}
	return false;
}

static bool
key_holds(
	const struct rule *r, const struct facts *f, const struct state_view *v, enum when_key key)
{
	if (key < WHEN_SETS)
		return set_holds(r->sets[key], f, v, key);
	if (key == WHEN_ASSURANCE)
		return (eval_anonymous(f) ? ASSURANCE_NONE : f->subject->assurance) >= r->assurance;
	return text_holds(r, f, key);
}

bool
eval_matches(
	const struct rule *r, const struct facts *f, const struct state_view *v, uint32_t ignored)
{
	uint32_t left = r->uses & ~ignored;

	while (left != 0) {
		enum when_key key = (enum when_key)__builtin_ctz(left);
		if (!key_holds(r, f, v, key))
			return false;
		left &= left - 1;
	}
	return true;
}

/* ---- all rules (POL-9) ---- */

const struct rule *
eval_scan(const struct policy *p, const struct facts *f, const struct state_view *v,
	enum action action)
{
	const struct rule *permit = NULL;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];
		if ((r->actions >> action & 1U) == 0 || (r->permit && permit != NULL) ||
			!eval_matches(r, f, v, 0))
			continue;
		if (!r->permit)
			return r; /* the first deny wins wherever permits stand */
		permit = r;
	}
	return permit;
}
