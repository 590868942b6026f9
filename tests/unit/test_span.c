/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/span.h"
#include "tests/unit/check.h"

static void
numbers(void **state)
{
	static const struct {
		const char *name, *in;
		uint64_t max;
		bool ok;
		uint64_t want;
	} rows[] = {
		{"zero", "0", 10, true, 0},
		{"at the maximum", "10", 10, true, 10},
		{"above the maximum", "11", 10, false, 0},
		{"largest", "18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"overflow", "18446744073709551616", UINT64_MAX, false, 0},
		{"empty", "", 10, false, 0},
		{"sign", "+1", 10, false, 0},
		{"blank", " 1", 10, false, 0},
		{"21 digits", "000000000000000000001", 10, false, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t v = 77;
		CHECK_ROW(rows[i].name);
		assert_int_equal(span_u64(span_of(rows[i].in), rows[i].max, &v), rows[i].ok);
		assert_int_equal(v, rows[i].ok ? rows[i].want : 77);
	}
}

static void
utf8(void **state)
{
	static const struct {
		const char *name, *in;
		bool ok;
	} rows[] = {
		{"ascii", "abc", true},
		{"two bytes", "\xc2\xb5", true},
		{"overlong dot", "\xc0\xae", false},
		{"surrogate", "\xed\xa0\x80", false},
		{"last code point", "\xf4\x8f\xbf\xbf", true},
		{"past the last", "\xf4\x90\x80\x80", false},
		{"cut", "\xe2\x82", false},
		{"latin-1", "\xe9", false},
		{"overlong three", "\xe0\x9f\xbf", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(span_utf8(span_of(rows[i].in)), rows[i].ok);
	}
}

static void
cutting(void **state)
{
	struct span rest = SPAN("a,b,,c");

	(void)state;
	check_span(span_cut(&rest, ','), "a");
	check_span(span_cut(&rest, ','), "b");
	check_span(span_cut(&rest, ','), "");
	assert_non_null(rest.p);
	check_span(span_cut(&rest, ','), "c");
	assert_null(rest.p);
	check_span(span_trim(SPAN(" \tx y\t")), "x y");
	assert_true(span_cmp(SPAN("a"), SPAN("ab")) < 0);
	assert_true(span_eq_nocase(SPAN("BeArEr"), SPAN("bearer")));
	assert_false(span_eq_nocase(SPAN("a"), SPAN("A\0")));
}

static void
control(void **state)
{
	static const struct {
		const char *name, *in;
		bool yes;
	} rows[] = {
		{"empty", "", false},
		{"blank and umlaut", "a \xc3\xbc.h5", false},
		{"tab", "a\tb", true},
		{"line break last", "a\n", true},
		{"DEL", "\x7f", true},
		{"C1", "a\xc2\x85", true},
		{"no-break space is none", "a\xc2\xa0", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(span_control(span_of(rows[i].in)), rows[i].yes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control),
		cmocka_unit_test(numbers),
		cmocka_unit_test(utf8),
		cmocka_unit_test(cutting),
	};
	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
