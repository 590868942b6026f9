/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_access.h"
#include "tests/unit/check.h"

/* The dataset of a URL that a person may have at hand. */
static void
datasets(void **state)
{
	static const struct {
		const char *rest, *pid; /* NULL: it is of no dataset */
	} rows[] = {
		{"/datasets/10.5072/abc", "10.5072/abc"},
		{"/datasets/10.5072/abc/", "10.5072/abc"},
		{"/data/10.5072/abc/", "10.5072/abc"},
		{"/data/10.5072/abc", "10.5072/abc"},
		{"/datasets/10.5072/abc/access-requests", "10.5072/abc"},
		{"/datasets/10.5072/abc/links", "10.5072/abc"},
		{"/datasets/", NULL},
		{"/data", NULL},
		{"", NULL},
		{"/me", NULL},
		{"/datasets/a?b=c", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span pid = SPAN_NONE;
		CHECK_ROW(rows[i].rest);
		assert_int_equal(
			cli_access_dataset(span_of(rows[i].rest), &pid), rows[i].pid != NULL);
		if (rows[i].pid != NULL)
			check_span(pid, rows[i].pid);
	}
}

static void
urls(void **state)
{
	(void)state;
	assert_true(cli_access_is_url("https://data.example/x"));
	assert_false(cli_access_is_url("10.5072/abc"));
	assert_false(cli_access_is_url(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(datasets), cmocka_unit_test(urls)};

	return cmocka_run_group_tests_name("cli_access", tests, NULL, NULL);
}
