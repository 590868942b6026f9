/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One time zone of the tz database: a compiled file (TZif, RFC 8536) as a value that never changes
 * and may be shared by threads.  setenv("TZ") and localtime() are not used: they are state of the
 * process.
 */
struct zone;

/* Pure.  ERR_SYNTAX with the clause of RFC 8536 that broke.  The caller frees with zone_free. */
bool zone_parse(struct span tzif, struct zone **ret, struct err *e);
/*
 * Reads /usr/share/zoneinfo/NAME.  ERR_ABSENT: no such zone.  Blocks for disk: call it before
 * confinement.
 */
bool zone_load(struct span name, struct zone **ret, struct err *e);
/*
 * Version of the tz database of this machine, as "2026b"; "" when its files do not tell.  Reads
 * them as zone_load does.
 */
void zone_version(char ret[16]);
void zone_free(struct zone *z); /* NULL is allowed */

/*
 * Seconds east of UTC at an instant (seconds UTC); *until (may be NULL) is the first later instant
 * at which another entry begins, INT64_MAX: none.
 */
int32_t zone_offset(const struct zone *z, int64_t at, int64_t *until);
