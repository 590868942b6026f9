/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_call.h"
#include "agent/cli/cli_audit_count.h"
#include "agent/cli/cli_audit_filter.h"
#include "agent/cli/cli_audit_person.h"
#include "agent/cli/cli_audit_text.h"
#include "tests/unit/check.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define LINE(kind, rest)                                                                           \
	"{\"seq\":7,\"time\":\"2026-06-01T08:00:00.123Z\",\"prev\":\"" ZEROS "\",\"kind\":\"" kind \
	"\",\"node\":\"g\"," rest "}"
#define T "\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\""
#define DECISION(subject, rule, reason)                                                            \
	LINE("decision", T                                                                         \
		",\"subject\":" subject ",\"object\":{\"pid\":\"10.5072/A\",\"proposal\":\"P-1\"," \
		"\"instrument\":\"id02\",\"kind\":\"raw\",\"route\":\"academic\",\"flags\":[],"    \
		"\"dates\":{},\"events\":0},\"action\":\"data.read\",\"context\":{\"network\":"    \
		"\"facility\",\"purpose\":\"unspecified\",\"protocol\":\"https\"},\"effect\":"     \
		"\"permit\",\"rule\":\"" rule "\",\"line\":9,\"policy\":\"p\",\"version\":3,"      \
		"\"sha256\":\"" ZEROS                                                              \
		"\",\"state\":\"open\",\"release_at\":null,\"reason\":" reason                     \
		",\"status\":200,\"obligations\":[]")
#define JANE                                                                                       \
	"{\"id\":\"2026-06:00\",\"iss\":\"https://i/\",\"roles\":[\"registered\",\"pi\"],"         \
	"\"assurance\":\"low\"}"

static void
words(void **state)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{DECISION("null", "team", "null"), "2026-06-01T08:00:00Z  permit  data.read   "
						   "10.5072/A                   anonymous  "
						   "by team of p, open, 200"},
		{DECISION(JANE, "team", "null"), "2026-06-01T08:00:00Z  permit  data.read   "
						 "10.5072/A                   2026-06:00 "
						 "(registered, pi)  by team of p, open, 200"},
		{LINE("close", T ",\"decision\":3,\"bytes\":10,\"result\":\"complete\""),
			"2026-06-01T08:00:00Z  sent    10 bytes under record 3, complete"},
		{LINE("close", T
			 ",\"decision\":3,\"bytes\":10,\"result\":\"cut\",\"file\":\"a\\u001b[2J\","
			 "\"ranges\":[[0,9]],\"why\":\"denied\""),
			"2026-06-01T08:00:00Z  sent    10 bytes under record 3, cut (denied): "
			"\"a\\u001b[2J\", bytes [[0,9]]"},
		{LINE("landed", T ",\"subject\":" JANE
				  ",\"object\":{\"pid\":\"10.5072/A\"},\"decision\":3,\"file\":"
				  "\"sub/a\",\"bytes\":5"),
			"2026-06-01T08:00:00Z  landed  sub/a in 10.5072/A, 5 bytes, under record 3 "
			" "
			"2026-06:00 (registered, pi)"},
		{LINE("unlanded", T ",\"subject\":null"
				    ",\"object\":{\"pid\":\"10.5072/A\"},\"decision\":3,\"file\":"
				    "\"sub/\",\"why\":\"exists\""),
			"2026-06-01T08:00:00Z  unlanded sub/ in 10.5072/A, under record 3 (exists) "
			" "
			"anonymous"},
		{LINE("start", "\"agent\":\"1\",\"tzdata\":null,\"policies\":[{\"policy\":\"p\","
			       "\"version\":3}]"),
			"2026-06-01T08:00:00Z  start   agent 1, tz database -, policies p version "
			"3"},
		{LINE("reload", "\"agent\":\"1\",\"tzdata\":\"2026b\",\"policies\":[{\"policy\":"
				"\"p\",\"version\":"
				"3}],\"replaced\":[{\"policy\":\"p\",\"version\":2}]"),
			"2026-06-01T08:00:00Z  reload  agent 1, tz database 2026b, policies p "
			"version 3 "
			"instead of p version 2"},
		{LINE("event", T
			 ",\"subject\":null,\"object\":{\"pid\":\"10.5072/A\"},\"event\":{\"type\":"
			 "\"withdrawal\",\"by\":\"director\"}"),
			"2026-06-01T08:00:00Z  event   withdrawal of 10.5072/A by director  "
			"anonymous"},
		{LINE("clock", "\"step_s\":-3600,\"used\":\"2026-06-01T08:00:00Z\""),
			"2026-06-01T08:00:00Z  clock   was off by -3600 s; used is "
			"2026-06-01T08:00:00Z"},
		{LINE("checkpoint", "\"upto\":6,\"head\":\"" ZEROS
				    "\",\"key\":\"21fe31dfa154a261\",\"sig\":\"A\""),
			"2026-06-01T08:00:00Z  signed  up to record 6 by key 21fe31dfa154a261"},
		{LINE("expired", "\"files\":[\"a\",\"b\"],\"keys\":[\"k\"]"),
			"2026-06-01T08:00:00Z  expired a, b, k"},
		{LINE("login", T ",\"subject\":{\"id\":\"2026-06:00\"},\"client\":\"portal\""),
			"2026-06-01T08:00:00Z  login  2026-06:00 by portal"},
		{LINE("refused", T ",\"status\":401,\"reason\":\"bad token\""),
			"2026-06-01T08:00:00Z  refused 401  bad token"},
		{LINE("request", T ",\"subject\":" JANE
				   ",\"object\":{\"pid\":\"10.5072/A\"},\"request\":{\"id\":"
				   "\"r-1\",\"what\":\"asked\"}"),
			"2026-06-01T08:00:00Z  request r-1 asked for 10.5072/A  2026-06:00 "
			"(registered, pi)"},
		{LINE("terms", T ",\"subject\":" JANE
				 ",\"terms\":{\"id\":\"human@2\",\"what\":\"accepted\"}"),
			"2026-06-01T08:00:00Z  terms   human@2 accepted  2026-06:00 (registered, "
			"pi)"},
		{LINE("refused-more", "\"count\":12"), "2026-06-01T08:00:00Z  refused 12 more"},
		{LINE("own", "\"a\":1"), "2026-06-01T08:00:00Z  own \"a\":1"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF out = BUF_INIT(65536);
		struct audit_line l;
		CHECK_ROW(rows[i].want);
		assert_true(audit_line_parse(span_of(rows[i].line), &l, NULL));
		cli_audit_text_record(span_of(rows[i].line), &out);
		check_span(buf_span(&out), rows[i].want);
	}
}

