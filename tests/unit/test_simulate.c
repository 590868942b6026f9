/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/simulate_log.h"
#include "policy/simulate_write.h"

#include "agent/base/json.h"
#include "agent/base/scope.h"
#include "policy/audit_line.h"
#include "policy/audit_record.h"
#include "policy/request.h"
#include "tests/unit/check.h"

#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT_MAX ((size_t)1 << 20)
#define OBJECT   "\"object\":{\"pid\":\"10.5072/x\",\"dates\":{\"experiment_end\":\"2024-05-31\"}}"
#define SUBJECT  "\"subject\":{\"iss\":\"https://i\",\"roles\":[\"registered\",\"pi\"]}"
#define HEAD                                                                                       \
	"policy: house\nversion: 1\ntimezone: Europe/Paris\nvalid_from: 2020-01-01\n"              \
	"licence: CC-BY-4.0\ngrant: {withdrawn: [director]}\n"                                     \
	"terms: {t: {version: 1, title: T}}\n"                                                     \
	"embargo: {anchor: experiment_end, period: 3y, early_release: [pi]}\nrules:\n"
#define RECORD "  - {id: record, effect: permit, action: meta.public, when: {}}\n"
#define TEAM   "  - {id: team, effect: permit, action: data.read, when: {role: pi}}\n"
#define OPEN                                                                                       \
	"  - {id: open, effect: permit, action: data.read, when: {state: open},\n"                 \
	"     obligations: [cite, 'accept-terms:t@1', x-own]}\n"
#define ENTITLED                                                                                   \
	"  - {id: entitled, effect: permit, action: data.read, when: {entitlement: urn:x}}\n"
#define TEST "tests:\n  - {name: x, now: 2030-01-01, action: data.stage, expect: deny}\n"

