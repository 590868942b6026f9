/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_record.h"

#include "policy/audit_line.h"
#include "tests/unit/check.h"

#include <sys/stat.h>

static const uint8_t trace[16] = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92,
	0x9d, 0x0e, 0x0e, 0x47, 0x36};

/* The line that the record makes is one that the reader takes; its members after `node`. */
static void
check_record(const char *kind, struct buf *text, const char *want)
{
	struct audit_line l = {
		.seq = 1, .ms = 1780300800000, .kind = span_of(kind), .node = SPAN("\"gate\"")};
	struct audit_line back;
	struct err e = {0};
	AUTO_BUF line = BUF_INIT(AUDIT_LINE_MAX);

	assert_true(buf_ok(text));
	check_span(buf_span(text), want);
	l.rest = buf_span(text);
	audit_line_write(&line, &l);
	if (!audit_line_parse(span_first(buf_span(&line), line.n - 1), &back, &e))
		fail_msg("%s", e.msg);
	check_span(back.rest, want);
	buf_reset(text);
}

static const struct span entitlements[] = {
	SPAN_INIT("urn:b"), SPAN_INIT("urn:a"), SPAN_INIT("urn:c")};
static const struct span mentioned[] = {SPAN_INIT("urn:a"), SPAN_INIT("urn:b")};
static const struct span accepted[] = {SPAN_INIT("human-data@2")};

static const struct subject jane = {.authenticated = true,
	.iss = SPAN_INIT("https://login.facility.example/"),
	.sub = SPAN_INIT("u-1001"),
	.assurance = ASSURANCE_MEDIUM,
	.entitlements = entitlements,
	.n_entitlements = 3};

static const struct facts facts = {
	.subject = &jane,
	.roles = 1U << ROLE_REGISTERED | 1U << ROLE_PI,
	.object = {.pid = SPAN_INIT("10.5072/FAC-ES-1"),
		.proposal = SPAN_INIT("HC-1001"),
		.instrument = SPAN_INIT("id02"),
		.dates = {[MILESTONE_EXPERIMENT_START] = {.given = true,
				  .is_date = true,
				  .date = 19871}},
		.n_events = 2},
	.action = ACTION_DATA_READ,
};

#define SUBJECT                                                                                    \
	"\"subject\":{\"id\":\"2026-06:00\",\"iss\":\"https://login.facility.example/"             \
	"\",\"roles\":["                                                                           \
	"\"registered\",\"pi\"],\"assurance\":\"medium\"}"
#define OBJECT                                                                                     \
	"\"object\":{\"pid\":\"10.5072/"                                                           \
	"FAC-ES-1\",\"proposal\":\"HC-1001\",\"instrument\":\"id02\",\"kind\":"                    \
	"\"raw\",\"route\":\"academic\",\"flags\":[],\"dates\":{\"experiment_start\":\"2024-05-"   \
	"28\"},"                                                                                   \
	"\"events\":2}"
#define TRACE "\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
#define ASKED                                                                                      \
	"\"action\":\"data.read\",\"context\":{\"network\":\"internet\",\"purpose\":"              \
	"\"unspecified\","                                                                         \
	"\"protocol\":\"https\"}"