static void
values(void **state)
{
	static const struct {
		enum cli_audit_key key;
		const char *want; /* NULL: none */
	} rows[] = {
		{AUDIT_KEY_KIND, "decision"},
		{AUDIT_KEY_TRACE, "4bf92f3577b34da6a3ce929d0e0e4736"},
		{AUDIT_KEY_SUBJECT, "2026-06:00"},
		{AUDIT_KEY_PID, "10.5072/A"},
		{AUDIT_KEY_PROPOSAL, "P-1"},
		{AUDIT_KEY_INSTRUMENT, "id02"},
		{AUDIT_KEY_ACTION, "data.read"},
		{AUDIT_KEY_EFFECT, "permit"},
		{AUDIT_KEY_RULE, "a\\\"b"},
		{AUDIT_KEY_POLICY, "p"},
		{AUDIT_KEY_STATE, "open"},
		{AUDIT_KEY_REASON, NULL},
		{AUDIT_KEY_STATUS, "200"},
		{AUDIT_KEY_NETWORK, "facility"},
		{AUDIT_KEY_DAY, "2026-06-01"},
		{AUDIT_KEY_MONTH, "2026-06"},
	};
	struct audit_line l;
	char room[16];

	(void)state;
	assert_true(audit_line_parse(span_of(DECISION(JANE, "a\\\"b", "null")), &l, NULL));
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), AUDIT_KEY_COUNT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cli_audit_filter f = {.has_since = false};
		CHECK_ROW(cli_audit_keys[rows[i].key]);
		struct span v = cli_audit_filter_value(&l, rows[i].key, room);
		if (rows[i].want == NULL)
			assert_null(v.p);
		else
			check_span(v, rows[i].want);
		if (rows[i].key >= AUDIT_KEY_GIVEN)
			continue;
		f.want[rows[i].key] = span_of(rows[i].want != NULL ? rows[i].want : "x");
		assert_int_equal(cli_audit_filter_fits(&f, &l), rows[i].want != NULL);
		f.want[rows[i].key] = SPAN("2");
		assert_false(cli_audit_filter_fits(&f, &l));
	}
}

