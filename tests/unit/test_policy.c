/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"
#include "policy/request.h"
#include "policy/scalar.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define D        "\"dates\":{\"experiment_end\":\"2024-05-31\"}"
#define PI       "\"subject\":{\"roles\":[\"registered\",\"pi\"]}"
#define STRANGER "\"subject\":{\"roles\":[\"registered\"]}"
#define READ     "\"action\":\"data.read\""
#define WRITE    "\"action\":\"data.write\""
#define WRITER   "\"subject\":{\"roles\":[\"service\"]}"
#define LATER    "\"now\":\"2027-06-01T00:00:00Z\""
#define EARLY    "\"now\":\"2026-01-01T00:00:00Z\""
#define LATE     "\"now\":\"2030-01-01T00:00:00Z\""

static const char text[] =
	"policy: house\n"
	"version: 7\n"
	"timezone: Europe/Paris\n"
	"contact: data@house.example\n"
	"valid_from: 2020-01-01\n"
	"valid_until: 2028-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y, extend_by: [pi], approve: [director],\n"
	"  max_extension: 2y, early_release: [team], objection_window: 14d}\n"
	"routes: {icrd: agreement}\n"
	"restrict: {flags: [export-control]}\n"
	"grant: {proprietary: [pi], agreement: [user_office], restricted: [director],\n"
	"  withdrawn: [director, archivist]}\n"
	"metadata: {public_at: {experiment_end: [title, team], release: [files]}}\n"
	"terms: {organ: {version: 2, title: Organ scans, url: 'https://house.example/organ'}}\n"
	"groups: {team: [pi, coproposer]}\n"
	"rules:\n"
	"  - {id: gone, effect: permit, action: [meta.public], when: {state: [withdrawn]},\n"
	"     obligations: [tombstone]}\n"
	"  - {id: record, effect: permit, action: [meta.public],\n"
	"     when: {state: [restricted, embargoed, open], reached: [experiment_end]}}\n"
	"  - {id: team, effect: permit, action: [data.read], when: {state: [embargoed],\n"
	"     role: [team]}}\n"
	"  - {id: writers, effect: permit, action: [data.write], when: {role: [service]}}\n"
	"  - {id: scans, effect: permit, action: [data.read], when: {state: [open],\n"
	"     flag: [personal-data]}, obligations: ['accept-terms:organ@2', no-cache]}\n"
	"  - {id: marked, effect: permit, action: [data.read], when: {state: [open],\n"
	"     instrument: [id02]}, obligations: [x-watermark]}\n"
	"  - {id: no-eosc, effect: deny, action: [data.read], when: {network: [eosc]},\n"
	"     reason: contract, status: 451}\n"
	"  - {id: open, effect: permit, action: [data.read, data.list], when: {state: [open]},\n"
	"     obligations: [cite]}\n"
	"tests:\n"
	"  - {name: open, now: 2027-06-01, dates: {experiment_end: 2024-05-31},\n"
	"     action: data.read, expect: permit}\n";

