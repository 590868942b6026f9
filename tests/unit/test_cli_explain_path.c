/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_explain_path.h"
#include "agent/http/target.h"
#include "tests/unit/check.h"

static const struct {
	const char *name, *rest, *want; /* NULL: refused */
} rows_path[] = {
	{"plain", "/data/a/b", "/data/a/b"},
	{"none", "", "/"},
	{"query", "/data/a?x=/../", "/data/a"},
	{"query alone", "?x", "/"},
	{"slash at the end", "/data/a/", "/data/a/"},
	{"escape", "/data/a%20b/%c3%A9", "/data/a b/\xc3\xa9"},
	{"decoded once", "/data/a%2520", "/data/a%20"},
	{"dots in a name", "/data/..a/b..", "/data/..a/b.."},
	{"dot", "/data/./a", NULL},
	{"dot dot", "/data/../a", NULL},
	{"dot dot at the end", "/data/..", NULL},
	{"dot dot in escapes", "/data/%2e%2E/a", NULL},
	{"encoded slash", "/data/a%2fb", NULL},
	{"NUL", "/data/a%00", NULL},
	{"control character", "/data/a%1b", NULL},
	{"two slashes", "/data//a", NULL},
	{"half an escape", "/data/a%2", NULL},
	{"no escape", "/data/a%zz", NULL},
	{"not UTF-8", "/data/a%ff", NULL},
};

/* And the daemon's own parser says the same. */
static void
decoding(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 1U << 20));
	for (size_t i = 0; i < sizeof(rows_path) / sizeof(rows_path[0]); i++) {
		struct span got = SPAN_NONE;
		struct err e = {0};
		CHECK_ROW(rows_path[i].name);
		bool ok = cli_explain_path_decode(span_of(rows_path[i].rest), &mem, &got, &e);
		assert_int_equal(ok, rows_path[i].want != NULL);
		if (ok)
			check_span(got, rows_path[i].want);
		else
			assert_int_equal(e.code, ERR_SYNTAX);
		char out[256];
		struct target t;
		if (rows_path[i].rest[0] != '/')
			continue;
		bool same = target_parse(
			span_of(rows_path[i].rest), HTTP_GET, out, sizeof(out), &t, NULL);
		assert_int_equal(same, ok);
		if (same)
			check_span(t.path, rows_path[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding),
	};
	return cmocka_run_group_tests_name("cli_explain_path", tests, NULL, NULL);
}
