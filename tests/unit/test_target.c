/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/target.h"
#include "tests/unit/check.h"

static const struct {
	const char *name;
	struct span in;
	const char *path, *query; /* path NULL: 400 */
	const char *ref;
} rows_paths[] = {
	{"root", SPAN_INIT("/"), "/", NULL, NULL},
	{"file", SPAN_INIT("/data/10.5072/a/b.h5"), "/data/10.5072/a/b.h5", NULL, NULL},
	{"final slash", SPAN_INIT("/data/a/"), "/data/a/", NULL, NULL},
	{"query", SPAN_INIT("/a?b=c?d"), "/a", "b=c?d", NULL},
	{"empty query", SPAN_INIT("/a?"), "/a", "", NULL},
	{"JSON in the query", SPAN_INIT("/a?f={\"x\":[1|2]}"), "/a", "f={\"x\":[1|2]}", NULL},
	{"query stays encoded", SPAN_INIT("/a?%2e%00%zz"), "/a", "%2e%00%zz", NULL},
	{"escape", SPAN_INIT("/a%20b%c2%B5"), "/a b\xc2\xb5", NULL, NULL},
	{"decoded once", SPAN_INIT("/a%252e%252e/b"), "/a%2e%2e/b", NULL, NULL},
	{"backslash", SPAN_INIT("/a\\..\\b"), "/a\\..\\b", NULL, NULL},
	{"semicolon", SPAN_INIT("/a;v=1"), "/a;v=1", NULL, NULL},
	{"four dots", SPAN_INIT("/..../a"), "/..../a", NULL, NULL},
	{"trailing space", SPAN_INIT("/a%20"), "/a ", NULL, NULL},
	{"slash escaped elsewhere", SPAN_INIT("/api/Datasets/10.5072%2Fabc"),
		"/api/Datasets/10.5072/abc", NULL, NULL},
	{"slash escaped in a tree's neighbour", SPAN_INIT("/database/a%2Fb"), "/database/a/b", NULL,
		NULL},
	{"slash escaped under data", SPAN_INIT("/data/10.5072%2fabc"), NULL, NULL, "RFC 3986 2.2"},
	{"slash escaped after data", SPAN_INIT("/data%2Fabc"), NULL, NULL, "RFC 3986 2.2"},
	{"slash escaped under escaped data", SPAN_INIT("/d%61ta/a%2Fb"), NULL, NULL,
		"RFC 3986 2.2"},
	{"slash escaped under archive", SPAN_INIT("/archive/a%2Fb.zip"), NULL, NULL,
		"RFC 3986 2.2"},
	{"dots", SPAN_INIT("/../etc/passwd"), NULL, NULL, "RFC 3986 5.2.4"},
	{"dots at the end", SPAN_INIT("/a/.."), NULL, NULL, "RFC 3986 5.2.4"},
	{"dot at the end", SPAN_INIT("/a/."), NULL, NULL, "RFC 3986 5.2.4"},
	{"escaped dots", SPAN_INIT("/a/%2e%2E/b"), NULL, NULL, "RFC 3986 5.2.4"},
	{"dots by an escaped slash", SPAN_INIT("/api/..%2fb"), NULL, NULL, "RFC 3986 5.2.4"},
	{"double slash first", SPAN_INIT("//a"), NULL, NULL, "RFC 3986 5.2.4"},
	{"double slash inside", SPAN_INIT("/a//b"), NULL, NULL, "RFC 3986 5.2.4"},
	{"double slash last", SPAN_INIT("/a//"), NULL, NULL, "RFC 3986 5.2.4"},
	{"NUL", SPAN_INIT("/a%00.h5"), NULL, NULL, "RFC 3986 2.2"},
	{"control", SPAN_INIT("/a%1f"), NULL, NULL, "RFC 3986 2.2"},
	{"DEL", SPAN_INIT("/a%7f"), NULL, NULL, "RFC 3986 2.2"},
	{"no-break space", SPAN_INIT("/a%c2%a0"), "/a\xc2\xa0", NULL, NULL},
	{"last of C1", SPAN_INIT("/a%c2%9f"), NULL, NULL, "RFC 3986 2.2"},
	{"C1", SPAN_INIT("/a%c2%85"), NULL, NULL, "RFC 3986 2.2"},
	{"overlong dots", SPAN_INIT("/%c0%ae%c0%ae/"), NULL, NULL, "RFC 3629 3"},
	{"invalid UTF-8", SPAN_INIT("/a%ff"), NULL, NULL, "RFC 3629 3"},
	{"bad escape", SPAN_INIT("/a%zz"), NULL, NULL, "RFC 3986 2.1"},
	{"escape cut after a digit", SPAN_INIT("/a%4"), NULL, NULL, "RFC 3986 2.1"},
	{"escape at the end", SPAN_INIT("/a%"), NULL, NULL, "RFC 3986 2.1"},
	{"fragment", SPAN_INIT("/a#b"), NULL, NULL, "RFC 9112 3.2"},
	{"raw byte 0xE9", SPAN_INIT("/caf\xe9"), NULL, NULL, "RFC 9112 3.2"},
	{"no slash", SPAN_INIT("a"), NULL, NULL, "RFC 9112 3.2"},
	{"query only", SPAN_INIT("?a"), NULL, NULL, "RFC 9112 3.2"},
	{"empty", SPAN_INIT(""), NULL, NULL, "RFC 9112 3.2"},
	{"authority form", SPAN_INIT("a.example:443"), NULL, NULL, "RFC 9112 3.2"},
	{"another scheme", SPAN_INIT("ftp://a.example/"), NULL, NULL, "RFC 9112 3.2"},
	{"asterisk with GET", SPAN_INIT("*"), NULL, NULL, "RFC 9112 3.2.4"},
	{"absolute with userinfo", SPAN_INIT("https://u@a.example/"), NULL, NULL, "RFC 9110 7.2"},
	{"absolute without host", SPAN_INIT("https:///a"), NULL, NULL, "RFC 9110 7.2"},
};

