/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/model.h"
#include "policy/state.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One rule and one question (policy language 4), condition by condition as the text has them.  This
 * is the reference that policy/eval_index.c is held to, what explanations ask, and the way of the
 * few questions that the index has no room for.  Pure, no allocation.
 */

/* No token, or none that was checked. */
bool eval_anonymous(const struct facts *f);
/* Roles with `anonymous` or `authenticated`. */
uint32_t eval_roles(const struct facts *f);
/* Does every key of `when` hold but those whose bit (1U << enum when_key) is in `ignored`? */
bool eval_matches(
	const struct rule *r, const struct facts *f, const struct state_view *v, uint32_t ignored);
/* POL-9 by looking at every rule: the first deny, else the first permit; NULL: by default. */
const struct rule *eval_scan(const struct policy *p, const struct facts *f,
	const struct state_view *v, enum action action);
