/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/nexus_time.h"

#define DIGITS_MAX 9U

/* Exactly n digits (at most DIGITS_MAX) off the front. */
static bool
take_digits(struct span *s, size_t n, int max, int *ret)
{
	uint64_t v = 0;

	if (s->n < n || n > DIGITS_MAX || !span_u64(span_first(*s, n), (uint64_t)max, &v))
		return false;
	*s = span_skip(*s, n);
	*ret = (int)v;
	return true;
}

static bool
take_char(struct span *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_skip(*s, 1);
	return true;
}

static bool
take_iso_date(struct span *s, struct civil *c)
{
	return take_digits(s, 4, 9999, &c->year) && take_char(s, '-') &&
	       take_digits(s, 2, 12, &c->month) && take_char(s, '-') &&
	       take_digits(s, 2, 31, &c->day);
}

static bool
take_month_name(struct span *s, int *ret)
{
	static const struct span names[12] = {SPAN_INIT("jan"), SPAN_INIT("feb"), SPAN_INIT("mar"),
		SPAN_INIT("apr"), SPAN_INIT("may"), SPAN_INIT("jun"), SPAN_INIT("jul"),
		SPAN_INIT("aug"), SPAN_INIT("sep"), SPAN_INIT("oct"), SPAN_INIT("nov"),
		SPAN_INIT("dec")};

	for (int i = 0; i < 12; i++)
		if (span_eq_nocase(span_first(*s, 3), names[i])) {
			*s = span_skip(*s, 3);
			*ret = i + 1;
			return true;
		}
	return false;
}

/* "18-Sep-21", "18-Sep-2021".  Two digits: 50 to 99 are of the last century. */
static bool
take_named_date(struct span *s, struct civil *c)
{
	if (!take_digits(s, 2, 31, &c->day) || !take_char(s, '-') ||
		!take_month_name(s, &c->month) || !take_char(s, '-'))
		return false;
	if (take_digits(s, 4, 9999, &c->year))
		return true;
	if (!take_digits(s, 2, 99, &c->year))
		return false;
	c->year += c->year < 50 ? 2000 : 1900;
	return true;
}

static bool
take_clock(struct span *s, struct civil *c)
{
	if (!take_digits(s, 2, 23, &c->hour) || !take_char(s, ':') ||
		!take_digits(s, 2, 59, &c->min) || !take_char(s, ':') ||
		!take_digits(s, 2, 59, &c->sec))
		return false;
	if (!take_char(s, '.') && !take_char(s, ','))
		return true;
	size_t n = 0;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	*s = span_skip(*s, n);
	return n > 0;
}

/* "Z", "+01:00", "-0600", "+02", or nothing.  Seconds east of UTC. */
static bool
take_zone(struct span s, bool *ret_zoned, int64_t *ret)
{
	int hours = 0;
	int minutes = 0;

	if (s.n == 0) {
		*ret_zoned = false;
		*ret = 0;
		return true;
	}
	(void)take_char(&s, ' ');
	*ret_zoned = true;
	*ret = 0;
	if (take_char(&s, 'Z') || take_char(&s, 'z'))
		return s.n == 0;
	bool west = take_char(&s, '-');
	if ((!west && !take_char(&s, '+')) || !take_digits(&s, 2, 14, &hours))
		return false;
	if (s.n > 0) {
		(void)take_char(&s, ':');
		if (!take_digits(&s, 2, 59, &minutes))
			return false;
	}
	*ret = (int64_t)(hours * 60 + minutes) * (west ? -60 : 60);
	return s.n == 0;
}

bool
nexus_time_parse(struct span s, struct nexus_time *ret)
{
	struct civil c = {0};
	struct nexus_time t;
	int64_t east = 0;

	s = span_trim(s);
	struct span iso = s;
	if (take_iso_date(&iso, &c)) {
		s = iso;
		if (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' '))
			return false;
	} else if (!take_named_date(&s, &c) || !take_char(&s, ' ')) {
		return false;
	}
	if (!take_clock(&s, &c) || !take_zone(s, &t.zoned, &east))
		return false;
	if (c.year < 1950 || c.year > 2100 || c.month < 1 || c.day < 1 ||
		c.day > civil_month_days(c.year, c.month))
		return false;
	int64_t civil = civil_secs(&c);
	t.secs = civil - east;
	if (civil == 0 || t.secs == 0)
		return false;
	*ret = t;
	return true;
}
