/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/decision.h"
#include "policy/model.h"
#include "policy/state.h"

/* What the rules of a policy say to one question, in words: part of an explanation. */
struct explain_rules {
	const struct policy *p;
	const struct facts *f;
	const struct state_view *v; /* of the dataset at the time of the question */
	const struct decision *d;
};

/*
 * Of a refusal: the denies that hold ("denies"), the permits that they overrule ("over"), and the
 * permits that fail by what the asker brings along alone ("near").
 */
void explain_rules_near(const struct explain_rules *q, struct buf *out);
/* Every rule about the action, in order, each with why it does not hold, or what it does. */
void explain_rules_all(const struct explain_rules *q, struct buf *out);
