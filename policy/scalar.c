/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/scalar.h"

#include "agent/base/civil.h"

enum { IDENT_MAX = 64, YEAR_FIRST = 1900, YEAR_LAST = 2999 };

static const char *const licences[] = {"CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0",
	"CC-BY-NC-SA-4.0", "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0"};

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool
word(struct span s, bool underscore)
{
	if (s.n == 0 || s.n > IDENT_MAX || !is_lower(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!is_lower(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-' &&
			(s.p[i] != '_' || !underscore))
			return false;
	return true;
}

bool
scalar_ident(struct span s)
{
	return word(s, false);
}

bool
scalar_group(struct span s)
{
	return word(s, true);
}

bool
scalar_number(struct span s, unsigned *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 9 || s.p[0] == '0' || !span_u64(s, 999999999, &v))
		return false;
	*ret = (unsigned)v;
	return true;
}

bool
scalar_date(struct span s, int32_t *ret)
{
	uint64_t y = 0;
	uint64_t m = 0;
	uint64_t d = 0;

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-')
		return false;
	if (!span_u64(span_first(s, 4), YEAR_LAST, &y) ||
		!span_u64(span_first(span_skip(s, 5), 2), 12, &m) ||
		!span_u64(span_skip(s, 8), 31, &d))
		return false;
	if (y < YEAR_FIRST || m < 1 || d < 1 || (int)d > civil_month_days((int)y, (int)m))
		return false;
	*ret = (int32_t)civil_days((int)y, (int)m, (int)d);
	return true;
}

/* "0", or digits without a leading zero, at most nine; *rest is what follows them. */
static bool
leading_number(struct span s, uint64_t *ret, struct span *rest)
{
	size_t n = 0;

	while (n < s.n && n < 10 && is_digit(s.p[n]))
		n++;
	if (n == 0 || n > 9 || (n > 1 && s.p[0] == '0') ||
		!span_u64(span_first(s, n), UINT32_MAX, ret))
		return false;
	*rest = span_skip(s, n);
	return true;
}

bool
scalar_period(struct span s, struct period *ret)
{
	uint64_t v = 0;
	struct span unit;

	if (!leading_number(s, &v, &unit))
		return false;
	if (span_is(unit, "y") && v <= 100)
		*ret = (struct period){.months = (int32_t)v * 12};
	else if (span_is(unit, "m") && v <= 1200)
		*ret = (struct period){.months = (int32_t)v};
	else if (span_is(unit, "d") && v <= 36525)
		*ret = (struct period){.days = (int32_t)v};
	else
		return false;
	return true;
}

bool
scalar_duration(struct span s, unsigned *ret)
{
	static const struct {
		const char *unit;
		unsigned seconds;
	} units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	uint64_t v = 0;
	struct span unit;

	if (!leading_number(s, &v, &unit))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (span_is(unit, units[i].unit)) {
			/* A hundred years and more are all the same: for ever. */
			uint64_t seconds = v * units[i].seconds;
			*ret = seconds < UINT32_MAX ? (unsigned)seconds : UINT32_MAX;
			return true;
		}
	return false;
}

bool
scalar_zone(struct span s)
{
	char before = '/';

	if (s.n == 0 || s.n > 255 || !is_alpha(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '/' ? before == '/'
			     : !is_alpha(c) && !is_digit(c) && c != '_' && c != '+' && c != '-')
			return false;
		before = c;
	}
	return before != '/';
}

bool
scalar_licence(struct span s)
{
	struct span own = SPAN("LicenseRef-");

	if (facts_name(s, licences, sizeof(licences) / sizeof(licences[0])) >= 0)
		return true;
	if (!span_starts(s, own) || s.n == own.n)
		return false;
	/* SPDX 2.3 annex D: idstring. */
	for (size_t i = own.n; i < s.n; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-' && s.p[i] != '.')
			return false;
	return true;
}

void
scalar_write_date(struct buf *b, int32_t date)
{
	struct civil c;

	civil_from_secs((int64_t)date * 86400, &c);
	buf_addf(b, "%04d-%02d-%02d", c.year, c.month, c.day);
}

void
scalar_write_period(struct buf *b, struct period p)
{
	if (p.months >= 12)
		buf_addf(b, "%dy", p.months / 12);
	if (p.months % 12 != 0)
		buf_addf(b, "%dm", p.months % 12);
	if (p.days != 0 || p.months == 0)
		buf_addf(b, "%s%dd", p.months != 0 ? "+" : "", p.days);
}