static struct policy_set *
load(const char *text)
{
	AUTO_BUF report = BUF_INIT(TEXT_MAX);
	const struct policy_source source = {"x", span_of(text)};
	struct policy_set *s = policy_set_load(&source, 1, &report, NULL);

	if (s == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	return s;
}

/* ---- a log, as the agent writes it ---- */

/* One record of the question, decided by the policies; the line has its end. */
static void
add_record(struct buf *log, const struct policy_set *s, const char *question, uint64_t seq)
{
	AUTO_JSON j = json_parse(span_of(question), NULL, NULL);
	AUTO_ARENA a = {0};
	AUTO_BUF rest = BUF_INIT(TEXT_MAX);
	static const struct span mentioned[] = {SPAN_INIT("urn:x")};
	const struct audit_who who = {SPAN("2026-06:00"), mentioned, 1};
	const uint8_t trace[16] = {1};
	struct request r;
	struct decision d;

	assert_true(arena_init(&a, 1U << 20));
	if (!request_parse(j, &a, &r))
		fail_msg("%s", question);
	policy_decide(s, &r.facts, &d);
	audit_record_decision(&rest, trace, who, &r.facts, &d);
	const struct audit_line l = {.seq = seq,
		.ms = r.facts.now.instant * 1000 + 7,
		.kind = SPAN("decision"),
		.node = SPAN("\"gate-1\""),
		.rest = buf_span(&rest)};
	audit_line_write(log, &l);
}

#define NOW(t) "\"now\":\"" t "\","
#define CLOSED NOW("2026-06-01T08:00:00Z") "\"action\":\"data.read\"," OBJECT
#define LATER  NOW("2028-06-01T08:00:00Z") "\"action\":\"data.read\"," OBJECT
#define WITHDRAWN                                                                                  \
	",\"events\":[{\"type\":\"withdrawal\",\"at\":\"2027-01-01\",\"by\":\"pi\"},"              \
	"{\"type\":\"reinstatement\",\"at\":\"2027-02-01\",\"by\":\"director\"}]"

static const struct policy_event log_of_x[] = {
	{.type = EVENT_WITHDRAWAL,
		.at = {.given = true, .is_date = true, .date = 20819},
		.by = ROLE_PI},
	{.type = EVENT_REINSTATEMENT,
		.at = {.given = true, .is_date = true, .date = 20850},
		.by = ROLE_DIRECTOR},
	{.type = EVENT_WITHDRAWAL, /* recorded after the decision was made */
		.at = {.given = true, .is_date = true, .date = 20860},
		.by = ROLE_PI},
};

static bool
events_of_x(
	void *arg, struct span pid, struct arena *a, const struct policy_event **ret, size_t *ret_n)
{
	(void)a;
	*ret = log_of_x;
	*ret_n = *(const size_t *)arg;
	return span_is(pid, "10.5072/x");
}

/* One record made under OLD, decided again under `against`. */
#define OLD HEAD RECORD TEAM OPEN ENTITLED TEST
static const struct {
	const char *name, *question, *against;
	size_t log; /* entries of the dataset's log that are at hand */
	bool all;
	uint64_t changed, unchanged, undecided;
	const char *text; /* the line of the change; NULL: not looked at */
} rows[] = {
	{"the same policy", "{" CLOSED "," SUBJECT "}", OLD, 0, false, 0, 1, 0, NULL},
	{"a rule is gone", "{" CLOSED "," SUBJECT "}", HEAD RECORD OPEN TEST, 0, false, 1, 0, 0,
		"permit -> deny   1 of 1 decision   team (line 11) -> default    registered, pi, "
		"data.read, embargoed   seq 5\n"},
	{"a deny that is new", "{" CLOSED "," SUBJECT "}",
		HEAD "  - {id: no, effect: deny, action: data.read, when: {not_role: director},\n"
		     "     reason: no}\n" RECORD TEST,
		0, false, 1, 0, 0, "team (line 11) -> no (line 10)"},
	{"anybody may", "{" CLOSED "}",
		HEAD RECORD "  - {id: all, effect: permit, action: data.read, when: {}}\n" TEST, 0,
		false, 1, 0, 0,
		"deny -> permit   1 of 1 decision   default -> all (line 11)    anonymous, "
		"data.read, embargoed   seq 5\n"},
	{"no policy fits any more", "{" CLOSED "," SUBJECT "}",
		"policy: new\nversion: 1\ntimezone: UTC\nvalid_from: 2026-01-01\nlicence: CC0-1.0\n"
		"embargo: {anchor: experiment_end, period: 1y}\nrules:\n" TEAM TEST,
		0, false, 1, 0, 0,
		"team (line 11) -> no-policy    registered, pi, data.read, "
		"embargoed -> no state   seq 5\n"},
	{"terms were accepted, and what is asked was supported",
		"{" LATER ",\"context\":{\"supports\":[\"x-own\"]},\"subject\":{\"iss\":\"i\","
		"\"accepted\":[\"t@1\"]}}",
		OLD, 0, false, 0, 1, 0, NULL},
	{"an entitlement that a policy mentions",
		"{" CLOSED ",\"subject\":{\"iss\":\"i\",\"entitlements\":[\"urn:x\",\"urn:y\"]}}",
		OLD, 0, false, 0, 1, 0, NULL},
	{"another rule is no difference", "{" CLOSED "," SUBJECT "}",
		HEAD RECORD
		"  - {id: mates, effect: permit, action: data.read, when: {role: pi}}\n" TEST,
		0, false, 0, 1, 0, NULL},
	{"unless it is asked for", "{" CLOSED "," SUBJECT "}",
		HEAD RECORD
		"  - {id: mates, effect: permit, action: data.read, when: {role: pi}}\n" TEST,
		0, true, 1, 0, 0, "permit -> permit   1 of 1 decision   team (line 11) -> mates"},
	{"an obligation, too", "{" CLOSED "," SUBJECT "}",
		HEAD RECORD "  - {id: team, effect: permit, action: data.read, when: {role: pi},\n"
			    "     obligations: cite}\n" TEST,
		0, true, 1, 0, 0, NULL},
	{"another status, too", "{" CLOSED "}", HEAD TEAM TEST, 0, true, 1, 0, 0,
		"deny -> deny   1 of 1 decision   default -> default    anonymous"},
	{"a log that is not at hand", "{" LATER WITHDRAWN "," SUBJECT "}", OLD, 0, false, 0, 0, 1,
		NULL},
	{"a log that lost an entry", "{" LATER WITHDRAWN "," SUBJECT "}", OLD, 1, false, 0, 0, 1,
		NULL},
	{"a log that is, and went on", "{" LATER WITHDRAWN "," SUBJECT "}", OLD, 3, false, 0, 1, 0,
		NULL},
	{"reinstated by whom the new policy does not let", "{" LATER WITHDRAWN "," SUBJECT "}",
		"policy: house\nversion: 2\ntimezone: Europe/Paris\nvalid_from: 2020-01-01\n"
		"licence: CC-BY-4.0\nembargo: {anchor: experiment_end, period: 3y}\nrules:\n"
		"  - {id: team, effect: permit, action: data.read, when: {role: pi, state: "
		"open}}\n" TEST,
		2, false, 1, 0, 0, "open -> withdrawn   seq 5"},
};

static void
records(void **state)
{
	struct policy_set *old = load(OLD);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO_BUF log = BUF_INIT(TEXT_MAX);
		AUTO_BUF out = BUF_INIT(TEXT_MAX);
		size_t n = rows[i].log;
		struct policy_set *against = load(rows[i].against);
		struct simulate_options o = {.against = against, .all = rows[i].all};
		struct simulate_counts c;
		CHECK_ROW(rows[i].name);
		if (n > 0)
			o.events = (struct simulate_events){events_of_x, &n};
		struct simulate *s = simulate_new(&o);
		add_record(&log, old, rows[i].question, 5);
		assert_true(simulate_line(s, span_first(buf_span(&log), log.n - 1), NULL));
		simulate_counts(s, &c);
		simulate_write(s, &out);
		buf_addc(&out, '\0');
		assert_int_equal(c.decisions, 1);
		assert_int_equal(c.changed, rows[i].changed);
		assert_int_equal(c.unchanged, rows[i].unchanged);
		assert_int_equal(c.undecided, rows[i].undecided);
		if (rows[i].text != NULL && strstr(out.p, rows[i].text) == NULL)
			fail_msg("want %s\ngot  %s", rows[i].text, out.p);
		simulate_free(s);
		policy_set_free(against);
	}
	policy_set_free(old);
}

