/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_words.h"
#include "tests/unit/check.h"

#define ALL ((1U << WORD_COUNT) - 1U)

static void
words(void **state)
{
	static const struct {
		const char *name, *body;
		bool form;
		uint32_t allowed;
		enum gate_word word;
		const char *value; /* NULL: refused */
		const char *why;
	} rows[] = {
		{"a word", "{\"do\":\"ask\"}", false, ALL, WORD_DO, "ask", NULL},
		{"the same by a form", "do=ask", true, ALL, WORD_DO, "ask", NULL},
		{"line ends of a browser", "text=a%0D%0Ab%0D%0A", true, ALL, WORD_TEXT, "a\nb",
			NULL},
		{"an old line end", "{\"text\":\"a\\rb\"}", false, ALL, WORD_TEXT, "a\nb", NULL},
		{"a tab", "{\"text\":\"a\\tb\"}", false, ALL, WORD_TEXT, "a b", NULL},
		{"a plus is a blank", "note=a+b%2Bc", true, ALL, WORD_NOTE, "a b+c", NULL},
		{"a number", "{\"days\":30}", false, ALL, WORD_DAYS, "30", NULL},
		{"a number as text", "days=30", true, ALL, WORD_DAYS, "30", NULL},
		{"beside an empty field", "note=&do=ask", true, ALL, WORD_DO, "ask", NULL},
		{"a second time", "do=ask&do=ask", true, ALL, WORD_DO, NULL, "twice"},
		{"a second time in JSON", "{\"do\":\"a\",\"do\":\"a\"}", false, ALL, WORD_DO, NULL,
			"twice"},
		{"not asked for", "{\"note\":\"x\"}", false, 1U << WORD_DO, WORD_DO, NULL,
			"unknown word 'note'; here go: do"},
		{"a form's token in JSON", "{\"token\":\"x\"}", false, ALL, WORD_DO, NULL,
			"unknown word 'token'"},
		{"a line end in a name", "{\"to\":\"a\\nb\"}", false, ALL, WORD_TO, NULL,
			"control"},
		{"an escape", "text=%1b[31m", true, ALL, WORD_TEXT, NULL, "control"},
		{"an escape of one byte", "text=%c2%9b", true, ALL, WORD_TEXT, NULL, "control"},
		{"not UTF-8", "text=%ff", true, ALL, WORD_TEXT, NULL, "UTF-8"},
		{"a byte of zero", "text=a%00b", true, ALL, WORD_TEXT, NULL, "control"},
		{"half a byte", "text=a%4", true, ALL, WORD_TEXT, NULL, "malformed"},
		{"no byte", "text=a%zz", true, ALL, WORD_TEXT, NULL, "malformed"},
		{"blank alone", "text=+%0D%0A+", true, ALL, WORD_TEXT, NULL, "empty"},
		{"none", "{\"text\":\"\"}", false, ALL, WORD_TEXT, NULL, "empty"},
		{"negative", "{\"days\":-1}", false, ALL, WORD_DAYS, NULL, "a number"},
		{"true", "{\"do\":true}", false, ALL, WORD_DO, NULL, "must be a string"},
		{"a list", "[\"do\"]", false, ALL, WORD_DO, NULL, ""},
		{"deep", "{\"do\":[[[]]]}", false, ALL, WORD_DO, NULL, ""},
		{"two values", "{} {}", false, ALL, WORD_DO, NULL, ""},
		{"too long", "to=" /* 201 below */, true, ALL, WORD_TO, NULL, "200"},
	};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 1UL << 20));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char body[512];
		struct gate_words w;
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		(void)snprintf(body, sizeof(body), "%s%0*d", rows[i].body,
			strcmp(rows[i].name, "too long") == 0 ? 201 : 1, 0);
		if (strcmp(rows[i].name, "too long") != 0)
			body[strlen(rows[i].body)] = '\0';
		bool ok = (rows[i].form ? gate_words_form : gate_words_json)(
			span_of(body), rows[i].allowed, &mem, &w, &e);
		assert_int_equal(ok, rows[i].value != NULL);
		if (ok)
			check_span(w.value[rows[i].word], rows[i].value);
		else if (e.code != ERR_SYNTAX || strstr(e.msg, rows[i].why) == NULL)
			fail_msg("%d %s", e.code, e.msg);
	}
}

/* No body is no word. */
static void
nothing(void **state)
{
	AUTO_ARENA mem = {0};
	struct gate_words w;

	(void)state;
	assert_true(arena_init(&mem, 1UL << 16));
	assert_true(gate_words_json(SPAN_NONE, ALL, &mem, &w, NULL) && w.days == 0);
	assert_true(gate_words_form(SPAN_NONE, ALL, &mem, &w, NULL) && w.value[WORD_DO].p == NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(words), cmocka_unit_test(nothing)};

	return cmocka_run_group_tests_name("gate_words", tests, NULL, NULL);
}