static void
decisions(void **state)
{
	static const uint8_t sha[32] = {0x2c};
	static const struct span obligations[] = {SPAN_INIT("audit:basic")};
	const struct decision deny = {
		.status = 404, .rule = SPAN("no-policy"), .reason = SPAN("no-policy")};
	const struct decision permit = {.permit = true,
		.status = 200,
		.rule = SPAN("team-data"),
		.line = 98,
		.policy = SPAN("esrf-2024"),
		.version = 3,
		.sha256 = sha,
		.state = STATE_EMBARGOED,
		.has_release = true,
		.release_at = 1811714400,
		.obligations = obligations,
		.n_obligations = 1};
	struct audit_who who = {.id = SPAN("2026-06:00")};
	struct facts f = facts;
	AUTO_BUF b = BUF_INIT(8192);

	(void)state;
	audit_record_decision(&b, trace, who, &f, &permit);
	check_record("decision", &b,
		TRACE SUBJECT "," OBJECT "," ASKED ",\"effect\":\"permit\",\"rule\":\"team-data\","
			      "\"line\":98,\"policy\":\"esrf-2024\","
			      "\"version\":3,\"sha256\":"
			      "\"2c00000000000000000000000000000000000000000000000000000000"
			      "000000\",\"state\":\"embargoed\",\"release_at\":\"2027-05-30T22:00:"
			      "00Z\",\"reason\":"
			      "null,\"status\":200,\"obligations\":[\"audit:basic\"]");
	/* Of the entitlements those that a policy mentions, in the order of the subject. */
	who.mentioned = mentioned;
	who.n_mentioned = 2;
	f.accepted = accepted;
	f.n_accepted = 1;
	f.object = (struct object_facts){
		.pid = SPAN("p"), .flags = 1U << FLAG_PERSONAL_DATA, .policy = SPAN("x")};
	audit_record_decision(&b, trace, who, &f, &deny);
	check_record("decision", &b,
		TRACE "\"subject\":{\"id\":\"2026-06:00\",\"iss\":\"https://login.facility.example/"
		      "\",\"roles\":["
		      "\"registered\",\"pi\"],\"assurance\":\"medium\",\"entitlements\":[\"urn:b\","
		      "\"urn:a\"],"
		      "\"accepted\":[\"human-data@2\"]},\"object\":{\"pid\":\"p\",\"kind\":\"raw\","
		      "\"route\":"
		      "\"academic\",\"flags\":[\"personal-data\"],\"dates\":{},\"policy\":\"x\","
		      "\"events\":0}," ASKED ",\"effect\":\"deny\",\"rule\":\"no-policy\",\"line\":"
		      "0,\"policy\":null,\"version\":null,"
		      "\"sha256\":null,\"state\":null,\"release_at\":null,\"reason\":\"no-policy\","
		      "\"status\":404,"
		      "\"obligations\":[]");
	f = facts;
	f.subject = NULL;
	audit_record_event(&b, trace, (struct audit_who){.id = SPAN_NONE}, &f,
		SPAN("{\"type\":\"withdrawal\"}"));
	check_record("event", &b,
		TRACE "\"subject\":null," OBJECT ",\"event\":{\"type\":\"withdrawal\"}");
}

static void
closings(void **state)
{
	static const uint64_t ranges[][2] = {{0, 9}, {20, 29}};
	struct audit_closing c = {.decision = 3, .bytes = 1073741824, .result = "complete"};
	AUTO_BUF b = BUF_INIT(8192);

	(void)state;
	memcpy(c.trace, trace, sizeof(trace));
	audit_record_close(&b, &c);
	check_record(
		"close", &b, TRACE "\"decision\":3,\"bytes\":1073741824,\"result\":\"complete\"");
	c.full = true;
	c.file = SPAN("raw/a \"b\".nxs");
	audit_record_close(&b, &c);
	check_record("close", &b,
		TRACE "\"decision\":3,\"bytes\":1073741824,\"result\":\"complete\",\"file\":\"raw/"
		      "a \\\"b\\\".nxs\","
		      "\"ranges\":[]");
	c.ranges = ranges;
	c.n_ranges = 2;
	audit_record_close(&b, &c);
	check_record("close", &b,
		TRACE "\"decision\":3,\"bytes\":1073741824,\"result\":\"complete\",\"file\":\"raw/"
		      "a \\\"b\\\".nxs\","
		      "\"ranges\":[[0,9],[20,29]]");
	c.full = false;
	c.result = "cut";
	c.why = "denied";
	audit_record_close(&b, &c);
	check_record("close", &b,
		TRACE "\"decision\":3,\"bytes\":1073741824,\"result\":\"cut\",\"why\":\"denied\"");
}

static void
landings(void **state)
{
	static const uint8_t sha[32] = {0x2c};
	struct audit_landing l = {
		.decision = 7, .file = SPAN("sub/a \"b\".h5"), .bytes = 5, .sha256 = sha};
	const struct audit_who who = {.id = SPAN("2026-06:00")};
	AUTO_BUF b = BUF_INIT(8192);

	(void)state;
	audit_record_landing(&b, trace, who, &facts, &l);
	check_record("landed", &b,
		TRACE SUBJECT
		"," OBJECT ",\"decision\":7,\"file\":\"sub/a \\\"b\\\".h5\",\"bytes\":5,"
		"\"sha256\":"
		"\"2c00000000000000000000000000000000000000000000000000000000000000\"");
	l.sha256 = NULL;
	l.bytes = 0;
	audit_record_landing(&b, trace, who, &facts, &l);
	check_record("landed", &b,
		TRACE SUBJECT "," OBJECT
			      ",\"decision\":7,\"file\":\"sub/a \\\"b\\\".h5\",\"bytes\":0");
	l.file = SPAN("sub/");
	audit_record_landing(&b, trace, who, &facts, &l);
	check_record("landed", &b, TRACE SUBJECT "," OBJECT ",\"decision\":7,\"file\":\"sub/\"");
	l.why = "exists";
	audit_record_landing(&b, trace, who, &facts, &l);
	check_record("unlanded", &b,
		TRACE SUBJECT "," OBJECT ",\"decision\":7,\"file\":\"sub/\",\"why\":\"exists\"");
}

