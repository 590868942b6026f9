/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "agent/base/civil.h"
#include "agent/base/zone.h"
#include "policy/facts.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int64_t
at(const char *text)
{
	struct when w = {0};

	assert_true(facts_parse_when(span_of(text), &w));
	return w.is_date ? (int64_t)w.date * 86400 : w.instant;
}

static const struct {
	const char *zone, *at;
	int32_t east;
	const char *until; /* NULL: for ever; "": not asked */
} offsets[] = {
	{"UTC", "2026-01-01", 0, NULL},
	{"Europe/Paris", "2026-03-29T00:59:59Z", 3600, "2026-03-29T01:00:00Z"},
	{"Europe/Paris", "2026-03-29T01:00:00Z", 7200, "2026-10-25T01:00:00Z"},
	{"Europe/Paris", "2026-10-25T01:00:00Z", 3600, "2027-03-28T01:00:00Z"},
	{"Europe/Paris", "2050-07-01", 7200, "2050-10-30T01:00:00Z"},
	{"Europe/Paris", "2999-12-31", 3600, ""},
	{"Europe/London", "2026-07-01", 3600, ""},
	{"Europe/Dublin", "2045-07-01", 3600, ""},
	{"Europe/Dublin", "2045-01-01", 0, ""},
	{"America/New_York", "2026-11-01T05:59:59Z", -14400, "2026-11-01T06:00:00Z"},
	{"America/New_York", "2026-11-01T06:00:00Z", -18000, ""},
	{"America/New_York", "2060-07-01", -14400, ""},
	{"Australia/Sydney", "2060-01-01", 39600, ""},
	{"Australia/Sydney", "2060-07-01", 36000, ""},
	{"Australia/Lord_Howe", "2060-01-01", 39600, ""},
	{"Australia/Lord_Howe", "2060-07-01", 37800, ""},
	{"Asia/Kolkata", "2026-07-01", 19800, NULL},
	{"Pacific/Apia", "2011-12-30T09:59:59Z", -36000, "2011-12-30T10:00:00Z"},
	{"Pacific/Apia", "2011-12-30T10:00:00Z", 50400, ""},
	{"Atlantic/Azores", "2026-03-29T00:59:59Z", -3600, "2026-03-29T01:00:00Z"},
	{"Asia/Tehran", "2040-07-01", 12600, NULL},
};

static void
offset(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(offsets); i++) {
		struct zone *z = NULL;
		int64_t until = 0;
		CHECK_ROW(offsets[i].at);
		assert_true(zone_load(span_of(offsets[i].zone), &z, NULL));
		assert_int_equal(zone_offset(z, at(offsets[i].at), &until), offsets[i].east);
		if (offsets[i].until == NULL)
			assert_true(until == INT64_MAX);
		else if (offsets[i].until[0] != '\0')
			assert_int_equal(until, at(offsets[i].until));
		zone_free(z);
	}
}

static const char *const no_zones[] = {"", "Europe", "Europe/Pariss", "../passwd", "/etc/passwd",
	"right/Europe/Paris", "posix/Europe/Paris", "localtime", "posixrules", "zone.tab",
	"europe/paris"};

static void
absent(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(no_zones); i++) {
		struct zone *z = NULL;
		struct err e = {0};
		CHECK_ROW(no_zones[i]);
		assert_false(zone_load(span_of(no_zones[i]), &z, &e));
		assert_int_equal(e.code, ERR_ABSENT);
		assert_null(z);
	}
}

/* ---- files made by hand ---- */

static void
big_endian(struct buf *b, uint64_t v, int n)
{
	for (int i = n - 1; i >= 0; i--)
		buf_addc(b, (char)(unsigned char)(v >> (8 * i)));
}

struct plan {
	const char *name;
	char version;
	int n_times;
	int64_t times[3];
	uint8_t index[3];
	int n_types;
	int32_t east[2];
	uint32_t leap;
	const char *rule; /* NULL: no footer */
	int cut;          /* bytes taken from the end */
	const char *ref;  /* of the error; NULL: it is good */
	int64_t ask;
	int32_t want;
};

static void
block(struct buf *b, const struct plan *p, int size)
{
	buf_adds(b, "TZif");
	buf_addc(b, p->version);
	for (int i = 0; i < 15; i++)
		buf_addc(b, '\0');
	big_endian(b, 0, 4);
	big_endian(b, 0, 4);
	big_endian(b, p->leap, 4);
	big_endian(b, (uint64_t)p->n_times, 4);
	big_endian(b, (uint64_t)p->n_types, 4);
	big_endian(b, 4, 4);
	for (int i = 0; i < p->n_times; i++)
		big_endian(b, (uint64_t)p->times[i], size);
	for (int i = 0; i < p->n_times; i++)
		buf_addc(b, (char)p->index[i]);
	for (int i = 0; i < p->n_types; i++) {
		big_endian(b, (uint32_t)p->east[i], 4);
		big_endian(b, 0, 2);
	}
	buf_add(b, (struct span){"XYZ", 4});
	for (uint32_t i = 0; i < p->leap; i++)
		big_endian(b, 0, size + 4);
}