static const struct {
	const char *name, *question;
	const char *effect, *rule, *reason; /* reason NULL: permit */
	int status;
	const char *release; /* NULL: none */
} rows[] = {
	{"embargo, anonymous", "{" READ "," EARLY ",\"object\":{" D "}}", "deny", "default",
		"embargoed", 401, "2027-05-31"},
	{"embargo, a stranger", "{" READ "," EARLY "," STRANGER ",\"object\":{" D "}}", "deny",
		"default", "embargoed", 403, "2027-05-31"},
	{"embargo, the team", "{" READ "," EARLY "," PI ",\"object\":{" D "}}", "permit", "team",
		NULL, 200, "2027-05-31"},
	{"one second before midnight in Paris",
		"{" READ ",\"now\":\"2027-05-30T21:59:59Z\",\"object\":{" D "}}", "deny", "default",
		"embargoed", 401, "2027-05-31"},
	{"midnight in Paris", "{" READ ",\"now\":\"2027-05-30T22:00:00Z\",\"object\":{" D "}}",
		"permit", "open", NULL, 200, "2027-05-31"},
	{"writing, anonymous", "{" WRITE "," EARLY ",\"object\":{" D "}}", "deny", "default",
		"no-rule", 401, "2027-05-31"},
	{"writing, the team", "{" WRITE "," EARLY "," PI ",\"object\":{" D "}}", "deny", "default",
		"no-rule", 403, "2027-05-31"},
	{"writing, who is named, under embargo",
		"{" WRITE "," EARLY "," WRITER ",\"object\":{" D "}}", "permit", "writers", NULL,
		200, "2027-05-31"},
	{"writing, who is named, to open data",
		"{" WRITE "," LATER "," WRITER ",\"object\":{" D "}}", "permit", "writers", NULL,
		200, "2027-05-31"},
	{"who may write may not read", "{" READ "," EARLY "," WRITER ",\"object\":{" D "}}", "deny",
		"default", "embargoed", 403, "2027-05-31"},
	{"before the public record", "{" READ ",\"now\":\"2024-05-30\",\"object\":{" D "}}", "deny",
		"default", "embargoed", 404, "2027-05-31"},
	{"proprietary says nothing",
		"{" READ "," LATE "," STRANGER ",\"object\":{\"route\":\"proprietary\"," D "}}",
		"deny", "default", "proprietary", 404, NULL},
	{"a deny rule with a reason of its own",
		"{" READ "," LATE "," STRANGER ",\"object\":{" D
		"},\"context\":{\"network\":\"eosc\"}}",
		"deny", "no-eosc", "contract", 451, "2027-05-31"},
	{"the same, anonymous",
		"{" READ "," LATE ",\"object\":{" D "},\"context\":{\"network\":\"eosc\"}}", "deny",
		"no-eosc", "contract", 451, "2027-05-31"},
	{"open, but no rule",
		"{\"action\":\"proposal.read\"," LATE "," STRANGER ",\"object\":{" D "}}", "deny",
		"default", "no-rule", 403, "2027-05-31"},
	{"terms",
		"{" READ "," LATE "," STRANGER ",\"object\":{\"flags\":[\"personal-data\"]," D "}}",
		"deny", "scans", "terms-not-accepted", 403, "2027-05-31"},
	{"terms accepted",
		"{" READ "," LATE
		",\"subject\":{\"accepted\":[\"organ@2\"]},\"object\":{\"flags\":[\"personal-"
		"data\"]," D "}}",
		"permit", "scans", NULL, 200, "2027-05-31"},
	{"an obligation nobody carries out",
		"{" READ "," LATE "," STRANGER ",\"object\":{\"instrument\":\"id02\"," D "}}",
		"deny", "marked", "unknown-obligation", 403, "2027-05-31"},
	{"flagged",
		"{" READ "," LATE "," STRANGER ",\"object\":{\"flags\":[\"export-control\"]," D
		"}}",
		"deny", "default", "restricted", 403, NULL},
	{"on hold",
		"{" READ "," LATE "," STRANGER ",\"object\":{" D
		"},\"events\":[{\"type\":\"restriction\",\"at\":\"2026-01-01\",\"by\":\"pi\"}]}",
		"deny", "default", "restricted", 403, NULL},
	{"lifted by the wrong role",
		"{" READ "," LATE "," STRANGER ",\"object\":{" D
		"},\"events\":[{\"type\":\"restriction\",\"at\":\"2026-01-01\",\"by\":\"pi\"},{"
		"\"type\":\"restriction_lifted\",\"at\":\"2026-01-02\",\"by\":\"pi\"}]}",
		"deny", "default", "restricted", 403, NULL},
	{"no agreement", "{" READ "," LATE "," STRANGER ",\"object\":{\"route\":\"icrd\"," D "}}",
		"deny", "default", "restricted", 403, NULL},
	{"agreement",
		"{" READ "," LATE ",\"object\":{\"route\":\"icrd\"," D
		"},\"events\":[{\"type\":\"agreement\",\"at\":\"2025-01-01\",\"by\":\"user_"
		"office\","
		"\"release\":\"2029-01-01\"}]}",
		"permit", "open", NULL, 200, "2029-01-01"},
	{"a log that cannot be read",
		"{" READ "," LATE "," STRANGER ",\"object\":{" D
		"},\"events\":[{\"type\":\"nonsense\",\"at\":\"2099-01-01\",\"by\":\"pi\"}]}",
		"deny", "default", "restricted", 403, NULL},
	{"no anchor",
		"{" READ "," LATE "," STRANGER ",\"object\":{\"policy\":\"house\",\"dates\":{"
		"\"experiment_start\":\"2024-05-01\"}}}",
		"deny", "default", "restricted", 404, NULL},
	{"withdrawn",
		"{" READ "," LATE "," STRANGER ",\"object\":{" D
		"},\"events\":[{\"type\":\"withdrawal\",\"at\":\"2028-01-01\",\"by\":\"service\"}]"
		"}",
		"deny", "default", "withdrawn", 410, NULL},
	{"tombstone",
		"{\"action\":\"meta.public\"," LATE ",\"object\":{" D
		"},\"events\":[{\"type\":\"withdrawal\",\"at\":\"2028-01-01\",\"by\":\"service\"}]"
		"}",
		"permit", "gone", NULL, 410, NULL},
	{"extension, approved, capped at two years",
		"{" READ ",\"now\":\"2028-01-01\",\"object\":{" D
		"},\"events\":[{\"type\":\"extension\",\"id\":\"e\",\"at\":\"2027-01-01\",\"by\":"
		"\"pi\",\"period\":\"9y\"},{\"type\":\"approval\",\"of\":\"e\",\"at\":\"2027-01-"
		"02\","
		"\"by\":\"director\"}]}",
		"deny", "default", "embargoed", 401, "2029-05-31"},
	{"approval at the very instant of the release is too late",
		"{" READ ",\"now\":\"2028-01-01\",\"object\":{" D
		"},\"events\":[{\"type\":\"extension\",\"id\":\"e\",\"at\":\"2027-01-01\",\"by\":"
		"\"pi\",\"period\":\"1y\"},{\"type\":\"approval\",\"of\":\"e\",\"at\":\"2027-05-"
		"31\","
		"\"by\":\"director\"}]}",
		"permit", "open", NULL, 200, "2027-05-31"},
	{"an objection in time",
		"{" READ "," EARLY "," STRANGER ",\"object\":{" D
		"},\"events\":[{\"type\":\"release\",\"id\":\"r\",\"at\":\"2025-03-01\",\"by\":"
		"\"pi\"}"
		",{\"type\":\"objection\",\"of\":\"r\",\"at\":\"2025-03-14T22:59:59Z\",\"by\":"
		"\"coproposer\"}]}",
		"deny", "default", "embargoed", 403, "2027-05-31"},
	{"an objection too late",
		"{" READ "," EARLY ",\"object\":{" D "},\"events\":[{\"type\":\"release\",\"id\":"
		"\"r\",\"at\":\"2025-03-01\",\"by\":\"pi\"}"
		",{\"type\":\"objection\",\"of\":\"r\",\"at\":\"2025-03-14T23:00:00Z\",\"by\":"
		"\"coproposer\"}]}",
		"permit", "open", NULL, 200, "2025-03-15"},
	{"taken after the policy ended",
		"{" READ "," LATE ",\"object\":{\"dates\":{\"experiment_start\":\"2028-01-01\"}}}",
		"deny", "no-policy", "no-policy", 404, NULL},
	{"an unknown word", "{" READ "," LATE ",\"object\":{\"kind\":\"movie\"," D "}}", "deny",
		"input", "unknown-input", 500, NULL},
	{"no time", "{" READ ",\"object\":{" D "}}", "deny", "input", "unknown-input", 500, NULL},
	{"anonymous cannot be claimed as a role",
		"{" READ "," LATE ",\"subject\":{\"roles\":[\"anonymous\"]},\"object\":{" D "}}",
		"deny", "input", "unknown-input", 500, NULL},
};

