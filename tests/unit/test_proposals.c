/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/catalog/proposals.h"

#define P    "proposals:\n  - id: A\n    "
#define TEAM P "team:\n      - "
#define LOG  P "events:\n      - "

static const struct row {
	const char *name, *in;
	const char *where; /* "line:column: error: beginning of the message"; NULL: it reads */
} rows[] = {
	{"an id alone", "proposals:\n  - id: A\n", NULL},
	{"none", "proposals: []\n", NULL},
	{"dates",
		P "dates: {proposal_accepted: 2026-01-01, data_collected: "
		  "\"2026-01-02T00:00:00Z\"}\n",
		NULL},
	{"dates of files", P "dates: from-files\n", NULL},
	{"a team", TEAM "{role: pi, issuer: \"https://i\", sub: s}\n", NULL},
	{"an entitlement of one issuer", TEAM "{role: pi, issuer: \"https://i\", entitlement: e}\n",
		NULL},
	{"an account of the facility", TEAM "{role: pi, user: mmuster}\n", NULL},
	{"a user with an issuer", TEAM "{role: pi, issuer: i, user: m}\n",
		"4:9: error: a user is an account of this facility"},
	{"a user and a sub", TEAM "{role: pi, issuer: i, sub: s, user: m}\n",
		"4:9: error: a team member is named by"},
	{"a user and an entitlement", TEAM "{role: pi, entitlement: e, user: m}\n",
		"4:9: error: a team member is named by"},
	{"a user that is a list", TEAM "{role: pi, user: [m]}\n",
		"4:26: error: user must be one text"},
	{"an event of each form",
		LOG "{type: extension, at: 2026-01-01, by: pi, period: 1y}\n"
		    "      - {type: extension, at: 2026-01-01, by: pi, until: 2027-01-01, id: x}\n"
		    "      - {type: release, at: 2026-01-01, by: pi, on: 2026-05-01, id: r}\n"
		    "      - {type: approval, at: 2026-01-01, by: director, of: x}\n"
		    "      - {type: objection, at: 2026-01-01, by: coproposer, of: r}\n"
		    "      - {type: agreement, at: 2026-01-01, by: director, release: 2027-01-01}\n"
		    "      - {type: restriction, at: 2026-01-01, by: custodian, note: hold}\n"
		    "      - {type: restriction_lifted, at: 2026-01-01, by: custodian}\n"
		    "      - {type: withdrawal, at: 2026-01-01, by: user_office, sub: u}\n"
		    "      - {type: reinstatement, at: 2026-01-01, by: user_office}\n",
		NULL},
	{"no list", "proposals: x\n", "1:12: error: proposals must be a list"},
	{"no proposals", "other: x\n", "1:1: error: unknown key"},
	{"not a mapping", "- x\n", "1:1: error: proposals.yaml must be a mapping"},
	{"no id", "proposals:\n  - title: x\n", "2:5: error: a proposal needs an id"},
	{"a key misspelt", P "rote: academic\n", "3:5: error: unknown key \"rote\""},
	{"a route misspelt", P "route: acedemic\n", "3:12: error: unknown route; did you mean"},
	{"a flag", P "flags: [personal-date]\n", "3:13: error: unknown flag; did you mean"},
	{"a date that does not exist", P "dates: {experiment_end: 2026-02-30}\n",
		"3:29: error: experiment_end must be"},
	{"a milestone", P "dates: {experiment_stop: 2026-02-20}\n", "3:13: error: unknown key"},
	{"dates as a word", P "dates: unknown\n", "3:12: error: dates must be a mapping"},
	{"a role", TEAM "{role: boss, issuer: i, sub: s}\n", "4:16: error: unknown role"},
	{"a role of the token", TEAM "{role: registered, issuer: i, sub: s}\n",
		"4:16: error: this role comes from the token"},
	{"no role", TEAM "{issuer: i, sub: s}\n", "4:9: error: a team member needs a role"},
	{"a sub without issuer", TEAM "{role: pi, sub: s}\n", "4:9: error: a sub means nothing"},
	{"both names", TEAM "{role: pi, issuer: i, sub: s, entitlement: e}\n",
		"4:9: error: a team member is named by"},
	{"no name", TEAM "{role: pi, issuer: i}\n", "4:9: error: a team member is named by"},
	{"an event's type", LOG "{type: extend, at: 2026-01-01, by: pi}\n",
		"4:9: error: event: `type` is not"},
	{"an event's time", LOG "{type: withdrawal, at: now, by: pi}\n",
		"4:9: error: event: `at` is neither"},
	{"an event's actor", LOG "{type: withdrawal, at: 2026-01-01, by: me}\n",
		"4:9: error: event: `by` is not a role"},
	{"an event's period", LOG "{type: extension, at: 2026-01-01, by: pi, period: 1w}\n",
		"4:9: error: event: `period` is not"},
	{"a leading zero", LOG "{type: extension, at: 2026-01-01, by: pi, period: 01y}\n",
		"4:9: error: event: `period` is not"},
	{"too many years", LOG "{type: extension, at: 2026-01-01, by: pi, period: 101y}\n",
		"4:9: error: event: `period` is not"},
	{"period and until",
		LOG "{type: extension, at: 2026-01-01, by: pi, period: 1y, until: 2027-01-01}\n",
		"4:9: error: event: an extension has either"},
	{"neither", LOG "{type: extension, at: 2026-01-01, by: pi}\n",
		"4:9: error: event: an extension has either"},
	{"until an instant",
		LOG "{type: extension, at: 2026-01-01, by: pi, until: \"2027-01-01T00:00:00Z\"}\n",
		"4:9: error: event: `until` is not a date"},
	{"a foreign key", LOG "{type: withdrawal, at: 2026-01-01, by: pi, of: x}\n",
		"4:9: error: event: a key does not belong"},
	{"a missing key", LOG "{type: approval, at: 2026-01-01, by: pi}\n",
		"4:9: error: event: a key that this type"},
	{"an id twice", "proposals:\n  - id: A\n  - id: B\n  - id: A\n",
		"4:5: error: proposal \"A\" stands twice, first in line 2"},
	{"not of the subset", "proposals: &x []\n", "1:"},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		AUTO_ARENA a = {0};
		AUTO_BUF report = BUF_INIT(65536);
		AUTO_BUF want = BUF_INIT(1024);
		struct proposals all = {.n = 77};
		struct err e = {0};

		CHECK_ROW(r->name);
		assert_true(arena_init(&a, (size_t)80 << 20));
		bool ok = proposals_parse("p.yaml", span_of(r->in), &a, &report, &all, &e);
		if (ok != (r->where == NULL))
			fail_msg("taken: %d; %.*s", ok, SPAN_ARG(buf_span(&report)));
		if (ok)
			continue;
		assert_int_equal(all.n, 77);
		buf_addf(&want, "p.yaml:%s", r->where);
		if (!span_starts(buf_span(&report), buf_span(&want)))
			fail_msg("got %.*s", SPAN_ARG(buf_span(&report)));
	}
}

/* All faults at once, in the order of the file. */
static void
every_fault(void **state)
{
	static const char in[] =
		"proposals:\n  - id: A\n    route: x\n    flags: [y]\n  - title: z\n";
	AUTO_ARENA a = {0};
	AUTO_BUF report = BUF_INIT(65536);
	struct proposals all;
	struct err e = {0};
	size_t lines = 0;

	(void)state;
	assert_true(arena_init(&a, (size_t)80 << 20));
	assert_false(proposals_parse("p.yaml", span_of(in), &a, &report, &all, &e));
	for (size_t i = 0; i < report.n; i++)
		lines += report.p[i] == '\n';
	assert_int_equal(lines, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(every_fault)};
	return cmocka_run_group_tests_name("proposals", tests, NULL, NULL);
}
