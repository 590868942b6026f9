/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/model.h"

/*
 * Run the tests of a policy file.  Each failed one is a line of `report` (at most 20); `tap` (may
 * be NULL) gets one line per test, numbered from *number + 1 on.  Returns the number that failed.
 */
unsigned selftest_run(
	const struct policy *p, struct buf *report, struct buf *tap, unsigned *number);