static struct policy_set *
load(const char *name, const char *file)
{
	AUTO_BUF report = BUF_INIT(65536);
	struct policy_source src = {name, span_of(file)};
	struct policy_set *s = policy_set_load(&src, 1, &report, NULL);

	check_span(buf_span(&report), "");
	assert_non_null(s);
	return s;
}

static void
ask(const struct policy_set *s, const char *question, struct decision *d)
{
	AUTO_ARENA a = {0};
	AUTO_JSON j = json_parse(span_of(question), NULL, NULL);
	struct request r;

	assert_non_null(j);
	assert_true(arena_init(&a, 1 << 20));
	if (!request_parse(j, &a, &r))
		r.facts = (struct facts){0};
	policy_decide(s, &r.facts, d);
}

static void
decisions(void **state)
{
	struct policy_set *s = load("house.yaml", text);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO_BUF release = BUF_INIT(64);
		struct decision d;
		CHECK_ROW(rows[i].name);
		ask(s, rows[i].question, &d);
		assert_string_equal(d.permit ? "permit" : "deny", rows[i].effect);
		check_span(d.rule, rows[i].rule);
		check_span(d.reason, rows[i].reason);
		assert_int_equal(d.status, rows[i].status);
		if (d.has_release)
			scalar_write_date(&release, d.release_date);
		check_span(buf_span(&release), rows[i].release);
	}
	policy_set_free(s);
}

