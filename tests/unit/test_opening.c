/* SPDX-License-Identifier: Apache-2.0 */
/* When a dataset opens: against the state that is computed at every question. */
#include "policy/opening.h"
#include "policy/policy.h"
#include "policy/state.h"
#include "tests/unit/check.h"

#include <string.h>

static const char text[] =
	"policy: test\n"
	"version: 1\n"
	"timezone: Europe/Paris\n"
	"valid_from: 2000-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y, extend_by: [pi], early_release: [pi, "
	"coproposer], objection_window: 14d}\n"
	"routes: {icrd: agreement}\n"
	"restrict: {flags: [personal-data]}\n"
	"grant: {agreement: [director], withdrawn: [director]}\n"
	"rules: [{id: r, effect: permit, action: meta.public, when: {}}]\n"
	"tests: [{name: t, now: 2025-01-01, action: data.read, expect: deny}]\n";

#define NOW "2026-06-01T00:00:00Z"

struct entry {
	enum event_type type;
	const char *at;
	enum policy_role by;
	const char *id, *of, *day; /* until, on or release */
	int32_t months;
};

static const struct row {
	const char *name, *end, *accepted;
	enum route route;
	uint32_t flags;
	struct entry log[3];
	const char *date; /* NULL: never */
	enum opening_cause cause;
	enum state state;
} rows[] = {
	{"three years", "2024-05-31", NULL, ROUTE_ACADEMIC, 0, {{0}}, "2027-05-31", OPENING_EMBARGO,
		STATE_EMBARGOED},
	{"milestones on the way", "2027-01-01", "2026-09-01", ROUTE_ACADEMIC, 0, {{0}},
		"2030-01-01", OPENING_EMBARGO, STATE_EMBARGOED},
	{"open already", "2020-02-29", NULL, ROUTE_ACADEMIC, 0, {{0}}, "2023-02-28",
		OPENING_EMBARGO, STATE_OPEN},
	{"a year more", "2024-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_EXTENSION, "2025-01-01T00:00:00Z", ROLE_PI, "e", NULL, NULL, 12}},
		"2028-05-31", OPENING_LONGER, STATE_EMBARGOED},
	{"a year more by nobody who may", "2024-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_EXTENSION, "2025-01-01T00:00:00Z", ROLE_SERVICE, "e", NULL, NULL, 12}},
		"2027-05-31", OPENING_EMBARGO, STATE_EMBARGOED},
	{"released, and a day was named", "2024-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_RELEASE, "2026-04-01T00:00:00Z", ROLE_PI, "r", NULL, "2026-12-01", 0}},
		"2026-12-01", OPENING_EARLIER, STATE_EMBARGOED},
	{"released long ago", "2024-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_RELEASE, "2025-04-01T00:00:00Z", ROLE_PI, "r", NULL, NULL, 0}},
		"2025-04-15", OPENING_EARLIER, STATE_OPEN},
	{"a window that runs", "2024-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_RELEASE, "2026-05-30T09:00:00Z", ROLE_PI, "r", NULL, NULL, 0}},
		"2026-06-13", OPENING_WINDOW, STATE_EMBARGOED},
	{"a window that runs, and a later day", "2024-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_RELEASE, "2026-05-30T09:00:00Z", ROLE_PI, "r", NULL, "2026-10-01", 0}},
		"2026-10-01", OPENING_WINDOW, STATE_EMBARGOED},
	{"somebody objected", "2024-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_RELEASE, "2026-05-30T09:00:00Z", ROLE_PI, "r", NULL, NULL, 0},
			{EVENT_OBJECTION, "2026-05-31T09:00:00Z", ROLE_COPROPOSER, NULL, "r", NULL,
				0}},
		"2027-05-31", OPENING_EMBARGO, STATE_EMBARGOED},
	{"two windows", "2024-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_RELEASE, "2026-05-28T09:00:00Z", ROLE_PI, "a", NULL, "2027-01-01", 0},
			{EVENT_RELEASE, "2026-05-30T09:00:00Z", ROLE_PI, "b", NULL, NULL, 0}},
		"2026-06-13", OPENING_WINDOW, STATE_EMBARGOED},
	{"by agreement", "2024-05-31", NULL, ROUTE_ICRD, 0,
		{{EVENT_AGREEMENT, "2026-01-01T00:00:00Z", ROLE_DIRECTOR, NULL, NULL, "2031-01-01",
			0}},
		"2031-01-01", OPENING_AGREEMENT, STATE_EMBARGOED},
	{"without an agreement", "2024-05-31", NULL, ROUTE_ICRD, 0, {{0}}, NULL, 0,
		STATE_RESTRICTED},
	{"proprietary", "2010-05-31", NULL, ROUTE_PROPRIETARY, 0, {{0}}, NULL, 0,
		STATE_PROPRIETARY},
	{"flagged", "2010-05-31", NULL, ROUTE_ACADEMIC, 1U << FLAG_PERSONAL_DATA, {{0}}, NULL, 0,
		STATE_RESTRICTED},
	{"held", "2010-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_RESTRICTION, "2026-01-01T00:00:00Z", ROLE_PI, NULL, NULL, NULL, 0}}, NULL,
		0, STATE_RESTRICTED},
	{"withdrawn", "2010-05-31", NULL, ROUTE_ACADEMIC, 0,
		{{EVENT_WITHDRAWAL, "2026-01-01T00:00:00Z", ROLE_PI, NULL, NULL, NULL, 0}}, NULL, 0,
		STATE_WITHDRAWN},
	{"no date", NULL, "2020-01-01", ROUTE_ACADEMIC, 0, {{0}}, NULL, 0, STATE_RESTRICTED},
};

