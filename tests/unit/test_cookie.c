/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/cookie.h"

#include "tests/unit/check.h"

static void
values(void **state)
{
	static const struct {
		const char *name, *field, *want; /* NULL: none */
	} rows[] = {
		{"alone", "a=1", "1"},
		{"first", "a=1; b=2", "1"},
		{"last", "b=2; a=1", "1"},
		{"between", "b=2; a=x-._~!#$%&'()*+/:<=>?@[]^`{|}9; c=3",
			"x-._~!#$%&'()*+/:<=>?@[]^`{|}9"},
		{"no blank after the semicolon", "b=2;a=1;c", "1"},
		{"more blanks", "b=2; \t a=1 ; c=3", "1"},
		{"beside a cookie of another's taste", "b=\"x, y\" z\\; c; =; ;; a=1; d=\xc3\xa9",
			"1"},
		{"no field", NULL, NULL},
		{"empty field", "", NULL},
		{"another name", "b=1", NULL},
		{"a longer name", "aa=1", NULL},
		{"a longer name before it", "xa=1", NULL},
		{"capitals", "A=1", NULL},
		{"in another's value", "b=a=1", NULL},
		{"in another's quotes is not in quotes", "b=\"; a=1; c=\"", "1"},
		{"twice", "a=1; a=2", NULL},
		{"twice the same", "a=1; b=2; a=1", NULL},
		{"twice, once without a value", "a=1; a", NULL},
		{"no value", "a=", NULL},
		{"no equals", "a", NULL},
		{"quoted", "a=\"1\"", NULL},
		{"comma", "a=1,2", NULL},
		{"blank", "a=1 2", NULL},
		{"blank before the value", "a= 1", NULL},
		{"blank before the equals", "a =1", NULL},
		{"backslash", "a=1\\2", NULL},
		{"control", "a=1\x01", NULL},
		{"delete", "a=1\x7f", NULL},
		{"high byte", "a=\xc3\xa9", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span got = SPAN_NONE;
		CHECK_ROW(rows[i].name);
		assert_int_equal(
			cookie_get(span_of(rows[i].field), SPAN("a"), &got), rows[i].want != NULL);
		check_span(got, rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(values)};

	return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