/* The whole object, in the order of the language's section 11. */
static void
json(void **state)
{
	struct policy_set *s = load("house.yaml", text);
	AUTO_BUF out = BUF_INIT(4096);
	struct decision d;
	char sha[65] = "";

	(void)state;
	ask(s, rows[0].question, &d);
	decision_write_json(&d, SPAN("q\"1"), &out);
	for (int i = 0; i < 32; i++)
		(void)snprintf(sha + (size_t)i * 2, 3, "%02x", policy_set_sha256(s, 0)[i]);
	AUTO_BUF want = BUF_INIT(4096);
	buf_addf(&want,
		"{\"id\":\"q\\\"1\",\"effect\":\"deny\",\"rule\":\"default\",\"line\":0,"
		"\"policy\":\"house\",\"version\":7,\"sha256\":\"%s\",\"state\":\"embargoed\","
		"\"detail\":null,\"reason\":\"embargoed\",\"status\":401,"
		"\"release_at\":\"2027-05-30T22:00:00Z\",\"release_date\":\"2027-05-31\","
		"\"grantors\":[\"pi\",\"coproposer\"],\"obligations\":[],\"fields\":null,"
		"\"next_change\":\"2027-05-30T22:00:00Z\",\"max_age\":0}",
		sha);
	check_span(buf_span(&out), want.p);
	policy_set_free(s);
}

