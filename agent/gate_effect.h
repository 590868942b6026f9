/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/catalog/catalog.h"
#include "agent/role.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What other policies would have decided of the last day's questions (POL-19, 10.3), as far as the
 * audit log of this month is at hand and time allows: for the record of a reload, and for whoever
 * asked for it.
 */
struct gate_effect {
	bool known;
	bool part; /* of the day, perhaps: the log is longer than what is read in a reload */
	uint64_t decisions, changed, undecided;
};

#define GATE_EFFECT_BYTES (32UL << 20) /* at the end of the log */
#define GATE_EFFECT_MS    1500         /* a reload takes no longer for it */

/*
 * Before a gate serves.  `c` gives the events of datasets.  What would be decided otherwise is
 * added to `notes`: how many, and the commonest cases.  Not known: there is no log, or it cannot be
 * read.
 */
void gate_effect_measure(const struct role *r, const struct policy_set *s, struct catalog *c,
	int64_t now_ms, struct buf *notes, struct gate_effect *ret);
