/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/event_json.h"
#include "tests/unit/check.h"

/* want: what event_json_write makes of it, or a part of the message. */
static const struct {
	const char *text, *want;
	bool good;
} rows[] = {
	{"{\"type\":\"release\"}", "{\"type\":\"release\"}", true},
	{" { \"by\" : \"pi\", \"type\":\"release\" } ", "{\"type\":\"release\",\"by\":\"pi\"}",
		true},
	{"{\"type\":\"extension\",\"period\":\"1y\",\"note\":\"caf\\u00e9\"}",
		"{\"type\":\"extension\",\"period\":\"1y\",\"note\":\"caf\xc3\xa9\"}", true},
	{"", "", false},
	{"[]", "", false},
	{"{}", "\"type\" is missing", false},
	{"{\"by\":\"pi\"}", "\"type\" is missing", false},
	{"{\"type\":1}", "\"type\" is a string", false},
	{"{\"type\":null}", "\"type\" is a string", false},
	{"{\"type\":\"\"}", "1 to 256 bytes", false},
	{"{\"type\":\"release\",\"who\":\"me\"}", "unknown key \"who\"", false},
	{"{\"type\":\"release\",\"type\":\"release\"}", "", false},
	{"{\"type\":\"release\",\"note\":\"a\\nb\"}", "\"note\": 1 to 4096 bytes", false},
	{"{\"type\":\"release\",\"note\":\"a\\u0000b\"}", "", false},
	{"{\"type\":\"release\",\"note\":{}}", "", false},
	{"{\"type\":\"release\"} x", "", false},
	{"{\"type\":\"release\",\"note\":\"\xff\"}", "", false},
};

static void
reads(void **state)
{
	AUTO_ARENA a = {0};

	(void)state;
	assert_true(arena_init(&a, 1UL << 20));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event_text t;
		struct err e = {0};
		AUTO_BUF out = BUF_INIT(8192);
		struct jsonw w;
		CHECK_ROW(rows[i].text);
		assert_int_equal(event_json_read(span_of(rows[i].text), &a, &t, &e), rows[i].good);
		if (!rows[i].good) {
			assert_non_null(strstr(e.msg, rows[i].want));
			continue;
		}
		jsonw_init(&w, &out);
		jsonw_obj(&w, NULL);
		event_json_write(&t, &w);
		jsonw_end(&w, '}');
		check_span(buf_span(&out), rows[i].want);
	}
}

/* As long as it may be, and one byte more. */
static void
limits(void **state)
{
	AUTO_ARENA a = {0};

	(void)state;
	assert_true(arena_init(&a, 1UL << 20));
	for (size_t n = EVENT_JSON_NOTE; n <= EVENT_JSON_NOTE + 1; n++) {
		AUTO_BUF text = BUF_INIT(8192);
		struct event_text t;
		buf_adds(&text, "{\"type\":\"release\",\"note\":\"");
		for (size_t i = 0; i < n; i++)
			buf_addc(&text, 'x');
		buf_adds(&text, "\"}");
		assert_int_equal(
			event_json_read(buf_span(&text), &a, &t, NULL), n == EVENT_JSON_NOTE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("event_json", tests, NULL, NULL);
}
