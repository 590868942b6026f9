/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/civil.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The shapes in which start_time and end_time stand in files of the field:
 *   2016-06-23T12:02:31-06:00   2001-02-07T08:54:21-0600   2022-01-27T03:35:00Z   (zone given)
 *   2022-10-15T13:49:39.357     2009-09-13 20:58:20                               (no zone)
 *   18-Sep-21 22:04:08                                                            (no zone)
 * A blank may stand for T and before the zone; fractions are dropped; years are 1950 to 2100.
 * Anything else is unknown, and so is the start of 1970, which is what an unset clock says.  Pure.
 */
struct nexus_time {
	int64_t secs; /* zoned: seconds UTC; else the civil time as if it were UTC */
	bool zoned;
};
bool nexus_time_parse(struct span s, struct nexus_time *ret);
