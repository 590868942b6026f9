/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* The proleptic Gregorian calendar in UTC, and the text forms of an instant.  Pure. */
struct civil {
	int year;       /* 1 to 9999 */
	int month, day; /* from 1 */
	int hour, min, sec;
};

int64_t civil_days(int year, int month, int day); /* days since 1970-01-01 */
int64_t civil_secs(const struct civil *c);        /* seconds since the epoch */
void civil_from_secs(int64_t secs, struct civil *ret);
int civil_month_days(int year, int month); /* 28 to 31 */
int civil_weekday(int64_t days);           /* 0 = Sunday, of days since the epoch */

/* RFC 9110 5.6.7 IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT": 29 bytes. */
void civil_write_http(struct buf *b, int64_t secs);
/* Accepts IMF-fixdate, RFC 850 and asctime form (a recipient must); false when malformed.  `now`
 * settles two-digit years. */
bool civil_parse_http(struct span s, int64_t now, int64_t *ret);
/* RFC 3339 in UTC, "2026-11-24T08:49:37Z". */
void civil_write_iso(struct buf *b, int64_t secs);
