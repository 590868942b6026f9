/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "policy/policy.h"

/*
 * One decision in words (policy language 10.2): the effect, the state with the way to its date, the
 * rule, the reason, who can help, and the rules that nearly permit it.  `who` is how the asker is
 * called.  For those who administer the agent: it says more than a refused person may know.
 */
void explain_write(
	const struct policy_set *s, const struct facts *f, struct span who, struct buf *out);