/* The same facts, the later policy; both; and what is refused together. */
static void
sets(void **state)
{
	static const struct {
		const char *name, *find, *replace, *want; /* NULL: loads */
	} pairs[] = {
		{"the next one", "house\n", "later\n",
			"b.yaml:5:13: error: overlap: 'later' and 'house' (a.yaml)"},
		{"the same", "version: 7", "version: 8",
			"b.yaml:1:9: error: overlap: policy 'house' is also in a.yaml"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		AUTO_BUF second = BUF_INIT(65536);
		AUTO_BUF report = BUF_INIT(65536);
		const char *at = strstr(text, pairs[i].find);
		struct err e = {0};
		CHECK_ROW(pairs[i].name);
		buf_add(&second, (struct span){text, (size_t)(at - text)});
		buf_adds(&second, pairs[i].replace);
		buf_adds(&second, at + strlen(pairs[i].find));
		struct policy_source src[] = {
			{"a.yaml", span_of(text)}, {"b.yaml", buf_span(&second)}};
		assert_null(policy_set_load(src, 2, &report, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		check_span(span_first(buf_span(&report), strlen(pairs[i].want)), pairs[i].want);
	}
}

static void
binding(void **state)
{
	AUTO_BUF second = BUF_INIT(65536);
	AUTO_BUF report = BUF_INIT(65536);
	const char *until = strstr(text, "valid_from");
	const char *rest = strstr(text, "licence");
	struct decision d;

	(void)state;
	buf_adds(&second, "policy: later\nversion: 1\ntimezone: UTC\nvalid_from: 2028-01-01\n");
	assert_true(until < rest);
	buf_adds(&second, rest);
	/* In any order of files. */
	struct policy_source src[] = {{"b.yaml", buf_span(&second)}, {"a.yaml", span_of(text)}};
	struct policy_set *s = policy_set_load(src, 2, &report, NULL);
	check_span(buf_span(&report), "");
	assert_non_null(s);
	assert_int_equal(policy_set_count(s), 2);
	check_span(policy_set_id(s, 0), "later");
	/* 23:30 UTC on 31 December is the next day in Paris, and neither policy's in UTC. */
	ask(s, "{" READ "," LATE ",\"object\":{\"dates\":{\"experiment_start\":\"2027-12-31\"}}}",
		&d);
	check_span(d.policy, "house");
	ask(s, "{" READ "," LATE ",\"object\":{\"dates\":{\"experiment_start\":\"2028-01-01\"}}}",
		&d);
	check_span(d.policy, "later");
	ask(s,
		"{" READ "," LATE ",\"object\":{\"policy\":\"house\",\"dates\":{\"experiment_"
		"start\":\"2028-01-01\"}}}",
		&d);
	check_span(d.policy, "house");
	ask(s,
		"{" READ "," LATE
		",\"object\":{\"dates\":{\"experiment_start\":\"2027-12-31T23:30:00Z\"}}}",
		&d);
	check_span(d.rule, "no-policy");
	policy_set_free(s);
}

/* A policy without approvals and windows: what happens at one instant, and what caches may keep. */
static const char plain[] =
	"policy: plain\n"
	"version: 1\n"
	"timezone: UTC\n"
	"valid_from: 2020-01-01\n"
	"licence: CC0-1.0\n"
	"embargo: {anchor: experiment_end, period: 3y, extend_by: [pi], early_release: [pi]}\n"
	"rules:\n"
	"  - {id: record, effect: permit, action: [meta.public], when: {}}\n"
	"  - {id: read, effect: permit, action: [data.read], when: {state: [open]}}\n"
	"  - {id: kept, effect: permit, action: [data.list], when: {state: [open]},\n"
	"     obligations: [no-cache]}\n"
	"tests:\n"
	"  - {name: x, now: 2030-01-01, dates: {experiment_end: 2024-05-31},\n"
	"     action: data.read, expect: permit}\n";

#define AT     "\"at\":\"2025-01-01\",\"by\":\"pi\""
#define SOONER "{\"type\":\"release\"," AT ",\"on\":\"2025-06-01\"}"
#define LONGER "{\"type\":\"extension\"," AT ",\"period\":\"1y\"}"
#define LOG(e) "{" READ ",\"now\":\"2025-02-01\",\"object\":{" D "},\"events\":[" e "]}"

static const struct {
	const char *name, *question, *state, *release; /* release NULL: none */
	long next;                                     /* days; 0: none */
	unsigned max_age;
} plain_rows[] = {
	{"release, then extension, at one instant", LOG(SOONER "," LONGER), "embargoed",
		"2028-05-31", 21335, 0},
	{"extension, then release, at one instant", LOG(LONGER "," SOONER), "embargoed",
		"2025-06-01", 20240, 0},
	{"an extension of neither kind", LOG("{\"type\":\"extension\"," AT "}"), "restricted", NULL,
		0, 0},
	{"an extension of both kinds",
		LOG("{\"type\":\"extension\"," AT ",\"period\":\"1y\",\"until\":\"2029-01-01\"}"),
		"restricted", NULL, 0, 0},
	{"a key that is not of the type", LOG("{\"type\":\"withdrawal\"," AT ",\"of\":\"x\"}"),
		"restricted", NULL, 0, 0},
	{"the end of the experiment is now, so the release comes next",
		"{\"action\":\"meta.public\",\"now\":\"2024-05-31\",\"object\":{" D "}}",
		"embargoed", "2027-05-31", 20969, 3600},
	{"open to all may be kept", "{" READ "," LATE ",\"object\":{" D "}}", "open", "2027-05-31",
		0, 3600},
	{"unless the rule says no", "{\"action\":\"data.list\"," LATE ",\"object\":{" D "}}",
		"open", "2027-05-31", 0, 0},
	{"or it was asked with a token", "{" READ "," LATE "," PI ",\"object\":{" D "}}", "open",
		"2027-05-31", 0, 0},
};

static void
instants(void **state)
{
	struct policy_set *s = load("plain.yaml", plain);

	(void)state;
	for (size_t i = 0; i < COUNT(plain_rows); i++) {
		AUTO_BUF release = BUF_INIT(64);
		struct decision d;
		CHECK_ROW(plain_rows[i].name);
		ask(s, plain_rows[i].question, &d);
		assert_string_equal(state_names[d.state], plain_rows[i].state);
		if (d.has_release)
			scalar_write_date(&release, d.release_date);
		check_span(buf_span(&release), plain_rows[i].release);
		assert_int_equal(d.has_next_change ? d.next_change / 86400 : 0, plain_rows[i].next);
		assert_int_equal(d.max_age, plain_rows[i].max_age);
	}
	policy_set_free(s);
}

/* Only somebody who is known can have accepted terms. */
static void
nobody_accepts(void **state)
{
	struct policy_set *s = load("house.yaml", text);
	struct span accepted = SPAN("organ@2");
	struct facts f = {
		.accepted = &accepted,
		.n_accepted = 1,
		.action = ACTION_DATA_READ,
		.object = {.flags = 1U << FLAG_PERSONAL_DATA, .policy = SPAN("house")},
		.now = {.given = true, .is_date = true, .date = 22000},
	};
	struct decision d;

	(void)state;
	f.object.dates[MILESTONE_EXPERIMENT_END] =
		(struct when){.given = true, .is_date = true, .date = 19874};
	policy_decide(s, &f, &d);
	check_span(d.reason, "terms-not-accepted");
	policy_set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions),
		cmocka_unit_test(json),
		cmocka_unit_test(sets),
		cmocka_unit_test(binding),
		cmocka_unit_test(instants),
		cmocka_unit_test(nobody_accepts),
	};
	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
