/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_names.h"

#include "agent/base/civil.h"

#include <stdio.h>
#include <string.h>

#define KEY "audit-key-"

void
audit_names_month(int64_t ms, char ret[AUDIT_MONTH_LEN])
{
	struct civil c;

	civil_from_secs(ms / 1000, &c);
	(void)snprintf(ret, AUDIT_MONTH_LEN, "%04u-%02u", (unsigned)c.year % 10000,
		(unsigned)c.month % 100);
}

static bool
read_month(struct span s, struct civil *ret)
{
	uint64_t year = 0;
	uint64_t month = 0;

	if (s.n != AUDIT_MONTH_LEN - 1 || s.p[4] != '-' ||
		!span_u64(span_first(s, 4), 9998, &year) ||
		!span_u64(span_skip(s, 5), 12, &month) || year < 1970 || month < 1)
		return false;
	*ret = (struct civil){(int)year, (int)month, 1, 0, 0, 0};
	return true;
}

bool
audit_names_month_end(const char *month, int64_t *ret)
{
	struct civil c;

	if (!read_month(span_of(month), &c))
		return false;
	c.year += c.month == 12;
	c.month = c.month % 12 + 1;
	*ret = civil_secs(&c);
	return true;
}

/* "audit" and ".jsonl". */
static void
split(const char *log, struct span *stem, struct span *end)
{
	const char *dot = strrchr(log, '.');

	*stem = span_of(log);
	*end = SPAN("");
	if (dot == NULL || dot == log)
		return;
	*end = span_of(dot);
	stem->n = (size_t)(dot - log);
}

bool
audit_names_older(const char *log, const char *month, unsigned n, char ret[AUDIT_NAME_MAX])
{
	struct span stem;
	struct span end;
	char number[16] = "";

	split(log, &stem, &end);
	if (n > 1)
		(void)snprintf(number, sizeof(number), ".%u", n);
	int len = snprintf(
		ret, AUDIT_NAME_MAX, "%.*s-%s%s%.*s", SPAN_ARG(stem), month, number, SPAN_ARG(end));
	return len > 0 && len < (int)AUDIT_NAME_MAX;
}

bool
audit_names_is_older(const char *log, struct span name)
{
	struct span stem;
	struct span end;
	struct civil month;
	uint64_t n = 0;

	split(log, &stem, &end);
	if (!span_starts(name, stem) || !span_ends(name, end) ||
		name.n < stem.n + end.n + AUDIT_MONTH_LEN || name.p[stem.n] != '-')
		return false;
	struct span middle = {name.p + stem.n + 1, name.n - stem.n - end.n - 1};
	if (!read_month(span_first(middle, AUDIT_MONTH_LEN - 1), &month))
		return false;
	struct span number = span_skip(middle, AUDIT_MONTH_LEN - 1);
	if (number.n == 0)
		return true;
	return number.p[0] == '.' && number.n > 1 && number.p[1] != '0' &&
	       span_u64(span_skip(number, 1), AUDIT_TURNS, &n) && n > 1;
}

void
audit_names_key(const char month[AUDIT_MONTH_LEN], char ret[AUDIT_NAME_MAX])
{
	(void)snprintf(ret, AUDIT_NAME_MAX, KEY "%.7s", month);
}

bool
audit_names_is_key(struct span name, char ret_month[AUDIT_MONTH_LEN])
{
	struct civil month;

	if (!span_starts(name, SPAN(KEY)) || !read_month(span_skip(name, strlen(KEY)), &month))
		return false;
	return span_cstr(span_skip(name, strlen(KEY)), ret_month, AUDIT_MONTH_LEN);
}
