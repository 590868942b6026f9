/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/zone.h"
#include "policy/facts.h"

#include <stdint.h>

/*
 * Calendar arithmetic in the zone of a policy (policy language 3.1).  Pure.  Dates are days since
 * 1970-01-01, instants seconds UTC.
 */

/* The date that the zone shows at an instant. */
int32_t calendar_date(const struct zone *z, int64_t at);
/* The earliest instant whose local date is not before `date`. */
int64_t calendar_start(const struct zone *z, int32_t date);
/* Months first (a shorter month takes its last day), then days. */
int32_t calendar_add(int32_t date, struct period p);
/* The local date of a date or an instant, and its (first) instant. */
int32_t calendar_when_date(const struct zone *z, const struct when *w);
int64_t calendar_when_instant(const struct zone *z, const struct when *w);