static const struct plan plans[] = {
	{"version 1", 0, 1, {100}, {1}, 2, {60, 120}, 0, NULL, 0, NULL, 99, 60},
	{"version 1, after", 0, 1, {100}, {1}, 2, {60, 120}, 0, NULL, 0, NULL, 100, 120},
	{"version 1, before 1970", 0, 1, {-100}, {1}, 2, {60, 120}, 0, NULL, 0, NULL, -100, 120},
	{"rule after the last", '2', 1, {100}, {1}, 2, {60, 120}, 0, "AAA-3", 0, NULL, 200, 10800},
	{"rule not before it", '2', 1, {100}, {1}, 2, {60, 120}, 0, "AAA-3", 0, NULL, 50, 60},
	{"empty rule", '2', 1, {100}, {1}, 2, {60, 120}, 0, "", 0, NULL, 200, 120},
	{"name in brackets", '2', 0, {0}, {0}, 1, {60}, 0, "<+0330>-3:30", 0, NULL, 0, 12600},
	{"seconds in an offset", '2', 0, {0}, {0}, 1, {60}, 0, "AAA1:02:03", 0, NULL, 0, -3723},
	{"summer", '2', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB,J60/0,J61/0", 0, NULL, 59 * 86400, 3600},
	{"before summer", '2', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB,J60/0,J61/0", 0, NULL,
		59 * 86400 - 1, 0},
	{"summer is over at its own midnight", '2', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB,J60/0,J61/0",
		0, NULL, 60 * 86400 - 3600, 0},
	{"days from 0", '2', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB,59/0,60/0", 0, NULL, 59 * 86400,
		3600},
	{"summer all year", '3', 0, {0}, {0}, 1, {60}, 0, "AAA3BBB,0/0,J365/23", 0, NULL, 0, -7200},
	{"summer all year, at its turn", '3', 0, {0}, {0}, 1, {60}, 0, "AAA3BBB,0/0,J365/23", 0,
		NULL, 10800, -7200},
	{"negative time", '3', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB,J60/-1,J61/0", 0, NULL,
		59 * 86400 - 3600, 3600},
	{"not a file", 'x', 0, {0}, {0}, 0, {0}, 0, NULL, 1000, "RFC 8536 3.1", 0, 0},
	{"no types", 0, 0, {0}, {0}, 0, {0}, 0, NULL, 0, "RFC 8536 3.1", 0, 0},
	{"type past the table", 0, 1, {100}, {2}, 2, {60, 120}, 0, NULL, 0, "RFC 8536 3.2", 0, 0},
	{"times fall", 0, 2, {100, 100}, {1, 0}, 2, {60, 120}, 0, NULL, 0, "RFC 8536 3.2", 0, 0},
	{"offset of 26 hours", 0, 0, {0}, {0}, 1, {93600}, 0, NULL, 0, "RFC 8536 3.2", 0, 0},
	{"offset of -25 hours", 0, 0, {0}, {0}, 1, {-90000}, 0, NULL, 0, "RFC 8536 3.2", 0, 0},
	{"leap seconds", 0, 0, {0}, {0}, 1, {60}, 1, NULL, 0, "RFC 8536 3.2", 0, 0},
	{"cut", 0, 1, {100}, {0}, 1, {60}, 0, NULL, 1, "RFC 8536 3.2", 0, 0},
	{"cut footer", '2', 0, {0}, {0}, 1, {60}, 0, "AAA0", 1, "RFC 8536 3.3", 0, 0},
	{"no footer", '2', 0, {0}, {0}, 1, {60}, 0, NULL, 0, "RFC 8536 3.3", 0, 0},
	{"name too short", '2', 0, {0}, {0}, 1, {60}, 0, "AA0", 0, "RFC 8536 3.3", 0, 0},
	{"rule without dates", '2', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB", 0, "RFC 8536 3.3", 0, 0},
	{"text after the rule", '2', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB,1,2x", 0, "RFC 8536 3.3", 0,
		0},
	{"month 13", '2', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB,M13.1.0,M1.1.0", 0, "RFC 8536 3.3", 0,
		0},
	{"week 6", '2', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB,M3.6.0,M1.1.0", 0, "RFC 8536 3.3", 0, 0},
	{"168 hours", '3', 0, {0}, {0}, 1, {60}, 0, "AAA0BBB,J1/168,J2", 0, "RFC 8536 3.3", 0, 0},
};

static void
made(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plans); i++) {
		const struct plan *p = &plans[i];
		AUTO_BUF b = BUF_INIT(65536);
		struct zone *z = NULL;
		struct err e = {0};
		CHECK_ROW(p->name);
		block(&b, p, 4);
		if (p->version >= '2')
			block(&b, p, 8);
		if (p->rule != NULL)
			buf_addf(&b, "\n%s\n", p->rule);
		b.n -= b.n < (size_t)p->cut ? b.n : (size_t)p->cut;
		bool ok = zone_parse(buf_span(&b), &z, &e);
		check_span(span_of(e.ref), p->ref);
		assert_int_equal(ok, p->ref == NULL);
		if (ok)
			assert_int_equal(zone_offset(z, p->ask, NULL), p->want);
		zone_free(z);
	}
}

/* Of this machine: a year and a letter, or nothing where its files do not tell. */
static void
version(void **state)
{
	char text[16] = "x";
	uint64_t year = 0;

	(void)state;
	zone_version(text);
	if (text[0] == '\0')
		return;
	assert_true(span_u64(span_first(span_of(text), 4), 2999, &year));
	assert_in_range(year, 2015, 2999);
	assert_int_equal(strlen(text), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version),
		cmocka_unit_test(offset),
		cmocka_unit_test(absent),
		cmocka_unit_test(made),
	};
	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
