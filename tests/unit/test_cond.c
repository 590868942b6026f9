/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/cond.h"
#include "agent/http/parse.h"
#include "tests/unit/check.h"

#define NOW   1795425849 /* 2026-11-23 */
#define OLD   "Sun, 06 Nov 1994 08:49:37 GMT"
#define SAME  "Tue, 24 Nov 2015 10:00:00 GMT"
#define LATER "Tue, 24 Nov 2020 10:00:00 GMT"
static const struct cond_state current = {SPAN_INIT("\"abc\""), 1448359200};

static void
read_head(const char *method, const char *fields, struct http_head *ret, char *text, size_t cap)
{
	struct http_parse p = {0};
	size_t used = 0;

	assert_true(snprintf(text, cap, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields) <
		    (int)cap);
	assert_int_equal(http_parse(&p, span_of(text), ret, &used, NULL), STEP_DONE);
}

static void
evaluation(void **state)
{
	static const struct {
		const char *name, *fields;
		enum cond want;
	} rows[] = {
		{"none", "", COND_PROCEED},
		{"If-None-Match current", "If-None-Match: \"abc\"\r\n", COND_NOT_MODIFIED},
		{"If-None-Match weak", "If-None-Match: W/\"abc\"\r\n", COND_NOT_MODIFIED},
		{"If-None-Match in a list", "If-None-Match: \"x\", , \"abc\"\r\n",
			COND_NOT_MODIFIED},
		{"If-None-Match in a second line",
			"If-None-Match: \"x\"\r\nIf-None-Match: \"abc\"\r\n", COND_NOT_MODIFIED},
		{"If-None-Match any", "If-None-Match: *\r\n", COND_NOT_MODIFIED},
		{"If-None-Match other", "If-None-Match: \"x\"\r\n", COND_PROCEED},
		{"If-None-Match unquoted", "If-None-Match: abc\r\n", COND_PROCEED},
		{"If-None-Match decides over the date",
			"If-None-Match: \"x\"\r\nIf-Modified-Since: " LATER "\r\n", COND_PROCEED},
		{"If-Modified-Since equal", "If-Modified-Since: " SAME "\r\n", COND_NOT_MODIFIED},
		{"If-Modified-Since later", "If-Modified-Since: " LATER "\r\n", COND_NOT_MODIFIED},
		{"If-Modified-Since old", "If-Modified-Since: " OLD "\r\n", COND_PROCEED},
		{"If-Modified-Since malformed", "If-Modified-Since: yesterday\r\n", COND_PROCEED},
		{"If-Modified-Since twice",
			"If-Modified-Since: " SAME "\r\nIf-Modified-Since: " SAME "\r\n",
			COND_PROCEED},
		{"If-Match current", "If-Match: \"abc\"\r\n", COND_PROCEED},
		{"If-Match any", "If-Match: *\r\n", COND_PROCEED},
		{"If-Match weak", "If-Match: W/\"abc\"\r\n", COND_FAILED},
		{"If-Match other", "If-Match: \"x\"\r\n", COND_FAILED},
		{"If-Match malformed", "If-Match: abc\r\n", COND_FAILED},
		{"If-Match decides over the date",
			"If-Match: \"abc\"\r\nIf-Unmodified-Since: " OLD "\r\n", COND_PROCEED},
		{"If-Match fails first", "If-Match: \"x\"\r\nIf-None-Match: \"abc\"\r\n",
			COND_FAILED},
		{"If-Match holds, If-None-Match too",
			"If-Match: \"abc\"\r\nIf-None-Match: \"abc\"\r\n", COND_NOT_MODIFIED},
		{"If-Unmodified-Since old", "If-Unmodified-Since: " OLD "\r\n", COND_FAILED},
		{"If-Unmodified-Since equal", "If-Unmodified-Since: " SAME "\r\n", COND_PROCEED},
		{"If-Unmodified-Since malformed", "If-Unmodified-Since: x\r\n", COND_PROCEED},
		{"both dates", "If-Unmodified-Since: " SAME "\r\nIf-Modified-Since: " SAME "\r\n",
			COND_NOT_MODIFIED},
	};
	struct http_head h;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		read_head("GET", rows[i].fields, &h, text, sizeof(text));
		assert_int_equal(cond_eval(&h, &current, NOW), rows[i].want);
		read_head("HEAD", rows[i].fields, &h, text, sizeof(text));
		assert_int_equal(cond_eval(&h, &current, NOW), rows[i].want);
	}
	read_head("PUT", "If-None-Match: *\r\n", &h, text, sizeof(text));
	assert_int_equal(cond_eval(&h, &current, NOW), COND_FAILED);
	read_head("PUT", "If-Modified-Since: " SAME "\r\n", &h, text, sizeof(text));
	assert_int_equal(cond_eval(&h, &current, NOW), COND_PROCEED);
}