/* ---- lines that are none, or others ---- */

#define PREV  "\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\","
#define START "{\"seq\":1,\"time\":\"2026-06-01T08:00:00.000Z\"," PREV
#define TOLD                                                                                       \
	"\"kind\":\"decision\",\"node\":\"n\",\"trace\":\"t\",\"subject\":null,"                   \
	"\"object\":{\"pid\":\"p\",\"kind\":\"raw\",\"route\":\"academic\",\"flags\":[],"          \
	"\"dates\":{},\"events\":0},\"action\":\"data.read\",\"context\":{\"network\":"            \
	"\"internet\",\"purpose\":\"unspecified\",\"protocol\":\"https\"},\"effect\":\"deny\","    \
	"\"rule\":\"%s\",\"line\":0,\"policy\":null,\"version\":null,\"sha256\":null,\"state\":"   \
	"%s,\"release_at\":null,\"reason\":\"no-policy\",\"status\":404,\"obligations\":[]}"

static const struct {
	const char *name, *rule, *state;
	bool undecided;
} told[] = {
	{"as it is written", "no-policy", "null", false},
	{"a rule that is no identifier", "\\u001b[31m", "null", true},
	{"a state that is not known", "default", "\"sealed\"", true},
};

static void
lines(void **state)
{
	struct policy_set *against = load(OLD);
	struct simulate_options o = {.against = against};
	struct simulate *s = simulate_new(&o);
	struct simulate_counts c;
	struct err e = {0};
	char line[2048];
	uint64_t undecided = 0;

	(void)state;
	assert_false(simulate_line(s, SPAN(""), &e));
	assert_false(simulate_line(s, SPAN("{\"seq\":1}"), &e));
	assert_false(simulate_line(s, SPAN(START "\"kind\":\"decision\",\"node\":\"n\"}"), &e));
	assert_true(simulate_line(
		s, SPAN(START "\"kind\":\"clock\",\"node\":\"n\",\"step_s\":1,\"used\":2}"), &e));
	simulate_counts(s, &c);
	assert_int_equal(c.decisions, 0);
	for (size_t i = 0; i < COUNT(told); i++) {
		CHECK_ROW(told[i].name);
		(void)snprintf(line, sizeof(line), START TOLD, told[i].rule, told[i].state);
		assert_true(simulate_line(s, span_of(line), &e));
		undecided += told[i].undecided;
		simulate_counts(s, &c);
		assert_int_equal(c.decisions, i + 1);
		assert_int_equal(c.undecided, undecided);
	}
	simulate_free(s);
	policy_set_free(against);
}

/* ---- a whole log ---- */

