/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/remote.h"
#include "tests/unit/check.h"

static const struct {
	const char *url, *want; /* NULL: refused */
} rows[] = {
	{"https://d.test/datasets/10.5072/abc", "https://d.test/datasets/10.5072/abc/events"},
	{"https://d.test/data/10.5072/abc/", "https://d.test/datasets/10.5072/abc/events"},
	{"https://D.test:443/data/a%20b", "https://d.test/datasets/a%20b/events"},
	{"http://127.0.0.1:8443/datasets/x", "http://127.0.0.1:8443/datasets/x/events"},
	{"http://d.test/datasets/x", NULL},
	{"https://u:p@d.test/datasets/x", NULL},
	{"https://d.test/datasets/", NULL},
	{"https://d.test/", NULL},
	{"https://d.test/datasets/x?y=z", NULL},
	{"https://d.test/datasets/x#y", NULL},
	{"10.5072/abc", NULL},
};

static void
addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF out = BUF_INIT(4096);
		struct err e = {0};
		CHECK_ROW(rows[i].url);
		assert_int_equal(
			remote_dataset(rows[i].url, "events", &out, &e), rows[i].want != NULL);
		if (rows[i].want != NULL)
			assert_string_equal(out.p, rows[i].want);
		else
			assert_true(e.msg[0] != '\0');
	}
}

/* What a server says is shown on a terminal. */
static void
details(void **state)
{
	const struct {
		const char *body, *want;
	} said[] = {
		{"{\"detail\":\"not for you\"}", "not for you"},
		{"{\"detail\":\"a\\u001b[31mb\"}", "a?[31mb"},
		{"<html>", "the server answers with status 418"},
		{"{\"detail\":5}", "the server answers with status 418"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		const struct fetch_answer a = {.status = 418, .body = span_of(said[i].body)};
		AUTO_BUF out = BUF_INIT(4096);
		CHECK_ROW(said[i].body);
		remote_detail(&a, &out);
		check_span(buf_span(&out), said[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(details),
	};
	return cmocka_run_group_tests_name("remote", tests, NULL, NULL);
}
