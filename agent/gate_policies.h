/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/catalog/catalog.h"
#include "agent/role.h"
#include "policy/audit.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The policies of the gate, from its bundle to the set in force (POL-19): signatures first, then
 * grammar, tests and overlaps.  Before confinement: zone files are read.
 */

/*
 * All faults are lines in `report`; NULL in *ret then.  Not a byte of a file whose signatures are
 * not good is parsed.
 */
bool gate_policies_load(
	const struct role *r, struct buf *report, const struct policy_set **ret, struct err *e);

/*
 * What lint finds in them (policy/lint.h) is added to `notes`, line by line, and logged.  With
 * `policy.lint: strict` a finding is a fault: it is in `report`, and false.
 */
bool gate_policies_lint(const struct role *r, const struct policy_set *s, struct buf *notes,
	struct buf *report, struct err *e);

/* This gate takes the place of another: the bundle tells what that one has in force. */
bool gate_policies_reloading(const struct role *r);

/*
 * From now on they are in force: the audit record of the start, or of the reload with what is
 * replaced and how many decisions of the last day would be others; then the supervisor is told
 * (role_report): "policies" for programs, "policy-metrics", and "policy-notes" for whoever asked
 * for a reload: a line for each policy, what changed, that number, then `notes`.
 */
struct gate_policies_start {
	const struct policy_set *set;
	struct audit *audit;
	struct catalog *catalog; /* the events of datasets */
	int64_t now_ms;
	struct span notes;
	const char *tzdata; /* zone_version before confinement: of the zones that were loaded */
};
bool gate_policies_begin(struct role *r, const struct gate_policies_start *x, struct err *e);
