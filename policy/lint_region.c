/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lint_region.h"

#define ROLES ((1U << ROLE_COUNT) - 1U)

static const enum when_key list_keys[REGION_LISTS] = {
	[REGION_KIND] = WHEN_KIND,
	[REGION_NETWORK] = WHEN_NETWORK,
	[REGION_PURPOSE] = WHEN_PURPOSE,
	[REGION_PROTOCOL] = WHEN_PROTOCOL,
};
static const uint32_t list_all[REGION_LISTS] = {
	[REGION_KIND] = (1U << KIND_COUNT) - 1U,
	[REGION_NETWORK] = (1U << NETWORK_COUNT) - 1U,
	[REGION_PURPOSE] = (1U << PURPOSE_COUNT) - 1U,
	[REGION_PROTOCOL] = (1U << PROTOCOL_COUNT) - 1U,
};

static bool
uses(const struct rule *r, enum when_key key)
{
	return (r->uses >> key & 1U) != 0;
}

void
region_rule_init(const struct rule *r, struct region_rule *ret)
{
	for (int i = 0; i < REGION_LISTS; i++)
		ret->lists[i] = uses(r, list_keys[i]) ? r->sets[list_keys[i]] : list_all[i];
	ret->has_role = uses(r, WHEN_ROLE);
	ret->role = ret->has_role ? r->sets[WHEN_ROLE] : 0;
	ret->not_role = uses(r, WHEN_NOT_ROLE) ? r->sets[WHEN_NOT_ROLE] : 0;
}

void
region_all(bool anonymous, struct region *ret)
{
	*ret = (struct region){.n = 1};
	for (int i = 0; i < REGION_LISTS; i++)
		ret->lists[i] = list_all[i];
	/* Without a token exactly `anonymous`, with one never that, and `authenticated`. */
	ret->clauses[0] = anonymous ? 1U << ROLE_ANONYMOUS : 1U << ROLE_AUTHENTICATED;
	ret->absent = anonymous ? ROLES & ~(1U << ROLE_ANONYMOUS) : 1U << ROLE_ANONYMOUS;
}

/* Can a subject lack all of `absent` and have one of each clause? */
static bool
possible(const struct region *r, uint32_t absent)
{
	for (unsigned i = 0; i < r->n; i++)
		if ((r->clauses[i] & ~absent) == 0)
			return false;
	return true;
}

/* Also one of these roles.  What is implied is not kept.  False: nothing is left. */
static bool
add_clause(struct region *r, uint32_t roles, bool *full)
{
	unsigned n = 0;

	roles &= ~r->absent;
	if (roles == 0)
		return false;
	for (unsigned i = 0; i < r->n; i++)
		if ((r->clauses[i] & ~r->absent & ~roles) == 0)
			return true; /* who has one of those has one of these */
	for (unsigned i = 0; i < r->n; i++)
		if ((roles & ~r->clauses[i]) != 0)
			r->clauses[n++] = r->clauses[i];
	r->n = n;
	if (n == REGION_CLAUSES) {
		*full = true;
		return false;
	}
	r->clauses[r->n++] = roles;
	return true;
}

/* Also none of these roles.  False: nothing is left. */
static bool
add_absent(struct region *r, uint32_t roles)
{
	r->absent |= roles;
	return possible(r, r->absent);
}

bool
region_meet(struct region *r, const struct region_rule *rule, bool *full)
{
	for (int i = 0; i < REGION_LISTS; i++) {
		r->lists[i] &= rule->lists[i];
		if (r->lists[i] == 0)
			return false;
	}
	return add_absent(r, rule->not_role) &&
	       (!rule->has_role || add_clause(r, rule->role, full));
}

bool
region_touches(const struct region *r, const struct region_rule *rule)
{
	uint32_t absent = r->absent | rule->not_role;

	for (int i = 0; i < REGION_LISTS; i++)
		if ((r->lists[i] & rule->lists[i]) == 0)
			return false;
	return possible(r, absent) && (!rule->has_role || (rule->role & ~absent) != 0);
}

size_t
region_without(
	const struct region *r, const struct region_rule *rule, struct region *ret, bool *full)
{
	struct region left = *r;
	size_t n = 0;

	for (int i = 0; i < REGION_LISTS; i++) {
		if ((left.lists[i] & ~rule->lists[i]) == 0)
			continue;
		ret[n] = left;
		ret[n++].lists[i] &= ~rule->lists[i];
		left.lists[i] &= rule->lists[i];
	}
	if ((rule->not_role & ~left.absent) != 0) {
		ret[n] = left;
		n += add_clause(&ret[n], rule->not_role, full);
		left.absent |= rule->not_role;
	}
	if (rule->has_role) {
		ret[n] = left;
		n += add_absent(&ret[n], rule->role);
	}
	return n;
}

uint32_t
region_roles(const struct region *r)
{
	uint32_t roles = 0;

	for (unsigned i = 0; i < r->n; i++) {
		uint32_t may = r->clauses[i] & ~r->absent;
		if ((may & roles) == 0)
			roles |= may & (~may + 1U);
	}
	return roles;
}
