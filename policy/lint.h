/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/policy.h"

/*
 * What is probably not meant in policies that are loaded (policy language 10.1): rules that can
 * never decide, data that are read before they are open, and so on, L1 to L10.  Their files' names
 * and texts are still there.  Pure; a second or two for thousands of rules.
 *
 * Returns the number of findings.  Each is one line "FILE:LINE:COLUMN: warning: L3: MESSAGE" of
 * report, in the order of the files.  A line with "note:" says what could not be judged, and is no
 * finding.
 */
unsigned policy_lint(const struct policy_set *s, struct buf *report);
/* The same as one JSON object: {"findings":[{"file","line","column","code","rule","message"}],
 * "notes":[...]}; rule is null where no rule is meant. */
unsigned policy_lint_json(const struct policy_set *s, struct buf *out);
