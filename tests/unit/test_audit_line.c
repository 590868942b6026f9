/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_line.h"

#include "agent/base/buf.h"
#include "tests/unit/check.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD  "{\"seq\":7,\"time\":\"2026-06-01T08:00:00.123Z\",\"prev\":\"" ZEROS "\",\"kind\":\""
#define OWN   HEAD "own\",\"node\":\"n\","

static const struct {
	const char *name, *line;
	const char *fault; /* a part of the message; NULL: read */
} rows[] = {
	{"no members", HEAD "own\",\"node\":\"gate-1\"}", NULL},
	{"members of every kind",
		OWN "\"a\":1,\"b\":-1.5e+3,\"c\":[],\"d\":{},\"e\":[1,[true,{\"x\":null}],"
		    "\"\\u00e9\\n\"]}",
		NULL},
	{"refused-more", HEAD "refused-more\",\"node\":\"g\",\"count\":3}", NULL},
	{"close",
		HEAD "close\",\"node\":\"g\",\"trace\":\"0\",\"decision\":3,\"bytes\":4,\"result\":"
		     "\"cut\"}",
		NULL},
	{"close of audit:full",
		HEAD "close\",\"node\":\"g\",\"trace\":\"0\",\"decision\":3,\"bytes\":4,\"result\":"
		     "\"cut\","
		     "\"file\":\"a\",\"ranges\":[[0,3]]}",
		NULL},
	{"one key missing",
		HEAD "close\",\"node\":\"g\",\"trace\":\"0\",\"decision\":3,\"bytes\":4}",
		"missing"},
	{"two keys changed",
		HEAD "close\",\"node\":\"g\",\"trace\":\"0\",\"bytes\":4,\"decision\":3,\"result\":"
		     "\"cut\"}",
		"'bytes' does not belong"},
	{"a key twice",
		HEAD
		"close\",\"node\":\"g\",\"trace\":\"0\",\"trace\":\"0\",\"decision\":3,\"bytes\":4,"
		"\"result\":\"cut\"}",
		"'trace' does not belong"},
	{"a key that no kind has", HEAD "refused-more\",\"node\":\"g\",\"count\":3,\"x\":1}",
		"'x' does not belong"},
	{"clock", HEAD "clock\",\"node\":\"g\",\"step_s\":-3,\"used\":\"2026-06-01T08:00:00Z\"}",
		NULL},
	{"empty", "", "seq"},
	{"no object", "[]", "seq"},
	{"blank after a comma", HEAD "own\",\"node\":\"n\", \"a\":1}", "name was expected"},
	{"blank after a colon", OWN "\"a\": 1}", "'a' is not JSON"},
	{"blank at the end", OWN "\"a\":1} ", "closing brace"},
	{"blank before the brace", OWN "\"a\":1 }", "closing brace"},
	{"carriage return", OWN "\"a\":1}\r", "closing brace"},
	{"text behind it", OWN "\"a\":1}{", "closing brace"},
	{"comma before the brace", OWN "\"a\":1,}", "name was expected"},
	{"no brace", OWN "\"a\":1", "closing brace"},
	{"a list that is not closed", OWN "\"a\":[1}", "'a' is not JSON"},
	{"a list closed as an object", OWN "\"a\":[1}}", "'a' is not JSON"},
	{"comma in a list", OWN "\"a\":[1,]}", "'a' is not JSON"},
	{"an object without a name", OWN "\"a\":{1}}", "'a' is not JSON"},
	{"leading zero", OWN "\"a\":01}", "'a' is not JSON"},
	{"plus", OWN "\"a\":+1}", "'a' is not JSON"},
	{"point without digits", OWN "\"a\":1.}", "'a' is not JSON"},
	{"exponent without digits", OWN "\"a\":1e}", "'a' is not JSON"},
	{"a minus alone", OWN "\"a\":-}", "'a' is not JSON"},
	{"a word", OWN "\"a\":nul}", "'a' is not JSON"},
	{"an unknown escape", OWN "\"a\":\"\\x\"}", "'a' is not JSON"},
	{"half an escape", OWN "\"a\":\"\\u12\"}", "'a' is not JSON"},
	{"a tab in text", OWN "\"a\":\"\t\"}", "'a' is not JSON"},
	{"text without end", OWN "\"a\":\"", "'a' is not JSON"},
	{"not UTF-8", OWN "\"a\":\"\xff\"}", "UTF-8"},
	{"seq zero", "{\"seq\":0,", "seq"},
	{"seq with a zero in front", "{\"seq\":01,\"time\":", "seq"},
	{"seq as text", "{\"seq\":\"1\",\"time\":", "seq"},
	{"seq too large", "{\"seq\":9223372036854775808,\"time\":", "seq"},
	{"time before seq", "{\"time\":\"2026-06-01T08:00:00.123Z\",\"seq\":1}", "seq"},
	{"time without milliseconds",
		"{\"seq\":7,\"time\":\"2026-06-01T08:00:00Z\",\"prev\":\"" ZEROS "\"}", "time"},
	{"a day that is not",
		"{\"seq\":7,\"time\":\"2026-02-29T08:00:00.000Z\",\"prev\":\"" ZEROS "\"}", "time"},
	{"a year before all logs",
		"{\"seq\":7,\"time\":\"1969-12-31T23:59:59.999Z\",\"prev\":\"" ZEROS "\"}", "time"},
	{"hour 24", "{\"seq\":7,\"time\":\"2026-02-28T24:00:00.000Z\",\"prev\":\"" ZEROS "\"}",
		"time"},
	{"an offset", "{\"seq\":7,\"time\":\"2026-06-01T08:00:00.123+\",\"prev\":\"" ZEROS "\"}",
		"time"},
	{"a short hash",
		"{\"seq\":7,\"time\":\"2026-06-01T08:00:00.123Z\",\"prev\":\"00\",\"kind\":\"a\"}",
		"prev"},
	{"a hash in capitals",
		"{\"seq\":7,\"time\":\"2026-06-01T08:00:00.123Z\",\"prev\":"
		"\"A000000000000000000000000000000000"
		"000000000000000000000000000000\",\"kind\":\"a\"}",
		"prev"},
	{"no kind", HEAD "\",\"node\":\"n\"}", "kind"},
	{"a kind in capitals", HEAD "Own\",\"node\":\"n\"}", "kind"},
	{"no node", HEAD "own\",\"a\":1}", "node"},
	{"a node that is a number", HEAD "own\",\"node\":1}", "node"},
};

