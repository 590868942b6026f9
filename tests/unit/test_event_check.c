/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/event.h"
#include "policy/event_check.h"
#include "policy/parse.h"
#include "tests/unit/check.h"

/* The window for objections, and who approves releases. */
static const char text[] =
	"policy: house\nversion: 1\ntimezone: Europe/Paris\nvalid_from: 2000-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y, extend_by: [pi], approve: [director],\n"
	"  max_extension: 1y, early_release: [pi, coproposer], objection_window: %s,\n"
	"  objection_by: [delegate], early_approve: [%s]}\n"
	"routes: {icrd: agreement}\n"
	"grant: {restricted: [director], withdrawn: [archivist], agreement: [user_office]}\n"
	"rules:\n  - {id: a, effect: permit, action: [data.read], when: {state: open}}\n"
	"tests:\n  - {name: t, now: 2020-01-01, action: data.read, expect: deny}\n";

#define NOW "2025-06-01T12:00:00Z" /* the experiment ended on 2024-05-31 */

/* An event as "type by key=value ..."; `before`: the log, separated by ';', each at its own time.
 */
static const struct {
	const char *window, *early, *route, *before, *event;
	enum event_answer want;
	const char *words; /* of the refusal, or the sentence */
} rows[] = {
	/* extensions */
	{"0d", "", "academic", "", "extension pi id=e period=1y", EVENT_GOOD,
		"The dataset is under embargo until 2027-05-31 (Europe/Paris); the extension "
		"counts "
		"when the director approves it."},
	{"0d", "", "academic", "", "extension coproposer period=1y", EVENT_FORBIDDEN,
		"not for the role coproposer: by policy house only pi may record: extension"},
	{"0d", "", "academic", "extension pi id=e period=1y", "approval director of=e", EVENT_GOOD,
		"The dataset is under embargo until 2028-05-31 (Europe/Paris)."},
	{"0d", "", "academic", "extension pi id=e period=9y", "approval director of=e", EVENT_GOOD,
		"The dataset is under embargo until 2028-05-31 (Europe/Paris)."},
	{"0d", "", "academic", "extension pi id=e period=1y", "approval pi of=e", EVENT_FORBIDDEN,
		"only director may record: approval"},
	{"0d", "", "academic", "extension pi id=e period=1y", "approval director of=f",
		EVENT_UNKNOWN, "there is no extension or release \"f\""},
	{"0d", "", "academic",
		"extension pi id=e period=1y;approval director of=e;extension pi id=f period=1y",
		"approval director of=f", EVENT_GOOD,
		"as before: it is as long as this policy allows"},
	{"0d", "", "proprietary", "", "extension pi period=1y", EVENT_NOT_NOW,
		"data of its route never open by time"},
	{"0d", "", "academic", "release pi", "extension pi period=1y", EVENT_NOT_NOW,
		"open data do not close again"},
	/* releases */
	{"0d", "", "academic", "", "release coproposer", EVENT_GOOD,
		"The dataset is open since 2025-06-01 (Europe/Paris)."},
	{"0d", "", "academic", "", "release pi on=2026-01-01", EVENT_GOOD,
		"The dataset is under embargo until 2026-01-01 (Europe/Paris)."},
	{"0d", "", "academic", "", "release pi on=2030-01-01", EVENT_GOOD,
		"as before: it was to open by then anyway"},
	{"0d", "", "academic", "", "release delegate", EVENT_FORBIDDEN,
		"only pi or coproposer may record: release"},
	{"0d", "", "academic", "release pi", "release pi", EVENT_NOT_NOW, "it is open already"},
	{"14d", "", "academic", "", "release pi id=r", EVENT_GOOD,
		"until 2027-05-31 (Europe/Paris); the release counts from 2025-06-15 "
		"(Europe/Paris), "
		"unless a member of the team objects before."},
	{"14d", "", "academic", "release pi id=r", "objection delegate of=r", EVENT_GOOD,
		"The dataset is under embargo until 2027-05-31 (Europe/Paris)."},
	{"0d", "", "academic", "release pi id=r on=2026-01-01", "objection delegate of=r",
		EVENT_NOT_NOW, "the window for objections is over"},
	{"14d", "", "academic", "extension pi id=e period=1y", "objection delegate of=e",
		EVENT_UNKNOWN, "there is no release \"e\""},
	{"0d", "custodian", "academic", "", "release pi id=r", EVENT_GOOD,
		"; the release counts when the custodian approves it."},
	{"0d", "custodian", "academic", "release pi id=r", "approval custodian of=r", EVENT_GOOD,
		"The dataset is open since 2025-06-01 (Europe/Paris)."},
	{"0d", "", "icrd", "", "release pi", EVENT_NOT_NOW, "data of its route open by agreement"},
	/* agreements */
	{"0d", "", "icrd", "", "agreement user_office release=2025-01-01", EVENT_GOOD,
		"The dataset is open since 2025-01-01 (Europe/Paris)."},
	{"0d", "", "icrd", "", "agreement pi release=2025-01-01", EVENT_FORBIDDEN,
		"only user_office may record: agreement"},
	{"0d", "", "academic", "", "agreement user_office release=2025-01-01", EVENT_NOT_NOW,
		"do not open by agreement"},
	/* holds and withdrawals */
	{"0d", "", "academic", "", "restriction director", EVENT_GOOD,
		"The dataset is restricted."},
	{"0d", "", "academic", "restriction director", "restriction_lifted director", EVENT_GOOD,
		"under embargo until 2027-05-31"},
	{"0d", "", "academic", "", "withdrawal archivist", EVENT_GOOD, "The dataset is withdrawn."},
	{"0d", "", "academic", "", "withdrawal pi", EVENT_FORBIDDEN,
		"only archivist may record: withdrawal"},
	{"0d", "", "academic", "withdrawal archivist", "withdrawal archivist", EVENT_NOT_NOW,
		"it is withdrawn already"},
	{"0d", "", "academic", "withdrawal archivist", "reinstatement archivist", EVENT_GOOD,
		"under embargo until"},
	{"0d", "", "academic", "", "reinstatement archivist", EVENT_NOT_NOW, "it is not withdrawn"},
	{"0d", "", "academic", "withdrawal archivist", "release pi", EVENT_NOT_NOW,
		"it is withdrawn"},
	/* time */
	{"0d", "", "academic", "", "release pi at=2025-06-01T12:05:00Z", EVENT_GOOD, "open since"},
	{"0d", "", "academic", "", "release pi at=2025-06-01T12:05:01Z", EVENT_BAD,
		"more than 5 minutes ahead"},
};

