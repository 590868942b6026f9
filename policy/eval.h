/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/eval_facts.h"
#include "policy/eval_rule.h"
#include "policy/model.h"
#include "policy/state.h"

/*
 * The decision under one policy that is already chosen (policy language 4 and 5).  Pure, no
 * allocation.
 */
void eval_decide(const struct policy *p, const struct facts *f, struct decision *ret);
/* The same from prepared facts (prepared.policy is not NULL), for any action. */
void eval_decide_prepared(const struct prepared *q, enum action action, struct decision *ret);
/* The decision by rule `input` or `no-policy`. */
void eval_refuse(enum refusal why, struct decision *ret);