static void
paths(void **state)
{
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows_paths) / sizeof(rows_paths[0]); i++) {
		struct target t = {0};
		struct err e = {0};
		CHECK_ROW(rows_paths[i].name);
		bool ok = target_parse(rows_paths[i].in, HTTP_GET, out, sizeof(out), &t, &e);
		assert_int_equal(ok, rows_paths[i].path != NULL);
		if (!ok) {
			assert_int_equal(e.code, ERR_SYNTAX);
			assert_string_equal(e.ref, rows_paths[i].ref);
			continue;
		}
		check_span(t.path, rows_paths[i].path);
		check_span(t.query, rows_paths[i].query);
		assert_int_equal(t.query.p != NULL, rows_paths[i].query != NULL);
		assert_int_equal(t.form, TARGET_ORIGIN);
	}
}

static void
forms(void **state)
{
	struct target t;
	char out[64];

	(void)state;
	assert_true(target_parse(
		SPAN("HTTPS://a.example:8443/x%20y?z"), HTTP_GET, out, sizeof(out), &t, NULL));
	assert_int_equal(t.form, TARGET_ABSOLUTE);
	check_span(t.authority, "a.example:8443");
	check_span(t.raw, "/x%20y");
	check_span(t.path, "/x y");
	check_span(t.query, "z");
	assert_true(target_parse(SPAN("http://a"), HTTP_GET, out, sizeof(out), &t, NULL));
	check_span(t.path, "/");
	assert_true(target_parse(SPAN("http://a?q"), HTTP_GET, out, sizeof(out), &t, NULL));
	check_span(t.path, "/");
	check_span(t.query, "q");
	assert_true(target_parse(SPAN("*"), HTTP_OPTIONS, out, sizeof(out), &t, NULL));
	assert_int_equal(t.form, TARGET_ASTERISK);
	assert_false(target_parse(SPAN("/abc"), HTTP_GET, out, 3, &t, NULL));
	assert_true(target_parse(SPAN("/abc"), HTTP_GET, out, 4, &t, NULL));
}

static void
hosts(void **state)
{
	static const struct {
		const char *name, *in, *host; /* host NULL: refused */
		unsigned port;
	} rows[] = {
		{"name", "a.example", "a.example", 0},
		{"all letters", "azAZ09.example", "azAZ09.example", 0},
		{"port", "a.example:8443", "a.example", 8443},
		{"largest port", "a:65535", "a", 65535},
		{"port too large", "a:65536", NULL, 0},
		{"port of six digits", "a:000443", NULL, 0},
		{"port zero", "a:0", NULL, 0},
		{"port with a sign", "a:+1", NULL, 0},
		{"no digits", "a:", "a", 0},
		{"two colons", "a:1:2", NULL, 0},
		{"IPv4", "127.0.0.1:80", "127.0.0.1", 80},
		{"IPv6", "[::1]:80", "[::1]", 80},
		{"IPv6 without brackets", "::1", NULL, 0},
		{"IPv6 without an end", "[::1", NULL, 0},
		{"IPv6 with a zone", "[fe80::1%25eth0]", NULL, 0},
		{"IPv6 and text", "[::1]a", NULL, 0},
		{"empty", "", NULL, 0},
		{"port only", ":80", NULL, 0},
		{"userinfo", "u@a", NULL, 0},
		{"path", "a/b", NULL, 0},
		{"space", "a b", NULL, 0},
		{"two", "a,b", NULL, 0},
		{"escape", "a%2e", NULL, 0},
		{"dot first", ".a", NULL, 0},
		{"empty label", "a..b", NULL, 0},
		{"dot last", "a.example.", "a.example.", 0},
		{"underscore", "_a-b.c", "_a-b.c", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span name = SPAN_NONE;
		unsigned port = 77;
		CHECK_ROW(rows[i].name);
		bool ok = target_host(span_of(rows[i].in), &name, &port, NULL);
		assert_int_equal(ok, rows[i].host != NULL);
		check_span(name, rows[i].host);
		assert_int_equal(port, ok ? rows[i].port : 77);
	}
}

static void
ours(void **state)
{
	static const struct span own[] = {SPAN_INIT("a.example"), SPAN_INIT("b.example:8443"),
		SPAN_INIT("c.example:443"), SPAN_INIT("[::1]")};
	static const struct {
		const char *name, *in;
		bool want;
	} rows[] = {
		{"HTTP/1.0", NULL, true},
		{"name", "A.Example", true},
		{"any port", "a.example:1", true},
		{"its port", "b.example:8443", true},
		{"another port", "b.example:8444", false},
		{"no port", "b.example", true},
		{"default port", "c.example", true},
		{"default port given", "c.example:443", true},
		{"address", "[::1]:9", true},
		{"stranger", "d.example", false},
		{"prefix", "a.example.evil", false},
		{"malformed", "a.example/", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(target_ours(span_of(rows[i].in), own, 4), rows[i].want);
		assert_true(target_ours(span_of(rows[i].in), NULL, 0));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(forms),
		cmocka_unit_test(hosts),
		cmocka_unit_test(ours),
	};
	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
