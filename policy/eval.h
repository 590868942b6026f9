/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/model.h"
#include "policy/state.h"

/*
 * The decision under one policy that is already chosen (policy language 4 and 5).  Pure, no
 * allocation.
 */
void eval_decide(const struct policy *p, const struct facts *f, struct decision *ret);
/* The decision by rule `input` or `no-policy`. */
void eval_refuse(const char *rule, const char *reason, int status, struct decision *ret);

/* Are the values of the closed vocabularies in their ranges, and is there a time? */
bool eval_input_ok(const struct facts *f);
/* Roles with `anonymous` or `authenticated`. */
uint32_t eval_roles(const struct facts *f);
/* Does every key of `when` hold but those whose bit is in `ignored`? */
bool eval_matches(
	const struct rule *r, const struct facts *f, const struct state_view *v, uint32_t ignored);
