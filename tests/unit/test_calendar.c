/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/civil.h"
#include "policy/calendar.h"
#include "policy/scalar.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int32_t
day(const char *text)
{
	int32_t d = 0;

	assert_true(scalar_date(span_of(text), &d));
	return d;
}

static const struct {
	const char *name, *from;
	int months, days;
	const char *want;
} adds[] = {
	{"three years", "2024-05-31", 36, 0, "2027-05-31"},
	{"leap day to a common year", "2024-02-29", 36, 0, "2027-02-28"},
	{"leap day to a leap year", "2024-02-29", 48, 0, "2028-02-29"},
	{"leap day to 2100", "2096-02-29", 48, 0, "2100-02-28"},
	{"leap day to 2400", "2396-02-29", 48, 0, "2400-02-29"},
	{"31 August and six months", "2022-08-31", 6, 0, "2023-02-28"},
	{"the same to a leap year", "2023-08-31", 6, 0, "2024-02-29"},
	{"31 to 30", "2024-03-31", 1, 0, "2024-04-30"},
	{"across the year", "2024-11-15", 2, 0, "2025-01-15"},
	{"to December", "2024-11-15", 1, 0, "2024-12-15"},
	{"months first, then days", "2023-01-31", 1, 1, "2023-03-01"},
	{"days across February", "2024-02-28", 0, 2, "2024-03-01"},
	{"nothing", "2024-02-29", 0, 0, "2024-02-29"},
	{"a hundred years", "1999-12-31", 1200, 0, "2099-12-31"},
};

static void
add(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(adds); i++) {
		struct period p = {adds[i].months, adds[i].days};
		CHECK_ROW(adds[i].name);
		assert_int_equal(calendar_add(day(adds[i].from), p), day(adds[i].want));
	}
}

static const struct {
	const char *name, *zone, *date, *want;
} starts[] = {
	{"winter", "Europe/Paris", "2027-01-01", "2026-12-31T23:00:00Z"},
	{"summer", "Europe/Paris", "2027-05-31", "2027-05-30T22:00:00Z"},
	{"day of the change", "Europe/Paris", "2026-03-29", "2026-03-28T23:00:00Z"},
	{"far future", "Europe/Paris", "2150-07-01", "2150-06-30T22:00:00Z"},
	{"midnight does not exist", "Atlantic/Azores", "2026-03-29", "2026-03-29T01:00:00Z"},
	{"midnight happens twice", "Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z"},
	{"the day after", "Atlantic/Azores", "2026-10-26", "2026-10-26T01:00:00Z"},
	{"midnight does not exist, in Cuba", "America/Havana", "2026-03-08",
		"2026-03-08T05:00:00Z"},
	{"a day that never was", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},
	{"the day after it", "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
	{"the day before it", "Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z"},
	{"east", "Pacific/Kiritimati", "2027-01-01", "2026-12-31T10:00:00Z"},
	{"west", "Pacific/Honolulu", "2027-01-01", "2027-01-01T10:00:00Z"},
	{"UTC", "UTC", "2027-01-01", "2027-01-01T00:00:00Z"},
};

/* Also: the instant before it has an earlier date, the instant itself has not. */
static void
start(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(starts); i++) {
		struct zone *z = NULL;
		AUTO_BUF got = BUF_INIT(64);
		int32_t d = day(starts[i].date);
		CHECK_ROW(starts[i].name);
		assert_true(zone_load(span_of(starts[i].zone), &z, NULL));
		int64_t at = calendar_start(z, d);
		civil_write_iso(&got, at);
		check_span(buf_span(&got), starts[i].want);
		assert_true(calendar_date(z, at) >= d);
		assert_true(calendar_date(z, at - 1) < d);
		zone_free(z);
	}
}

/* No zone and no day breaks the definition of start(D). */
static void
every_day(void **state)
{
	static const char *const zones[] = {"Europe/Paris", "Atlantic/Azores", "Pacific/Apia",
		"America/Sao_Paulo", "America/Havana", "Asia/Tehran", "Australia/Lord_Howe",
		"Africa/Casablanca"};

	(void)state;
	for (size_t i = 0; i < COUNT(zones); i++) {
		struct zone *z = NULL;
		CHECK_ROW(zones[i]);
		assert_true(zone_load(span_of(zones[i]), &z, NULL));
		int64_t before = INT64_MIN;
		for (int32_t d = day("2000-01-01"); d < day("2045-01-01"); d++) {
			int64_t at = calendar_start(z, d);
			assert_true(at >= before);
			assert_true(calendar_date(z, at) >= d);
			assert_true(calendar_date(z, at - 1) < d);
			before = at;
		}
		zone_free(z);
	}
}

static void
instants(void **state)
{
	struct zone *z = NULL;
	struct when w = {0};

	(void)state;
	assert_true(zone_load(SPAN("Europe/Paris"), &z, NULL));
	assert_true(facts_parse_when(SPAN("2023-12-31T23:30:00Z"), &w));
	assert_int_equal(calendar_when_date(z, &w), day("2024-01-01"));
	assert_int_equal(calendar_when_instant(z, &w), w.instant);
	assert_true(facts_parse_when(SPAN("2024-01-01"), &w));
	assert_int_equal(calendar_when_date(z, &w), day("2024-01-01"));
	assert_int_equal(calendar_when_instant(z, &w), (int64_t)day("2024-01-01") * 86400 - 3600);
	assert_int_equal(calendar_date(z, -3601), -1); /* before the epoch */
	assert_int_equal(calendar_date(z, -3600), 0);
	zone_free(z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add),
		cmocka_unit_test(start),
		cmocka_unit_test(every_day),
		cmocka_unit_test(instants),
	};
	return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
