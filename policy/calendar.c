/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/calendar.h"

#include "agent/base/civil.h"

#define DAY  ((int64_t)86400)
#define HOUR ((int64_t)3600)

static int64_t
floor_day(int64_t secs)
{
	return secs / DAY - (secs % DAY < 0);
}

int32_t
calendar_date(const struct zone *z, int64_t at)
{
	return (int32_t)floor_day(at + zone_offset(z, at, NULL));
}

int64_t
calendar_start(const struct zone *z, int32_t date)
{
	int64_t midnight = (int64_t)date * DAY;
	/* No zone is 26 hours ahead (RFC 8536 3.2), so every earlier instant has an earlier date.
	 */
	int64_t at = midnight - 26 * HOUR;

	for (;;) {
		int64_t until = 0;
		int32_t east = zone_offset(z, at, &until);
		int64_t here = midnight - east > at ? midnight - east : at;
		if (here < until)
			return here;
		at = until;
	}
}

int32_t
calendar_add(int32_t date, struct period p)
{
	struct civil c;

	civil_from_secs((int64_t)date * DAY, &c);
	int months = c.year * 12 + c.month - 1 + p.months;
	int year = months / 12;
	int month = months % 12 + 1;
	int last = civil_month_days(year, month);
	return (int32_t)civil_days(year, month, c.day < last ? c.day : last) + p.days;
}

int32_t
calendar_when_date(const struct zone *z, const struct when *w)
{
	return w->is_date ? w->date : calendar_date(z, w->instant);
}

int64_t
calendar_when_instant(const struct zone *z, const struct when *w)
{
	return w->is_date ? calendar_start(z, w->date) : w->instant;
}
