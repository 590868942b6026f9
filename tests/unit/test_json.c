/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/json.h"
#include "tests/unit/check.h"

#define LIT(s) "" s, sizeof(s) - 1

static void
parsing(void **state)
{
	static const struct {
		const char *name, *in;
		size_t n;
		struct json_limits limits;
		enum err_code code;
		const char *ref;
	} rows[] = {
		{"object", LIT("{\"a\":1}"), {0}, ERR_NONE, NULL},
		{"number alone", LIT("1"), {0}, ERR_NONE, NULL},
		{"number where an object is needed", LIT("1"), {.object = true}, ERR_SYNTAX,
			"RFC 8259"},
		{"blanks around", LIT(" \r\n{} \n"), {0}, ERR_NONE, NULL},
		{"nothing", LIT(""), {0}, ERR_SYNTAX, "RFC 8259"},
		{"byte order mark", LIT("\xef\xbb\xbf{}"), {0}, ERR_SYNTAX, "RFC 8259 8.1"},
		{"not UTF-8", LIT("{\"a\":\"\xff\"}"), {0}, ERR_SYNTAX, "RFC 8259 8.1"},
		{"second value", LIT("{}{}"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"NUL after the value", LIT("{}\0"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"NUL and more after the value", LIT("{}\0{}"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"member twice", LIT("{\"a\":1,\"a\":1}"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"member twice, one escaped", LIT("{\"a\":1,\"\\u0061\":1}"), {0}, ERR_SYNTAX,
			"RFC 8259"},
		{"member twice, deeper", LIT("[{\"b\":{\"a\":1,\"a\":1}}]"), {0}, ERR_SYNTAX,
			"RFC 8259"},
		{"NUL in a name", LIT("{\"a\\u0000\":1}"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"NUL in a string", LIT("{\"a\":\"x\\u0000y\"}"), {0}, ERR_NONE, NULL},
		{"NUL in a string, refused", LIT("{\"a\":\"x\\u0000y\"}"), {.no_nul = true},
			ERR_SYNTAX, "RFC 8259"},
		{"backslash before u0000", LIT("{\"a\":\"x\\\\u0000y\"}"), {.no_nul = true},
			ERR_NONE, NULL},
		{"half a surrogate pair", LIT("\"\\ud800\""), {0}, ERR_SYNTAX, "RFC 8259"},
		{"comma at the end", LIT("[1,]"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"comment", LIT("{}//x"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"NaN", LIT("NaN"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"leading zero", LIT("01"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"integer too big", LIT("9223372036854775808"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"real too big", LIT("1e999"), {0}, ERR_SYNTAX, "RFC 8259"},
		{"depth at the limit", LIT("[[1]]"), {.depth = 2}, ERR_NONE, NULL},
		{"depth above the limit", LIT("[[[]]]"), {.depth = 2}, ERR_LIMIT, "RFC 8259"},
		{"brackets side by side", LIT("[[],[],[]]"), {.depth = 2}, ERR_NONE, NULL},
		{"brackets in a string", LIT("\"[[[\\\"[[\""), {.depth = 2}, ERR_NONE, NULL},
		{"members at the limit", LIT("{\"a\":{\"b\":\":\"}}"), {.members = 2}, ERR_NONE,
			NULL},
		{"members above the limit", LIT("{\"a\":{\"b\":{\"c\":1}}}"), {.members = 2},
			ERR_LIMIT, "RFC 8259"},
		{"bytes at the limit", LIT("[1]"), {.bytes = 3}, ERR_NONE, NULL},
		{"bytes above the limit", LIT("[1] "), {.bytes = 3}, ERR_LIMIT, "RFC 8259"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		AUTO_JSON j = json_parse((struct span){rows[i].in, rows[i].n}, &rows[i].limits, &e);
		assert_int_equal(j != NULL, rows[i].code == ERR_NONE);
		assert_int_equal(e.code, rows[i].code);
		check_span(span_of(e.ref), rows[i].ref);
	}
}

/* 32 deep by default, and a hostile depth costs no stack. */
static void
deep(void **state)
{
	char text[6001];
	struct err e = {0};

	(void)state;
	memset(text, '[', 3000);
	memset(text + 3000, ']', 3000);
	assert_null(json_parse((struct span){text, 6000}, NULL, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	AUTO_JSON j = json_parse((struct span){text + 3000 - 32, 64}, NULL, NULL);
	assert_non_null(j);
	assert_null(json_parse((struct span){text + 3000 - 33, 66}, NULL, NULL));
}

static void
getting(void **state)
{
	AUTO_JSON j = json_parse(SPAN("{\"s\":\"a\\u0000b\",\"i\":-7,\"r\":0.5,\"t\":true,\"n\":"
				      "null,\"l\":[1,\"x\"],\"o\":{}}"),
		NULL, NULL);
	struct span s = SPAN("kept");
	int64_t i = 99;
	double d = 0;
	bool b = false;

	(void)state;
	assert_non_null(j);
	assert_true(json_get_str(j, "s", &s));
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "a\0b", 3);
	assert_true(json_get_i64(j, "i", &i));
	assert_int_equal(i, -7);
	assert_false(json_get_i64(j, "r", &i));
	assert_false(json_get_i64(j, "s", &i));
	assert_false(json_get_i64(j, "t", &i));
	assert_int_equal(i, -7);
	assert_true(json_f64(json_get(j, "r"), &d));
	assert_true(d > 0.49 && d < 0.51);
	assert_true(json_f64(json_get(j, "i"), &d));
	assert_false(json_f64(json_get(j, "s"), &d));
	assert_true(json_truth(json_get(j, "t"), &b));
	assert_true(b);
	assert_false(json_truth(json_get(j, "n"), &b));
	assert_false(json_get_str(j, "absent", &s));
	assert_int_equal(json_kind(json_get(j, "absent")), JSON_KIND_NONE);
	assert_int_equal(json_kind(json_get(j, "n")), JSON_KIND_NULL);
	assert_int_equal(json_kind(json_get(j, "o")), JSON_KIND_OBJECT);
	assert_int_equal(json_count(json_get(j, "l")), 2);
	assert_int_equal(json_count(json_get(j, "s")), 0);
	assert_true(json_str(json_at(json_get(j, "l"), 1), &s));
	check_span(s, "x");
	assert_null(json_at(json_get(j, "l"), 2));
	assert_null(json_at(j, 0));
	assert_null(json_get(json_get(j, "l"), "0"));
	assert_false(json_str(NULL, &s));
}

static void
members_in_order(void **state)
{
	AUTO_JSON j = json_parse(SPAN("{\"z\":1,\"a\":2,\"m\":3}"), NULL, NULL);
	AUTO_BUF out = BUF_INIT(256);
	void *at = NULL;
	struct span name;
	const struct json *v = NULL;

	(void)state;
	while (json_each(j, &at, &name, &v)) {
		buf_add(&out, name);
		json_write(v, &out);
	}
	check_span(buf_span(&out), "z1a2m3");
	buf_reset(&out);
	json_write(j, &out);
	check_span(buf_span(&out), "{\"z\":1,\"a\":2,\"m\":3}");
	at = NULL;
	assert_false(json_each(json_get(j, "z"), &at, &name, &v));
}

/* A refusal holds nothing of the text: it may be a token's. */
static void
silence(void **state)
{
	struct err e = {0};

	(void)state;
	assert_null(json_parse(SPAN("{\"hush\":hush}"), NULL, &e));
	assert_null(strstr(e.msg, "hush"));
	assert_null(json_parse(SPAN("{\"hush\":1,\"hush\":1}"), NULL, &e));
	assert_null(strstr(e.msg, "hush"));
	assert_non_null(strstr(e.msg, "twice"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),
		cmocka_unit_test(deep),
		cmocka_unit_test(getting),
		cmocka_unit_test(members_in_order),
		cmocka_unit_test(silence),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
