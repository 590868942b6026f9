/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "policy/explain_bind.h"
#include "policy/policy.h"

#include <stdbool.h>

/*
 * One decision in words (policy language 10.2): the effect, the state with the way to its date, the
 * rule, the reason, who can help, the rules that nearly permit it, which policy applies and why,
 * and what time alone will change.  For those who administer the agent: it says more than a refused
 * person may know.
 */
struct explain_options {
	struct span who; /* how the asker is called */
	enum explain_binding how;
	bool all; /* every rule about the action, with why it does not hold */
};
void explain_write(const struct policy_set *s, const struct facts *f,
	const struct explain_options *o, struct buf *out);