static void
nothing_known(void **state)
{
	static const struct cond_state none = {{NULL, 0}, INT64_MIN};
	struct http_head h;
	char text[512];

	(void)state;
	read_head("GET", "If-Modified-Since: " SAME "\r\nIf-Unmodified-Since: " OLD "\r\n", &h,
		text, sizeof(text));
	assert_int_equal(cond_eval(&h, &none, NOW), COND_PROCEED);
	read_head("GET", "If-Match: \"\"\r\n", &h, text, sizeof(text));
	assert_int_equal(cond_eval(&h, &none, NOW), COND_FAILED);
	read_head("GET", "If-Range: \"\"\r\n", &h, text, sizeof(text));
	assert_false(cond_range(&h, &none, NOW));
}

static void
if_range(void **state)
{
	static const struct {
		const char *name, *fields;
		int64_t now;
		bool want;
	} rows[] = {
		{"none", "", NOW, true},
		{"current", "If-Range: \"abc\"\r\n", NOW, true},
		{"other", "If-Range: \"abd\"\r\n", NOW, false},
		{"weak", "If-Range: W/\"abc\"\r\n", NOW, false},
		{"list", "If-Range: \"abc\", \"abc\"\r\n", NOW, false},
		{"any", "If-Range: *\r\n", NOW, false},
		{"same date", "If-Range: " SAME "\r\n", NOW, true},
		{"same date within its second", "If-Range: " SAME "\r\n", 1448359200, false},
		{"old date", "If-Range: " OLD "\r\n", NOW, false},
		{"later date", "If-Range: " LATER "\r\n", NOW, false},
		{"malformed", "If-Range: abc\r\n", NOW, false},
		{"twice", "If-Range: \"abc\"\r\nIf-Range: \"abc\"\r\n", NOW, false},
	};
	struct http_head h;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		read_head("GET", rows[i].fields, &h, text, sizeof(text));
		assert_int_equal(cond_range(&h, &current, rows[i].now), rows[i].want);
	}
}

static void
tags(void **state)
{
	static const struct {
		const char *name, *list;
		bool weak, strong; /* is "a,b" in it? */
	} rows[] = {
		{"comma inside", "\"a,b\"", true, true},
		{"second", "\"x\",\"a,b\"", true, true},
		{"weak", "W/\"a,b\"", true, false},
		{"lower case w", "w/\"a,b\"", false, false},
		{"any", "*", true, true},
		{"any in a list", "\"x\", *", false, false},
		{"no comma between", "\"a,b\" \"x\"", false, false},
		{"malformed behind it", "\"a,b\", x", false, false},
		{"no end", "\"a,b", false, false},
		{"space inside", "\"a b\"", false, false},
		{"space inside another", "\"a,b\", \"a b\"", false, false},
		{"DEL inside another", "\"a,b\", \"a\x7f\"", false, false},
		{"no end of another", "\"a,b\", \"x", false, false},
		{"empty elements", ", ,\"a,b\", ,", true, true},
		{"empty", "", false, false},
		{"empty tag", "\"\"", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(
			cond_etag_in(span_of(rows[i].list), SPAN("\"a,b\""), false), rows[i].weak);
		assert_int_equal(
			cond_etag_in(span_of(rows[i].list), SPAN("\"a,b\""), true), rows[i].strong);
	}
	assert_false(cond_etag_in(SPAN("W/\"a\""), SPAN("W/\"a\""), true));
	assert_true(cond_etag_in(SPAN("\"a\""), SPAN("W/\"a\""), false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evaluation),
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(if_range),
		cmocka_unit_test(tags),
	};
	return cmocka_run_group_tests_name("cond", tests, NULL, NULL);
}