static int
file_of(const struct buf *text)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(fwrite(text->p, 1, text->n, f), text->n);
	int fd = dup(fileno(f));
	(void)fclose(f);
	assert_true(fd >= 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static const struct log_row {
	const char *name;
	struct simulate_limits limits;
	int64_t since_ms, until_ms;
	uint64_t changed, unchanged;
} log_rows[] = {
	{"all", {0}, 0, 0, 1000, 1000},
	{"since the middle", {0}, 1780300800000 + 1000 * 1000, 0, 500, 500},
	{"until the middle", {0}, 0, 1780300800000 + 1000 * 1000, 500, 500},
	{"none of that time", {0}, 1880300800000, 0, 0, 0},
};

static void
logs(void **state)
{
	struct policy_set *old = load(OLD);
	struct policy_set *against = load(HEAD RECORD OPEN TEST);
	AUTO_BUF log = BUF_INIT(TEXT_MAX * 16);
	char question[512];

	(void)state;
	/* One a second from 2026-06-01T08:00:00Z (1780300800) on. */
	for (uint64_t i = 0; i < 2000; i++) {
		(void)snprintf(question, sizeof(question),
			"{\"now\":\"2026-06-01T08:%02u:%02uZ\",\"action\":\"data.read\"," OBJECT
			"%s}",
			(unsigned)(i / 60), (unsigned)(i % 60), i % 2 == 0 ? "," SUBJECT : "");
		add_record(&log, old, question, i + 1);
	}
	size_t whole = log.n;
	buf_adds(&log, "{\"seq\":2001,\"ti");
	AUTO_FD fd = file_of(&log);
	for (size_t i = 0; i < COUNT(log_rows); i++) {
		const struct log_row *r = &log_rows[i];
		struct simulate_options o = {
			.against = against, .since_ms = r->since_ms, .until_ms = r->until_ms};
		struct simulate *s = simulate_new(&o);
		struct simulate_counts c;
		struct simulate_lines l;
		CHECK_ROW(r->name);
		assert_true(lseek(fd, 0, SEEK_SET) == 0);
		assert_true(simulate_log(s, fd, &r->limits, &l, NULL));
		assert_true(l.torn && l.unreadable == 0 && l.lines == 2000 && !l.late);
		simulate_counts(s, &c);
		assert_int_equal(c.changed, r->changed);
		assert_int_equal(c.unchanged, r->unchanged);
		simulate_free(s);
	}
	/* The last bytes: whole lines alone, also where one begins just there. */
	for (size_t back = 0; back < 3; back++) {
		struct simulate_options o = {.against = against};
		struct simulate_limits limits = {.bytes = log.n - whole / 2 + back};
		struct simulate *s = simulate_new(&o);
		struct simulate_lines l;
		uint64_t want = 0;
		for (size_t k = log.n - limits.bytes; k < log.n; k++)
			want += log.p[k] == '\n' && (k > log.n - limits.bytes);
		want -= log.p[log.n - limits.bytes - 1] != '\n';
		assert_true(simulate_log(s, fd, &limits, &l, NULL));
		assert_int_equal(l.lines, want);
		assert_int_equal(l.unreadable, 0);
		simulate_free(s);
	}
	policy_set_free(against);
	policy_set_free(old);
}

/* Lines longer than any, and a deadline that is over. */
static void
limits(void **state)
{
	struct policy_set *against = load(OLD);
	struct simulate_options o = {.against = against};
	struct simulate *s = simulate_new(&o);
	struct simulate_lines l;
	struct simulate_limits none = {0};
	struct simulate_limits late = {.deadline_ms = 1};
	AUTO_BUF log = BUF_INIT(TEXT_MAX * 4);
	char text[1024];

	(void)state;
	(void)memset(text, 'x', sizeof(text));
	for (int i = 0; i < 1024; i++)
		buf_add(&log, (struct span){text, sizeof(text)});
	buf_adds(&log, "\nshort\n");
	buf_addf(&log, START TOLD "\n", "no-policy", "null");
	AUTO_FD fd = file_of(&log);
	assert_true(simulate_log(s, fd, &none, &l, NULL));
	assert_int_equal(l.lines, 3);
	assert_int_equal(l.unreadable, 2);
	assert_int_equal(l.first, 1);
	assert_int_equal(l.why.code, ERR_LIMIT);
	assert_false(l.torn);
	assert_true(lseek(fd, 0, SEEK_SET) == 0);
	assert_true(simulate_log(s, fd, &late, &l, NULL));
	assert_true(l.late);
	assert_false(simulate_log(s, -1, &none, &l, NULL));
	simulate_free(s);
	policy_set_free(against);
}

static void
as_json(void **state)
{
	struct policy_set *old = load(OLD);
	struct policy_set *against = load(HEAD RECORD OPEN TEST);
	struct simulate_options o = {.against = against};
	struct simulate *s = simulate_new(&o);
	AUTO_BUF log = BUF_INIT(TEXT_MAX);
	AUTO_BUF out = BUF_INIT(TEXT_MAX);
	int64_t n = 0;
	struct span got;

	(void)state;
	add_record(&log, old, "{" CLOSED "," SUBJECT "}", 9);
	assert_true(simulate_line(s, span_first(buf_span(&log), log.n - 1), NULL));
	simulate_write_json(s, &out);
	AUTO_JSON j = json_parse(buf_span(&out), NULL, NULL);
	assert_true(json_get_i64(j, "changed", &n) && n == 1);
	const struct json *c = json_at(json_get(j, "changes"), 0);
	assert_true(json_get_str(json_get(c, "from"), "rule", &got));
	check_span(got, "team");
	assert_true(json_get_str(json_get(c, "to"), "effect", &got));
	check_span(got, "deny");
	assert_true(json_get_i64(json_get(c, "example"), "seq", &n) && n == 9);
	simulate_free(s);
	policy_set_free(against);
	policy_set_free(old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(lines),
		cmocka_unit_test(logs),
		cmocka_unit_test(limits),
		cmocka_unit_test(as_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
