/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/arena.h"
#include "tests/unit/check.h"
#include "transfer/text.h"

static void
shown(void **state)
{
	static const struct {
		const char *name, *in, *want; /* NULL: not shown */
	} rows[] = {
		{"plain", "NeXus NXsas example", "NeXus NXsas example"},
		{"blanks at the ends", "  a b\t", "a b"},
		{"runs of white space", "a \t\r\n b", "a b"},
		{"line breaks", "line\nnext", "line next"},
		{"empty", "", NULL},
		{"blanks only", " \t\n", NULL},
		{"dummy of generated files", "SAMPLE-CHAR-DATA", NULL},
		{"dummy, another case", "sample-char-data", NULL},
		{"dummy inside a text", "SAMPLE-CHAR-DATA 2", "SAMPLE-CHAR-DATA 2"},
		{"template", "{experiment-type} ", NULL},
		{"template with a question mark", "{facility or program}?", NULL},
		{"template with a dollar", "${title}", NULL},
		{"template in angles", "<title>", NULL},
		{"empty braces", "{}", "{}"},
		{"planes of a crystal", "{111} texture", "{111} texture"},
		{"two groups", "{a}{b}", "{a}{b}"},
		{"set of elements", "{Fe,Co}", "{Fe,Co}"},
		{"less than", "<10 nm particles", "<10 nm particles"},
		{"unnamed", "Unnamed Sample", NULL},
		{"unknown", "UNKNOWN", NULL},
		{"unknown phase", "unknown phase", "unknown phase"},
		{"dash", "-", NULL},
		{"escape", "a\x1b[31mb", NULL},
		{"delete", "a\x7f", NULL},
		{"C1 control",
			"a\xc2\x85"
			"b",
			NULL},
		{"first after C1", "a\xc2\xa0", "a\xc2\xa0"},
		{"last of C1", "a\xc2\x9f", NULL},
		{"micro sign", "5 \xc2\xb5m", "5 \xc2\xb5m"},
		{"HTML is text", "<b>x</b> y", "<b>x</b> y"},
	};
	AUTO_ARENA a = {0};
	(void)state;
	assert_true(arena_init(&a, 1U << 20));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span got = SPAN_NONE;
		CHECK_ROW(rows[i].name);
		assert_int_equal(text_shown(span_of(rows[i].in), &a, &got), rows[i].want != NULL);
		check_span(got, rows[i].want);
	}
}

static void
cut_between_characters(void **state)
{
	char in[TEXT_SHOWN + 2];
	struct span got;
	AUTO_ARENA a = {0};
	(void)state;
	assert_true(arena_init(&a, 1U << 20));
	memset(in, 'a', sizeof(in));
	assert_true(text_shown((struct span){in, TEXT_SHOWN}, &a, &got));
	assert_int_equal(got.n, TEXT_SHOWN);
	assert_true(text_shown((struct span){in, TEXT_SHOWN + 1}, &a, &got));
	assert_int_equal(got.n, TEXT_SHOWN);
	in[TEXT_SHOWN - 1] = (char)0xc2; /* a character across the limit */
	in[TEXT_SHOWN] = (char)0xb5;
	assert_true(text_shown((struct span){in, TEXT_SHOWN + 1}, &a, &got));
	assert_int_equal(got.n, TEXT_SHOWN - 1);
	assert_true(span_utf8(got));
}

static void
to_utf8(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} rows[] = {
		{"ASCII", "mA", "mA"},
		{"UTF-8 stays", "\xc2\xb5m", "\xc2\xb5m"},
		{"ISO-8859-1 micro", "\xb5m", "\xc2\xb5m"},
		{"ISO-8859-1 degree",
			"25 \xb0"
			"C",
			"25 \xc2\xb0"
			"C"},
		{"largest byte", "\xff", "\xc3\xbf"},
		{"mixed: each byte one character", "\xc2\xb5\xb5", "\xc3\x82\xc2\xb5\xc2\xb5"},
		{"empty", "", ""},
	};
	AUTO_ARENA a = {0};
	(void)state;
	assert_true(arena_init(&a, 1U << 16));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		check_span(text_utf8(span_of(rows[i].in), &a), rows[i].want);
	}
}

static void
full_arena(void **state)
{
	AUTO_ARENA a = {0};
	struct span got = SPAN("kept");
	(void)state;
	assert_true(arena_init(&a, 16));
	assert_false(text_shown(SPAN("a text of more than sixteen bytes"), &a, &got));
	check_span(got, "kept");
	assert_null(text_utf8(SPAN("\xb5 text of more than sixteen bytes"), &a).p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shown),
		cmocka_unit_test(cut_between_characters),
		cmocka_unit_test(to_utf8),
		cmocka_unit_test(full_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
