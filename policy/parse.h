/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/model.h"

/*
 * Read one policy file and check its grammar (policy language 7 and 8), without running its tests.
 * NULL: at least one fault; up to 20 lines "FILE:LINE:COLUMN: error: MESSAGE" in report, in file
 * order, and e says how many.  `file` must outlive the policy.  Reads the zone file of `timezone`.
 * Free with model_free.
 */
struct policy *parse_policy(const char *file, struct span text, struct buf *report, struct err *e);
