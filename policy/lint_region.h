/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Questions in bulk, for lint: those that agree in action, state, route, flags, milestones and
 * text, and whose other values lie in a region.  A region is a product of four lists and of the
 * sets of roles that lack some roles and have one of each clause.  Taking away what a rule matches
 * leaves regions again, so whether rules leave a question over is found without asking one by one.
 * Pure.
 */
enum region_list { REGION_KIND, REGION_NETWORK, REGION_PURPOSE, REGION_PROTOCOL, REGION_LISTS };
enum { REGION_CLAUSES = 20 };

struct region {
	uint32_t lists[REGION_LISTS];     /* bits of the enumerators; none is 0 */
	uint32_t absent;                  /* of enum policy_role: those that the subject lacks */
	uint32_t clauses[REGION_CLAUSES]; /* it has at least one of each of these */
	unsigned n;
	size_t next; /* for the caller */
};

/* What a rule asks of these values.  An absent condition is the whole list. */
struct region_rule {
	uint32_t lists[REGION_LISTS];
	bool has_role;
	uint32_t role, not_role;
};
void region_rule_init(const struct rule *r, struct region_rule *ret);

/* All questions of a kind of subject: an anonymous one, or a known one. */
void region_all(bool anonymous, struct region *ret);
/* Only what a rule matches is left; false: nothing, or too many clauses (*full). */
bool region_meet(struct region *r, const struct region_rule *rule, bool *full);
/* Is there a question in it that the rule matches? */
bool region_touches(const struct region *r, const struct region_rule *rule);
/*
 * What is left of it without the questions that the rule, which touches it, matches: disjoint
 * pieces, at most REGION_PIECES.  *full: it has too many clauses.
 */
enum { REGION_PIECES = REGION_LISTS + 2 };
size_t region_without(
	const struct region *r, const struct region_rule *rule, struct region *ret, bool *full);
/* The roles of one subject in it, few. */
uint32_t region_roles(const struct region *r);
