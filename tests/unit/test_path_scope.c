/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "auth/path_scope.h"
#include "tests/unit/check.h"

/* want: the paths with a | behind each; NULL: refused */
static const struct {
	const char *name, *scope, *word, *base, *want;
} rows_reading[] = {
	{"one", "storage.read:/data/foo", "storage.read", "", "/data/foo|"},
	{"among others", "openid storage.read:/a storage.modify:/b storage.read:/c", "storage.read",
		"", "/a|/c|"},
	{"root", "storage.read:/", "storage.read", "", "/|"},
	{"slash at the end", "storage.read:/a/", "storage.read", "", "/a/|"},
	{"SciTokens", "read:/a write:/b", "read", "", "/a|"},
	{"SciTokens, writing", "read:/a write:/b", "write", "", "/b|"},
	{"one of two words", "storage.create:/a storage.read:/b storage.modify:/c",
		"storage.create storage.modify", "", "/a|/c|"},
	{"both words at once are neither", "storage.create storage.modify:/c",
		"storage.create storage.modify", "", NULL},
	{"part of the list", "storage:/a create:/b storage.creat:/c",
		"storage.create storage.modify", "", ""},
	{"an empty word", ":/a", "storage.create storage.modify", "", ""},
	{"other word", "read:/a", "storage.read", "", ""},
	{"word that begins alike", "storage.readme:/a", "storage.read", "", ""},
	{"case", "Storage.Read:/a", "storage.read", "", ""},
	{"below a base", "storage.read:/a storage.read:/", "storage.read", "/data",
		"/data/a|/data/|"},
	{"escape", "storage.read:/a%20b/%C3%A9", "storage.read", "", "/a b/\xc3\xa9|"},
	{"decoded once", "storage.read:/a%2520b", "storage.read", "", "/a%20b|"},
	{"colon in the path", "storage.read:/a:b", "storage.read", "", "/a:b|"},
	{"several blanks", "  storage.read:/a  ", "storage.read", "", "/a|"},
	{"nothing", "", "storage.read", "", ""},
	{"dot", "storage.read:/a/./b", "storage.read", "", ""},
	{"dot dot", "storage.read:/data/bar/../foo", "storage.read", "", ""},
	{"dot dot in escapes", "storage.read:/data/%2e%2E/foo", "storage.read", "", ""},
	{"dot dot at the end", "storage.read:/a/..", "storage.read", "", ""},
	{"three dots are a name", "storage.read:/a/...", "storage.read", "", "/a/...|"},
	{"empty component", "storage.read:/a//b", "storage.read", "", ""},
	{"two slashes at the end", "storage.read:/a//", "storage.read", "", ""},
	{"slash in an escape", "storage.read:/a%2fb", "storage.read", "", ""},
	{"NUL in an escape", "storage.read:/a%00", "storage.read", "", ""},
	{"half an escape", "storage.read:/a%2", "storage.read", "", ""},
	{"no escape", "storage.read:/a%zz", "storage.read", "", ""},
	{"bad one beside a good one", "storage.read:/../a storage.read:/b", "storage.read", "",
		"/b|"},
	{"no path", "storage.read", "storage.read", "", NULL},
	{"no path beside a good one", "storage.read:/a storage.read", "storage.read", "", NULL},
	{"empty path", "storage.read:", "storage.read", "", NULL},
	{"relative path", "storage.read:a", "storage.read", "", NULL},
};

static void
reading(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t i = 0; i < sizeof(rows_reading) / sizeof(rows_reading[0]); i++) {
		struct path_scopes got = {NULL, 0};
		struct err e = {0};
		AUTO_BUF text = BUF_INIT(1024);
		CHECK_ROW(rows_reading[i].name);
		bool ok = path_scope_read(span_of(rows_reading[i].scope),
			span_of(rows_reading[i].word), span_of(rows_reading[i].base), &mem, &got,
			&e);
		assert_int_equal(ok, rows_reading[i].want != NULL);
		if (!ok) {
			assert_int_equal(e.code, ERR_UNAUTH);
			assert_string_equal(e.ref, "WLCG profile 1.3, 2.2.1");
			continue;
		}
		for (size_t k = 0; k < got.n; k++) {
			buf_add(&text, got.path[k]);
			buf_addc(&text, '|');
		}
		check_span(buf_span(&text), rows_reading[i].want);
	}
}

static void
covering(void **state)
{
	static const struct {
		const char *granted, *path;
		bool covered;
	} rows[] = {
		{"/data/foo", "/data/foo", true},
		{"/data/foo", "/data/foo/a.txt", true},
		{"/data/foo", "/data/foobar", false},
		{"/data/foo", "/data/fo", false},
		{"/data/foo", "/data/Foo", false},
		{"/data/foo/", "/data/foo/a.txt", true},
		{"/data/foo/", "/data/foo/", true},
		{"/data/foo/", "/data/foo", false},
		{"/data/foo/", "/data/foobar", false},
		{"/", "/", true},
		{"/", "/anything", true},
		{"", "/anything", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].path);
		assert_int_equal(path_scope_covers(span_of(rows[i].granted), span_of(rows[i].path)),
			rows[i].covered);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(covering),
	};
	return cmocka_run_group_tests_name("path_scope", tests, NULL, NULL);
}