static void
reading(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct audit_line l = {.seq = 99};
		struct err e = {0};
		AUTO_BUF back = BUF_INIT(4096);
		CHECK_ROW(rows[i].name);
		bool ok = audit_line_parse(span_of(rows[i].line), &l, &e);
		if (rows[i].fault != NULL) {
			assert_false(ok);
			assert_string_equal(e.ref, "POL-20");
			assert_int_equal(l.seq, 99);
			if (strstr(e.msg, rows[i].fault) == NULL)
				fail_msg("%s", e.msg);
			continue;
		}
		if (!ok)
			fail_msg("%s", e.msg);
		assert_int_equal(l.seq, 7);
		assert_true(l.ms == 1780300800123);
		audit_line_write(&back, &l);
		assert_true(back.n > 0);
		check_span(span_first(buf_span(&back), back.n - 1), rows[i].line);
	}
}

/* No beginning of a line is a line. */
static void
cut_short(void **state)
{
	struct span line = span_of(rows[1].line);
	struct audit_line l;

	(void)state;
	for (size_t n = 0; n < line.n; n++)
		assert_false(audit_line_parse(span_first(line, n), &l, NULL));
}

static void
members(void **state)
{
	struct audit_line l;

	(void)state;
	assert_true(audit_line_parse(span_of(rows[1].line), &l, NULL));
	check_span(audit_line_member(&l, "a"), "1");
	check_span(audit_line_member(&l, "d"), "{}");
	check_span(audit_line_member(&l, "e"), "[1,[true,{\"x\":null}],\"\\u00e9\\n\"]");
	assert_null(audit_line_member(&l, "x").p);
	assert_null(audit_line_member(&l, "seq").p);
	assert_true(audit_line_parse(span_of(rows[0].line), &l, NULL));
	assert_null(audit_line_member(&l, "a").p);
	check_span(l.node, "\"gate-1\"");
	check_span(l.kind, "own");
}

static void
limits(void **state)
{
	AUTO_BUF deep = BUF_INIT(65536);
	struct audit_line l;
	struct err e = {0};

	(void)state;
	for (size_t depth = 32; depth <= 33; depth++) {
		buf_reset(&deep);
		buf_adds(&deep, OWN "\"a\":");
		for (size_t i = 0; i < depth; i++)
			buf_addc(&deep, '[');
		buf_addc(&deep, '1');
		for (size_t i = 0; i < depth; i++)
			buf_addc(&deep, ']');
		buf_addc(&deep, '}');
		assert_int_equal(audit_line_parse(buf_span(&deep), &l, &e), depth == 32);
	}
	buf_reset(&deep);
	buf_adds(&deep, OWN "\"a\":\"");
	while (deep.n < AUDIT_LINE_MAX - 3)
		buf_addc(&deep, 'x');
	buf_adds(&deep, "\"}");
	assert_int_equal(deep.n, AUDIT_LINE_MAX - 1);
	assert_true(audit_line_parse(buf_span(&deep), &l, &e));
	deep.n -= 2;
	buf_adds(&deep, "x\"}");
	assert_false(audit_line_parse(buf_span(&deep), &l, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
values(void **state)
{
	struct err e = {0};
	AUTO_JSON j = audit_line_json(span_of(rows[1].line), &e);
	int64_t seq = 0;

	(void)state;
	assert_non_null(j);
	assert_true(json_get_i64(j, "seq", &seq));
	assert_int_equal(seq, 7);
	assert_null(audit_line_json(SPAN("[]"), &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(members),
		cmocka_unit_test(limits),
		cmocka_unit_test(values),
	};
	return cmocka_run_group_tests_name("audit_line", tests, NULL, NULL);
}
