/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/policy.h"

/* Which policy decides and why, and what time alone will change: parts of an explanation. */

/* Where the name of an object's policy (facts.object.policy) comes from. */
enum explain_binding {
	EXPLAIN_NAMED,    /* the question names it */
	EXPLAIN_STORED,   /* the catalogue, since the dataset was first seen */
	EXPLAIN_PROPOSALS /* proposals.yaml */
};
/*
 * "bound" lines: the policy, by name or by which date and which days; then each other one that is
 * loaded, with why it is not this one.  Nothing fits, or several: each with that.
 */
void explain_bind_write(const struct policy_set *s, const struct object_facts *o,
	enum explain_binding how, struct buf *out);
/* "next" lines: the instants at which the answer may change by time alone, and what it is then. */
void explain_bind_next(const struct policy_set *s, const struct facts *f, const struct decision *d,
	struct buf *out);
