/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"
#include "transfer/nexus_time.h"

/* name, text; taken, with a zone, seconds */
static const struct {
	const char *name, *in;
	bool ok, zoned;
	int64_t secs;
} rows[] = {
	{"zone with colon", "2016-06-23T12:02:31-06:00", true, true, 1466704951},
	{"zone without colon", "2001-02-07T08:54:21-0600", true, true, 981557661},
	{"east of Greenwich", "2016-06-09T14:03:18+02:00", true, true, 1465473798},
	{"Z", "2022-01-27T03:35:00Z", true, true, 1643254500},
	{"small z and t", "2022-01-27t03:35:00z", true, true, 1643254500},
	{"plus zero", "2022-01-27T03:35:00+00:00", true, true, 1643254500},
	{"hours only", "2022-01-27T03:35:00+01", true, true, 1643250900},
	{"half an hour", "2022-01-27T03:35:00+05:30", true, true, 1643234700},
	{"largest zone", "2022-01-27T03:35:00+14:00", true, true, 1643204100},
	{"zone after a blank", "2023-05-23 15:47:17 -0700", true, true, 1684882037},
	{"fraction and zone", "2024-05-17 16:54:34.264624+02:00", true, true, 1715957674},
	{"no zone", "2019-02-14T14:25:57", true, false, 1550154357},
	{"no zone, fraction", "2022-10-15T13:49:39.357", true, false, 1665841779},
	{"fraction with a comma", "2022-10-15T13:49:39,357", true, false, 1665841779},
	{"blank instead of T", "2009-09-13 20:58:20", true, false, 1252875500},
	{"blanks around", "  2009-09-13 20:58:20 ", true, false, 1252875500},
	{"month name", "18-Sep-21 22:04:08", true, false, 1632002648},
	{"month name, capitals", "18-SEP-21 22:04:08", true, false, 1632002648},
	{"month name, long year", "18-Sep-2021 22:04:08", true, false, 1632002648},
	{"last year of this century", "18-Sep-49 22:04:08", true, false, 2515615448},
	{"first year of the last century", "18-Sep-50 22:04:08", true, false, -608608552},
	{"leap day", "2020-02-29T00:00:00", true, false, 1582934400},
	{"latest", "2100-12-31T23:59:59Z", true, true, 4133980799},
	{"earliest", "1950-01-01T00:00:00", true, false, -631152000},
	{"empty", "", false, false, 0},
	{"blanks", "   ", false, false, 0},
	{"start of 1970", "1970-01-01T00:00:00", false, false, 0},
	{"start of 1970 with zone", "1970-01-01T00:00:00Z", false, false, 0},
	{"start of 1970 elsewhere", "1970-01-01T01:00:00+01:00", false, false, 0},
	{"civil start of 1970", "1970-01-01T00:00:00+01:00", false, false, 0},
	{"before", "1949-12-31T23:59:59", false, false, 0},
	{"after", "2101-01-01T00:00:00", false, false, 0},
	{"year 1", "0001-01-01T00:00:00", false, false, 0},
	{"no leap day", "2021-02-29T00:00:00", false, false, 0},
	{"month 0", "2021-00-10T00:00:00", false, false, 0},
	{"month 13", "2021-13-10T00:00:00", false, false, 0},
	{"day 0", "2021-01-00T00:00:00", false, false, 0},
	{"day 31 of April", "2021-04-31T00:00:00", false, false, 0},
	{"hour 24", "2021-01-01T24:00:00", false, false, 0},
	{"minute 60", "2021-01-01T23:60:00", false, false, 0},
	{"second 60", "2021-01-01T23:59:60", false, false, 0},
	{"zone of 15 hours", "2021-01-01T00:00:00+15:00", false, false, 0},
	{"zone minutes 60", "2021-01-01T00:00:00+01:60", false, false, 0},
	{"zone of three digits", "2021-01-01T00:00:00+010", false, false, 0},
	{"zone name", "2021-01-01T00:00:00 CET", false, false, 0},
	{"date only", "2021-01-01", false, false, 0},
	{"no seconds", "2021-01-01T10:00", false, false, 0},
	{"point without digits", "2021-01-01T10:00:00.", false, false, 0},
	{"one digit month", "2021-1-01T10:00:00", false, false, 0},
	{"rest", "2021-01-01T10:00:00Zx", false, false, 0},
	{"placeholder", "{Date and time of file creation}", false, false, 0},
	{"unknown month", "18-Foo-21 22:04:08", false, false, 0},
	{"month name with T", "18-Sep-21T22:04:08", false, false, 0},
	{"sign in a number", "+021-01-01T10:00:00", false, false, 0},
};

static void
shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nexus_time t = {77, true};
		CHECK_ROW(rows[i].name);
		assert_int_equal(nexus_time_parse(span_of(rows[i].in), &t), rows[i].ok);
		assert_int_equal(t.secs, rows[i].ok ? rows[i].secs : 77);
		assert_int_equal(t.zoned, rows[i].ok ? rows[i].zoned : true);
	}
}

/* No beginning of a good text reads past its end, and most are no time. */
static void
beginnings(void **state)
{
	static const char text[] = "2016-06-23T12:02:31-06:00";
	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct nexus_time t;
		char *copy = malloc(n + 1); /* its own block, so that reading on is seen */
		assert_non_null(copy);
		memcpy(copy, text, n);
		bool whole = n == 19 || n == 22; /* no zone; hours only */
		assert_int_equal(nexus_time_parse((struct span){copy, n}, &t), whole);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),
		cmocka_unit_test(beginnings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
