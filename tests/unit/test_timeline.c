/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/civil.h"
#include "policy/timeline.h"
#include "tests/unit/check.h"

#define POLICY(id, from, until)                                                                    \
	"policy: " id "\nversion: 1\ntitle: T\nfacility: F\ncontact: c@example.org\n"              \
	"timezone: UTC\nvalid_from: " from "\n" until                                              \
	"licence: CC-BY-4.0\nembargo: {anchor: experiment_end, period: 3y}\n"                      \
	"rules:\n  - {id: open, effect: permit, action: [data.read], when: {state: [open]}}\n"     \
	"tests:\n  - {name: t, now: 2040-01-01, action: data.read,\n"                              \
	"     dates: {experiment_start: 2030-01-01, experiment_end: 2030-01-02}, expect: "         \
	"permit}\n"
#define UNTIL(date) "valid_until: " date "\n"

static const struct row {
	const char *name;
	const char *text[3];
	int year; /* today: its first of July */
	const char *want;
} rows[] = {
	{"one that goes on", {POLICY("a", "2020-01-01", "")}, 2023,
		"                          2020          2021          2022          2023\n"
		"a                         ========================================================"
		">\n"},
	{"one after the other, named newest first",
		{POLICY("b", "2021-01-01", ""), POLICY("a", "2020-01-01", UNTIL("2021-01-01"))},
		2023,
		"                          2020          2021          2022          2023\n"
		"a                         ==============\n"
		"b                                       =========================================="
		">\n"},
	{"a gap between them",
		{POLICY("a", "2020-01-01", UNTIL("2021-01-01")), POLICY("b", "2022-01-01", "")},
		2023,
		"                          2020          2021          2022          2023\n"
		"a                         ==============\n"
		"b                                                     ============================"
		">\n"
		"(none)                                  !!!!!!!!!!!!!!\n"
		"\n"
		"no policy from 2021-01-01 to 2021-12-31: data of these days are closed to "
		"everybody\n"},
	{"a gap of one day is seen",
		{POLICY("a", "2020-01-01", UNTIL("2021-01-01")), POLICY("b", "2021-01-02", "")},
		2023,
		"                          2020          2021          2022          2023\n"
		"a                         ==============\n"
		"b                                       =========================================="
		">\n"
		"(none)                                  !\n"
		"\n"
		"no policy from 2021-01-01 to 2021-01-01: data of these days are closed to "
		"everybody\n"},
	{"nothing goes on", {POLICY("a", "2020-01-01", UNTIL("2023-01-01"))}, 2023,
		"                          2020          2021          2022          2023\n"
		"a                         ==========================================\n"
		"(none)                                                              "
		"!!!!!!!!!!!!!!\n"
		"\n"
		"no policy from 2023-01-01 on: data of that day and later are closed to "
		"everybody\n"},
	{"what is to come", {POLICY("a", "2025-01-01", "")}, 2022,
		"                          2022         2023          2024           2025\n"
		"a                                                                   =============="
		">\n"},
};

static void
drawings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_source src[3];
		AUTO_BUF report = BUF_INIT(4096);
		AUTO_BUF out = BUF_INIT(16384);
		size_t n = 0;
		CHECK_ROW(rows[i].name);
		for (; n < 3 && rows[i].text[n] != NULL; n++)
			src[n] = (struct policy_source){"p.yaml", span_of(rows[i].text[n])};
		struct policy_set *s = policy_set_load(src, n, &report, NULL);
		check_span(buf_span(&report), "");
		timeline_draw(s, (int32_t)civil_days(rows[i].year, 7, 1), &out);
		check_span(buf_span(&out), rows[i].want);
		policy_set_free(s);
	}
}

/* Many years fit on its axis; each line ends, and none is too wide. */
static void
any_span_of_years(void **state)
{
	static const char text[] = POLICY("a", "1970-01-01", UNTIL("2199-01-01"));
	const struct policy_source src = {"p.yaml", {text, sizeof(text) - 1}};
	AUTO_BUF report = BUF_INIT(4096);
	AUTO_BUF out = BUF_INIT(16384);
	struct policy_set *s = policy_set_load(&src, 1, &report, NULL);

	(void)state;
	check_span(buf_span(&report), "");
	timeline_draw(s, (int32_t)civil_days(2026, 1, 1), &out);
	struct span rest = buf_span(&out);
	struct span years = span_cut(&rest, '\n');
	assert_true(years.n <= 90 && memmem(years.p, years.n, "1970", 4) != NULL);
	assert_true(span_cut(&rest, '\n').n <= 90);
	policy_set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drawings),
		cmocka_unit_test(any_span_of_years),
	};
	return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