static struct when
when(const char *s)
{
	struct when w = {0};

	assert_true(s == NULL || facts_parse_when(span_of(s), &w));
	return w;
}

static size_t
fill_log(const struct row *r, struct policy_event *to)
{
	size_t n = 0;

	for (; n < 3 && r->log[n].at != NULL; n++) {
		const struct entry *k = &r->log[n];
		to[n] = (struct policy_event){.type = k->type,
			.at = when(k->at),
			.by = k->by,
			.id = span_of(k->id),
			.of = span_of(k->of),
			.has_period = k->months > 0,
			.period = {k->months, 0}};
		to[n].until = to[n].on = to[n].release = when(k->day);
	}
	return n;
}

/* It is as the states say: closed a second before, open then. */
static void
check_state(const struct policy *p, const struct object_facts *o, const struct opening *got,
	int64_t now)
{
	struct state_view v;

	state_compute(p, o, got->at > now ? got->at - 1 : now, &v);
	assert_int_equal(v.state, got->at > now ? STATE_EMBARGOED : STATE_OPEN);
	state_compute(p, o, got->at > now ? got->at : now, &v);
	assert_int_equal(v.state, STATE_OPEN);
	assert_true(v.release_at == got->at);
}

static void
openings(void **state)
{
	const struct policy_source source = {"p.yaml", {text, sizeof(text) - 1}};
	AUTO_BUF report = BUF_INIT(4096);
	struct policy_set *set = policy_set_load(&source, 1, &report, NULL);
	int64_t now = when(NOW).instant;

	(void)state;
	if (set == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	const struct policy *p = policy_set_policy(set, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_event log[3];
		struct object_facts o = {.route = rows[i].route, .flags = rows[i].flags};
		struct opening got;
		CHECK_ROW(rows[i].name);
		o.dates[MILESTONE_EXPERIMENT_END] = when(rows[i].end);
		o.dates[MILESTONE_PROPOSAL_ACCEPTED] = when(rows[i].accepted);
		o.n_events = fill_log(&rows[i], log);
		o.events = log;
		opening_find(p, &o, now, &got);
		assert_int_equal(got.state, rows[i].state);
		assert_int_equal(got.opens, rows[i].date != NULL);
		if (!got.opens)
			continue;
		assert_int_equal(got.date, when(rows[i].date).date);
		assert_string_equal(opening_causes[got.cause], opening_causes[rows[i].cause]);
		check_state(p, &o, &got, now);
	}
	policy_set_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(openings)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
