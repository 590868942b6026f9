/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/policy.h"

#include <stdint.h>

/*
 * The days for which policies hold (valid_from to valid_until), drawn for people: a row for each,
 * the oldest first, on one axis of years, so that a gap is seen; each gap is told in words too.
 * Data of a day in a gap have no policy and are closed.  Pure.
 *
 *               2015    2018    2021    2024    2027
 *   esrf-2015   ========================
 *   esrf-2024                           ========>
 *
 * today: days since 1970-01-01; the axis reaches at least to it.
 */
void timeline_draw(const struct policy_set *s, int32_t today, struct buf *out);
