/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/civil.h"

#include <string.h>

static const char days3[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const days_long[7] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char months3[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

int64_t
civil_days(int year, int month, int day)
{
	/* Years begin in March, so that the leap day is the last; eras of 400 years. */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

int64_t
civil_secs(const struct civil *c)
{
	return civil_days(c->year, c->month, c->day) * 86400 + c->hour * INT64_C(3600) +
	       c->min * INT64_C(60) + c->sec;
}

void
civil_from_secs(int64_t secs, struct civil *ret)
{
	int64_t days = secs / 86400;
	int64_t rest = secs % 86400;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	ret->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	ret->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	ret->year = (int)(yoe + era * 400 + (ret->month <= 2));
	ret->hour = (int)(rest / 3600);
	ret->min = (int)(rest / 60 % 60);
	ret->sec = (int)(rest % 60);
}

int
civil_month_days(int year, int month)
{
	static const int n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : n[month - 1];
}

int
civil_weekday(int64_t days)
{
	int64_t w = (days + 4) % 7;

	return (int)(w < 0 ? w + 7 : w);
}

/* Without printf(), which was 5 % of the gate: each record and each answer holds such times. */
static void
digits(char *out, int v, size_t n)
{
	while (n > 0) {
		out[--n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void
civil_write_http(struct buf *b, int64_t secs)
{
	struct civil c;
	char text[] = "Sun, 00 Jan 0000 00:00:00 GMT";

	civil_from_secs(secs, &c);
	const char *day = days3[civil_weekday(civil_days(c.year, c.month, c.day))];
	if (c.year < 0 || c.year > 9999) {
		buf_addf(b, "%s, %02d %s %04d %02d:%02d:%02d GMT", day, c.day, months3[c.month - 1],
			c.year, c.hour, c.min, c.sec);
		return;
	}
	memcpy(text, day, 3);
	digits(text + 5, c.day, 2);
	memcpy(text + 8, months3[c.month - 1], 3);
	digits(text + 12, c.year, 4);
	digits(text + 17, c.hour, 2);
	digits(text + 20, c.min, 2);
	digits(text + 23, c.sec, 2);
	buf_add(b, (struct span){text, sizeof(text) - 1});
}

void
civil_write_iso(struct buf *b, int64_t secs)
{
	struct civil c;
	char text[] = "0000-00-00T00:00:00Z";

	civil_from_secs(secs, &c);
	if (c.year < 0 || c.year > 9999) { /* a file's time can be anything */
		buf_addf(b, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.min,
			c.sec);
		return;
	}
	digits(text, c.year, 4);
	digits(text + 5, c.month, 2);
	digits(text + 8, c.day, 2);
	digits(text + 11, c.hour, 2);
	digits(text + 14, c.min, 2);
	digits(text + 17, c.sec, 2);
	buf_add(b, (struct span){text, sizeof(text) - 1});
}

/* ---- reading ---- */

static bool
number(struct span *s, size_t digits, int *ret)
{
	uint64_t v = 0;

	if (s->n < digits || !span_u64(span_first(*s, digits), 9999, &v))
		return false;
	*s = span_skip(*s, digits);
	*ret = (int)v;
	return true;
}

static bool
literal(struct span *s, const char *text)
{
	struct span t = span_of(text);

	if (!span_starts(*s, t))
		return false;
	*s = span_skip(*s, t.n);
	return true;
}

static bool
month_name(struct span *s, int *ret)
{
	for (int i = 0; i < 12; i++)
		if (literal(s, months3[i])) {
			*ret = i + 1;
			return true;
		}
	return false;
}

static bool
clock_part(struct span *s, struct civil *c)
{
	return number(s, 2, &c->hour) && literal(s, ":") && number(s, 2, &c->min) &&
	       literal(s, ":") && number(s, 2, &c->sec);
}

static bool
day_name(struct span *s, bool full)
{
	for (int i = 0; i < 7; i++)
		if (literal(s, full ? days_long[i] : days3[i]))
			return true;
	return false;
}

static bool
parse_imf(struct span s, struct civil *c)
{
	return day_name(&s, false) && literal(&s, ", ") && number(&s, 2, &c->day) &&
	       literal(&s, " ") && month_name(&s, &c->month) && literal(&s, " ") &&
	       number(&s, 4, &c->year) && literal(&s, " ") && clock_part(&s, c) &&
	       literal(&s, " GMT") && s.n == 0;
}

static bool
parse_850(struct span s, int64_t now, struct civil *c)
{
	struct civil today;

	if (!(day_name(&s, true) && literal(&s, ", ") && number(&s, 2, &c->day) &&
		    literal(&s, "-") && month_name(&s, &c->month) && literal(&s, "-") &&
		    number(&s, 2, &c->year) && literal(&s, " ") && clock_part(&s, c) &&
		    literal(&s, " GMT") && s.n == 0))
		return false;
	/* RFC 9110 5.6.7: more than 50 years ahead means the most recent past year with those
	 * digits. */
	civil_from_secs(now, &today);
	c->year += today.year / 100 * 100;
	if (c->year > today.year + 50)
		c->year -= 100;
	return true;
}

static bool
parse_asctime(struct span s, struct civil *c)
{
	if (!day_name(&s, false) || !literal(&s, " ") || !month_name(&s, &c->month) ||
		!literal(&s, " "))
		return false;
	if (!(literal(&s, " ") ? number(&s, 1, &c->day) : number(&s, 2, &c->day)))
		return false;
	return literal(&s, " ") && clock_part(&s, c) && literal(&s, " ") &&
	       number(&s, 4, &c->year) && s.n == 0;
}

bool
civil_parse_http(struct span s, int64_t now, int64_t *ret)
{
	struct civil c = {0};

	if (!parse_imf(s, &c) && !parse_850(s, now, &c) && !parse_asctime(s, &c))
		return false;
	if (c.year < 1 || c.month < 1 || c.day < 1 || c.day > civil_month_days(c.year, c.month) ||
		c.hour > 23 || c.min > 59 || c.sec > 60)
		return false;
	*ret = civil_secs(&c);
	return true;
}