static void
read(const char *words, struct policy_event *ret)
{
	static char keep[4][160]; /* the texts that events point to */
	static unsigned at;       /* test memory */
	char *line = keep[at++ % 4];
	struct event_text t = {.value[EVENT_TEXT_AT] = SPAN(NOW)};

	(void)snprintf(line, sizeof(keep[0]), "%s", words);
	struct span rest = span_of(line);
	t.value[EVENT_TEXT_TYPE] = span_cut(&rest, ' ');
	t.value[EVENT_TEXT_BY] = span_cut(&rest, ' ');
	while (rest.p != NULL) {
		struct span value = span_cut(&rest, ' ');
		int key = facts_name(span_cut(&value, '='), event_text_names, EVENT_TEXT_COUNT);
		assert_true(key >= 0);
		t.value[key] = value;
	}
	assert_null(event_read(&t, ret));
}

static struct policy *
load(size_t row)
{
	AUTO_BUF file = BUF_INIT(8192);
	AUTO_BUF report = BUF_INIT(8192);

	buf_addf(&file, text, rows[row].window, rows[row].early); /* NOLINT(*-nonliteral) */
	struct policy *p = parse_policy("f", buf_span(&file), &report, NULL);
	if (p == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	return p;
}

static void
judges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy *p = load(i);
		struct policy_event log[4];
		struct policy_event ev;
		struct object_facts o = {.events = log};
		struct event_outcome out;
		struct err e = {0};
		struct span before = span_of(rows[i].before);
		char line[160];
		AUTO_BUF said = BUF_INIT(4096);
		AUTO_ARENA a = {0};
		CHECK_ROW(rows[i].event);
		assert_true(arena_init(&a, 1UL << 20));
		o.route = (enum route)facts_name(span_of(rows[i].route), route_names, ROUTE_COUNT);
		assert_true(
			facts_parse_when(SPAN("2024-05-31"), &o.dates[MILESTONE_EXPERIMENT_END]));
		while (before.n > 0) {
			assert_true(span_cstr(span_cut(&before, ';'), line, sizeof(line)));
			read(line, &log[o.n_events++]);
		}
		read(rows[i].event, &ev);
		struct event_question q = {.p = p, .o = &o, .ev = &ev, .now = 1748779200};
		assert_int_equal(event_check(&q, &a, &out, &e), rows[i].want);
		if (rows[i].want == EVENT_GOOD)
			event_write_sentence(&q, &out, &said);
		else
			buf_adds(&said, e.msg);
		buf_addc(&said, '\0');
		if (strstr(said.p, rows[i].words) == NULL)
			fail_msg("said: %s", said.p);
		model_free(p);
	}
}

/* The administrator may close in any role, and open in none but those that count. */
static void
trusted(void **state)
{
	struct policy *p = load(0);
	struct object_facts o = {.route = ROUTE_ACADEMIC};
	struct policy_event ev;
	struct event_outcome out;
	AUTO_ARENA a = {0};

	(void)state;
	assert_true(arena_init(&a, 1UL << 20));
	assert_true(facts_parse_when(SPAN("2024-05-31"), &o.dates[MILESTONE_EXPERIMENT_END]));
	struct event_question q = {.p = p, .o = &o, .ev = &ev, .now = 1748779200, .trusted = true};
	read("withdrawal pi", &ev);
	assert_int_equal(event_check(&q, &a, &out, NULL), EVENT_GOOD);
	read("restriction service", &ev);
	assert_int_equal(event_check(&q, &a, &out, NULL), EVENT_GOOD);
	read("release delegate", &ev);
	assert_int_equal(event_check(&q, &a, &out, NULL), EVENT_FORBIDDEN);
	model_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges),
		cmocka_unit_test(trusted),
	};
	return cmocka_run_group_tests_name("event_check", tests, NULL, NULL);
}
