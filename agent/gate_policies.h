/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/role.h"
#include "policy/policy.h"

#include <stdbool.h>

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