static void
others(void **state)
{
	static const struct span files[] = {SPAN_INIT("audit-2026-01.jsonl")};
	struct audit_signing s = {
		.upto = 5, .head = {0x24, 0xa3}, .key = {0x21, 0xfe}, .sig = {0xfb, 0xff}};
	AUTO_BUF b = BUF_INIT(8192);

	(void)state;
	audit_record_clock(&b, -3600, 1780300800);
	check_record("clock", &b, "\"step_s\":-3600,\"used\":\"2026-06-01T08:00:00Z\"");
	audit_record_checkpoint(&b, &s);
	check_record("checkpoint", &b,
		"\"upto\":5,\"head\":"
		"\"24a3000000000000000000000000000000000000000000000000000000000000\",\"key\":"
		"\"21fe000000000000\",\"sig\":\"+/"
		"8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAA==\"");
	audit_record_expired(&b, &(struct audit_expired){.files = files, .n_files = 1});
	check_record("expired", &b, "\"files\":[\"audit-2026-01.jsonl\"],\"keys\":[]");
	audit_record_refused(&b, trace, 401, "bad \"token\"");
	check_record("refused", &b, TRACE "\"status\":401,\"reason\":\"bad \\\"token\\\"\"");
	audit_record_refused_more(&b, 12);
	check_record("refused-more", &b, "\"count\":12");
	audit_record_login(&b, trace, (struct audit_who){.id = SPAN("2026-06:00")}, &jane);
	check_record("login", &b,
		TRACE "\"subject\":{\"id\":\"2026-06:00\",\"iss\":\"https://login.facility.example/"
		      "\",\"assurance\":"
		      "\"medium\",\"linked\":false},\"client\":null");
}

static const char policy[] =
	"policy: sample\nversion: 4\ntimezone: Europe/Paris\nvalid_from: 2020-01-01\n"
	"licence: CC-BY-4.0\nembargo: {anchor: experiment_end, period: 3y}\n"
	"rules:\n"
	"  - {id: a, effect: permit, action: data.read, when: {entitlement: [urn:z, urn:a]}}\n"
	"  - {id: b, effect: deny, reason: no, action: data.list, when: {entitlement: urn:a}}\n"
	"tests:\n"
	"  - {name: t, now: 2026-01-01, action: data.read, expect: deny}\n";

static void
starts(void **state)
{
	const struct policy_source source = {"sample.yaml", SPAN_INIT("")};
	struct policy_source file = source;
	AUTO_BUF report = BUF_INIT(65536);
	AUTO_BUF b = BUF_INIT(8192);
	AUTO_BUF list = BUF_INIT(8192);
	AUTO_BUF want = BUF_INIT(8192);
	struct span *words = NULL;
	size_t n = 0;

	(void)state;
	file.text = span_of(policy);
	struct policy_set *set = policy_set_load(&file, 1, &report, NULL);
	if (set == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	assert_true(audit_record_mentioned(set, &words, &n));
	assert_int_equal(n, 2);
	check_span(words[0], "urn:a");
	check_span(words[1], "urn:z");
	free(words);
	audit_record_policies(&list, set);
	assert_true(span_starts(
		buf_span(&list), SPAN("[{\"policy\":\"sample\",\"version\":4,\"sha256\":\"")));
	struct audit_starting s = {.agent = "1.0.0", .tzdata = "2026b", .policies = set};
	audit_record_start(&b, &s);
	buf_addf(&want, "\"agent\":\"1.0.0\",\"tzdata\":\"2026b\",\"policies\":%.*s",
		SPAN_ARG(buf_span(&list)));
	buf_addc(&want, '\0');
	check_record("start", &b, want.p);
	s.tzdata = "";
	s.replaced = SPAN("[]");
	buf_reset(&want);
	audit_record_start(&b, &s);
	buf_addf(&want, "\"agent\":\"1.0.0\",\"tzdata\":null,\"policies\":%.*s,\"replaced\":[]",
		SPAN_ARG(buf_span(&list)));
	buf_addc(&want, '\0');
	check_record("reload", &b, want.p);
	s.judged = true;
	s.decisions = 340;
	s.changed = 12;
	want.n--; /* the zero byte */
	audit_record_start(&b, &s);
	buf_adds(&want, ",\"changed\":12,\"decisions\":340");
	buf_addc(&want, '\0');
	check_record("reload", &b, want.p);
	policy_set_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions),
		cmocka_unit_test(closings),
		cmocka_unit_test(landings),
		cmocka_unit_test(others),
		cmocka_unit_test(starts),
	};
	return cmocka_run_group_tests_name("audit_record", tests, NULL, NULL);
}
