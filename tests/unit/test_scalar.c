/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/civil.h"
#include "policy/scalar.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BAD      (-999999)

static const struct {
	const char *in;
	int months, days; /* BAD: refused */
} periods[] = {
	{"3y", 36, 0},
	{"100y", 1200, 0},
	{"101y", BAD, 0},
	{"1200m", 1200, 0},
	{"1201m", BAD, 0},
	{"36525d", 0, 36525},
	{"36526d", BAD, 0},
	{"0d", 0, 0},
	{"0y", 0, 0},
	{"03y", BAD, 0},
	{"3", BAD, 0},
	{"y", BAD, 0},
	{"", BAD, 0},
	{"3Y", BAD, 0},
	{"3 y", BAD, 0},
	{"-3y", BAD, 0},
	{"3years", BAD, 0},
	{"1.5y", BAD, 0},
	{"9999999999d", BAD, 0},
};

static void
period(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(periods); i++) {
		struct period p = {BAD, 0};
		CHECK_ROW(periods[i].in);
		assert_int_equal(
			scalar_period(span_of(periods[i].in), &p), periods[i].months != BAD);
		assert_int_equal(p.months, periods[i].months);
		assert_int_equal(p.days, periods[i].days);
	}
}

static const struct {
	const char *in;
	long seconds; /* -1: refused */
} durations[] = {
	{"30min", 1800},
	{"12h", 43200},
	{"1d", 86400},
	{"0s", 0},
	{"90s", 90},
	{"30m", -1},
	{"012h", -1},
	{"1h30min", -1},
	{"999999999d", 4294967295L},
	{"h", -1},
};

static void
duration(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(durations); i++) {
		unsigned v = 7;
		CHECK_ROW(durations[i].in);
		assert_int_equal(
			scalar_duration(span_of(durations[i].in), &v), durations[i].seconds >= 0);
		assert_int_equal(v, durations[i].seconds >= 0 ? durations[i].seconds : 7);
	}
}

static const struct {
	const char *in;
	bool date;        /* else an instant */
	const char *want; /* in UTC; NULL: refused */
} whens[] = {
	{"2027-05-31", true, "2027-05-31T00:00:00Z"},
	{"2024-02-29", true, "2024-02-29T00:00:00Z"},
	{"2023-02-29", true, NULL},
	{"1900-02-29", true, NULL},
	{"2000-02-29", true, "2000-02-29T00:00:00Z"},
	{"1899-12-31", true, NULL},
	{"2999-12-31", true, "2999-12-31T00:00:00Z"},
	{"3000-01-01", true, NULL},
	{"2027-13-01", true, NULL},
	{"2027-00-01", true, NULL},
	{"2027-01-00", true, NULL},
	{"2027-1-01", true, NULL},
	{"2027/01/01", true, NULL},
	{" 2027-01-01", true, NULL},
	{"2027-05-31T08:00:00Z", false, "2027-05-31T08:00:00Z"},
	{"2027-05-31T08:00:00+02:00", false, "2027-05-31T06:00:00Z"},
	{"2027-01-01T00:00:00+14:00", false, "2026-12-31T10:00:00Z"},
	{"2027-01-01T00:00:00+14:59", false, "2026-12-31T09:01:00Z"},
	{"2027-01-01T00:00:00+15:00", false, NULL},
	{"2027-01-01T00:00:00-03:30", false, "2027-01-01T03:30:00Z"},
	{"2027-01-01T00:00:00+01:60", false, NULL},
	{"2027-01-01T00:00:00", false, NULL},
	{"2027-01-01T00:00:00z", false, NULL},
	{"2027-01-01t00:00:00Z", false, NULL},
	{"2027-01-01 00:00:00Z", false, NULL},
	{"2027-01-01T24:00:00Z", false, NULL},
	{"2027-01-01T23:60:00Z", false, NULL},
	{"2027-01-01T23:59:60Z", false, NULL},
	{"2027-01-01T23:59:59.5Z", false, NULL},
	{"2027-01-01T23:59Z", false, NULL},
	{"2027-01-01T00:00:00+0100", false, NULL},
	{"2027-02-30T00:00:00Z", false, NULL},
	{"", true, NULL},
};