static void
filters(void **state)
{
	static const struct span ids[] = {SPAN_INIT("2026-05:00"), SPAN_INIT("2026-06:00")};
	struct cli_audit_filter f = {.by_ids = true};
	struct audit_line l;
	struct audit_line nobody;
	int64_t ms = 0;

	(void)state;
	assert_true(audit_line_parse(span_of(DECISION(JANE, "r", "null")), &l, NULL));
	assert_true(audit_line_parse(span_of(DECISION("null", "r", "null")), &nobody, NULL));
	assert_false(cli_audit_filter_fits(&f, &l));
	f.ids = ids;
	f.n_ids = 2;
	assert_true(cli_audit_filter_fits(&f, &l));
	assert_false(cli_audit_filter_fits(&f, &nobody));
	f.n_ids = 1;
	assert_false(cli_audit_filter_fits(&f, &l));
	f = (struct cli_audit_filter){.has_since = true, .since_ms = l.ms};
	assert_true(cli_audit_filter_fits(&f, &l));
	f.since_ms++;
	assert_false(cli_audit_filter_fits(&f, &l));
	f = (struct cli_audit_filter){.has_until = true, .until_ms = l.ms};
	assert_false(cli_audit_filter_fits(&f, &l));
	f.until_ms++;
	assert_true(cli_audit_filter_fits(&f, &l));
	assert_true(cli_audit_filter_time(SPAN("2026-06-01"), &ms));
	assert_true(ms == 1780272000000);
	assert_true(cli_audit_filter_time(SPAN("2026-06-01T10:00:00+02:00"), &ms));
	assert_true(ms == 1780300800000);
	assert_false(cli_audit_filter_time(SPAN("June"), &ms));
}

static void
counts(void **state)
{
	struct cli_audit_count *c = NULL;
	char text[16];
	size_t n = 0;

	(void)state;
	assert_true(cli_audit_count_new(&c));
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		assert_true(cli_audit_count_add(c, span_of(text)));
	}
	for (int i = 0; i < 3; i++) {
		assert_true(cli_audit_count_add(c, SPAN_NONE));
		assert_true(cli_audit_count_add(c, SPAN("")));
	}
	assert_true(cli_audit_count_add(c, SPAN("17")));
	const struct cli_audit_counted *list = cli_audit_count_list(c, &n);
	assert_int_equal(n, 5002);
	assert_int_equal(list[0].n, 3);
	assert_int_equal(list[1].n, 3);
	assert_true((list[0].value.p == NULL) != (list[1].value.p == NULL));
	check_span(list[2].value, "17");
	assert_int_equal(list[2].n, 2);
	check_span(list[3].value, "0");
	check_span(list[4].value, "1");
	assert_true(cli_audit_count_add(c, SPAN("4999")));
	list = cli_audit_count_list(c, &n);
	check_span(list[3].value, "4999");
	cli_audit_count_free(c);
}

static void
calls(void **state)
{
	const char *pid = NULL;
	bool on = false;
	const struct cli_option more[] = {{"--pid", &pid, NULL}, {"--on", NULL, &on}};
	char given[12][8] = {"query", "--json", "a", "--pid", "p", "--key", "k1", "--on", "--key",
		"k2", "--", "--b"};
	char *argv[12];
	struct cli_audit_call c = {.command = "audit query", .more = more, .n_more = 2};
	char bad[2][8] = {"--nope", "--pid"};

	(void)state;
	for (size_t i = 0; i < 12; i++)
		argv[i] = given[i];
	assert_true(cli_audit_call_read(&c, 12, argv));
	assert_true(c.json && on && !c.help);
	assert_string_equal(pid, "p");
	assert_int_equal(c.n_keys, 2);
	assert_string_equal(c.keys[1], "k2");
	assert_int_equal(c.n_words, 2);
	assert_string_equal(c.words[0], "a");
	assert_string_equal(c.words[1], "--b");
	for (size_t i = 0; i < 2; i++) {
		c = (struct cli_audit_call){.command = "audit query", .more = more, .n_more = 2};
		argv[1] = bad[i];
		assert_false(cli_audit_call_read(&c, 2, argv));
	}
}

static void
persons(void **state)
{
	struct span sub;
	struct span iss;
	uint8_t hex[2];

	(void)state;
	assert_true(cli_audit_person_split(SPAN("7f@egi.eu@https://i/"), &sub, &iss));
	check_span(sub, "7f@egi.eu");
	check_span(iss, "https://i/");
	assert_false(cli_audit_person_split(SPAN("jane"), &sub, &iss));
	assert_false(cli_audit_person_split(SPAN("jane@"), &sub, &iss));
	assert_false(cli_audit_person_split(SPAN("@i"), &sub, &iss));
	assert_true(cli_audit_text_hex(SPAN("0aff"), hex, 2));
	assert_int_equal(hex[1], 255);
	assert_false(cli_audit_text_hex(SPAN("0afg"), hex, 2));
	assert_false(cli_audit_text_hex(SPAN("0af"), hex, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(values),
		cmocka_unit_test(filters),
		cmocka_unit_test(counts),
		cmocka_unit_test(calls),
		cmocka_unit_test(persons),
	};
	return cmocka_run_group_tests_name("cli_audit", tests, NULL, NULL);
}