static void
when(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(whens); i++) {
		struct when w = {0};
		AUTO_BUF text = BUF_INIT(64);
		CHECK_ROW(whens[i].in);
		bool ok = facts_parse_when(span_of(whens[i].in), &w);
		assert_int_equal(ok, whens[i].want != NULL);
		assert_int_equal(w.given, ok);
		if (!ok)
			continue;
		assert_int_equal(w.is_date, whens[i].date);
		civil_write_iso(&text, w.is_date ? (int64_t)w.date * 86400 : w.instant);
		check_span(buf_span(&text), whens[i].want);
	}
}

static const struct {
	const char *kind, *in;
	bool ok;
} words[] = {
	{"ident", "esrf-2024", true},
	{"ident", "a", true},
	{"ident", "", false},
	{"ident", "2024", false},
	{"ident", "Esrf", false},
	{"ident", "a_b", false},
	{"ident", "a b", false},
	{"ident", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg", true},
	{"ident", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggh", false},
	{"group", "a_b", true},
	{"zone", "Europe/Paris", true},
	{"zone", "America/Argentina/Buenos_Aires", true},
	{"zone", "Etc/GMT+1", true},
	{"zone", "UTC", true},
	{"zone", "+01:00", false},
	{"zone", "../etc/passwd", false},
	{"zone", "/etc/passwd", false},
	{"zone", "Europe//Paris", false},
	{"zone", "Europe/", false},
	{"zone", "Europe/Paris.tab", false},
	{"zone", "Europe/1", true},
	{"licence", "CC-BY-4.0", true},
	{"licence", "cc-by-4.0", false},
	{"licence", "CC-BY-4.0 ", false},
	{"licence", "MIT", false},
	{"licence", "LicenseRef-Facility.1", true},
	{"licence", "LicenseRef-", false},
	{"licence", "LicenseRef-a b", false},
};

static void
word(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct span s = span_of(words[i].in);
		bool ok = words[i].kind[0] == 'i'   ? scalar_ident(s)
			  : words[i].kind[0] == 'g' ? scalar_group(s)
			  : words[i].kind[0] == 'z' ? scalar_zone(s)
						    : scalar_licence(s);
		CHECK_ROW(words[i].in);
		assert_int_equal(ok, words[i].ok);
	}
}

static const struct {
	const char *in;
	unsigned want; /* 0: refused */
} numbers[] = {
	{"1", 1},
	{"999999999", 999999999},
	{"1000000000", 0},
	{"0", 0},
	{"01", 0},
	{"1.0", 0},
	{"0x10", 0},
	{"1_0", 0},
	{"1:30", 0},
	{"+1", 0},
};

static void
number(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		unsigned v = 0;
		CHECK_ROW(numbers[i].in);
		assert_int_equal(scalar_number(span_of(numbers[i].in), &v), numbers[i].want > 0);
		assert_int_equal(v, numbers[i].want);
	}
}

static void
writing(void **state)
{
	static const struct {
		struct period p;
		const char *want;
	} rows[] = {
		{{36, 0}, "3y"},
		{{18, 0}, "1y6m"},
		{{6, 0}, "6m"},
		{{0, 14}, "14d"},
		{{36, 14}, "3y+14d"},
		{{0, 0}, "0d"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO_BUF out = BUF_INIT(64);
		CHECK_ROW(rows[i].want);
		scalar_write_period(&out, rows[i].p);
		check_span(buf_span(&out), rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(period),
		cmocka_unit_test(duration),
		cmocka_unit_test(when),
		cmocka_unit_test(word),
		cmocka_unit_test(number),
		cmocka_unit_test(writing),
	};
	return cmocka_run_group_tests_name("scalar", tests, NULL, NULL);
}
