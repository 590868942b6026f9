/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/origin.h"
#include "tests/unit/check.h"

/* want: NULL: refused */
static const struct {
	const char *name, *url, *want, *rest;
	bool loopback;
} rows_origin[] = {
	{"plain", "https://data.test", "https://data.test", "", false},
	{"with a path", "https://data.test/data/a?x=1", "https://data.test", "/data/a?x=1", false},
	{"query alone", "https://data.test?x", "https://data.test", "?x", false},
	{"case", "HTTPS://Data.Test/A", "https://data.test", "/A", false},
	{"default port", "https://data.test:443/", "https://data.test", "/", false},
	{"other port", "https://data.test:8443/", "https://data.test:8443", "/", false},
	{"port of the other scheme", "https://data.test:80", "https://data.test:80", "", false},
	{"empty port", "https://data.test:/", NULL, NULL, false},
	{"port 0", "https://data.test:0/", NULL, NULL, false},
	{"port 65535", "https://data.test:65535/", "https://data.test:65535", "/", false},
	{"port 65536", "https://data.test:65536/", NULL, NULL, false},
	{"port of letters", "https://data.test:8a/", NULL, NULL, false},
	{"loopback", "http://127.0.0.1:9400/x", "http://127.0.0.1:9400", "/x", true},
	{"loopback, port 80", "http://localhost:80", "http://localhost", "", true},
	{"loopback by IPv6", "http://[::1]:9400/", "http://[::1]:9400", "/", true},
	{"https to loopback", "https://localhost:8443/", "https://localhost:8443", "/", true},
	{"IPv6", "https://[2001:DB8::1]/", "https://[2001:db8::1]", "/", false},
	{"IPv6 without brackets", "https://2001:db8::1/", NULL, NULL, false},
	{"bracket that does not close", "https://[::1/", NULL, NULL, false},
	{"text behind the bracket", "https://[::1]x/", NULL, NULL, false},
	{"http elsewhere", "http://data.test/", NULL, NULL, false},
	{"http to a name that begins alike", "http://localhost.evil.test/", NULL, NULL, false},
	{"http to an address that begins alike", "http://127.0.0.1.evil.test/", NULL, NULL, false},
	{"user name", "https://data.test@evil.test/", NULL, NULL, false},
	{"@ in the path", "https://data.test/a@b", "https://data.test", "/a@b", false},
	{"fragment", "https://data.test/#a", NULL, NULL, false},
	{"no host", "https:///x", NULL, NULL, false},
	{"no scheme", "data.test/x", NULL, NULL, false},
	{"other scheme", "ftp://data.test/x", NULL, NULL, false},
	{"blank", "https://data.test/a b", NULL, NULL, false},
	{"line end", "https://data.test/\n", NULL, NULL, false},
	{"escape sequence", "https://data.test/\033[2J", NULL, NULL, false},
	{"letter that is not ASCII", "https://d\xc3\xa4ta.test/", NULL, NULL, false},
	{"backslash", "https://data.test\\@evil.test/", NULL, NULL, false},
	{"quote", "https://data.test/\"", NULL, NULL, false},
	{"escape in the host", "https://data%2etest/", NULL, NULL, false},
};

static void
parsing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows_origin) / sizeof(rows_origin[0]); i++) {
		struct origin got = {.text = ""};
		struct err e = {0};
		CHECK_ROW(rows_origin[i].name);
		bool ok = origin_parse(span_of(rows_origin[i].url), &got, &e);
		assert_int_equal(ok, rows_origin[i].want != NULL);
		if (!ok) {
			assert_int_equal(e.code, ERR_SYNTAX);
			assert_string_equal(got.text, "");
			continue;
		}
		assert_string_equal(got.text, rows_origin[i].want);
		check_span(got.rest, rows_origin[i].rest);
		assert_int_equal(got.loopback, rows_origin[i].loopback);
	}
}

static void
limits(void **state)
{
	char url[ORIGIN_URL_MAX + 2];
	struct origin o;

	(void)state;
	memset(url, 'a', sizeof(url));
	memcpy(url, "https://x/", 10);
	assert_true(origin_parse((struct span){url, ORIGIN_URL_MAX}, &o, NULL));
	assert_false(origin_parse((struct span){url, ORIGIN_URL_MAX + 1}, &o, NULL));
	url[9] = 'a'; /* now all of it is the host */
	assert_true(origin_parse((struct span){url, 8 + 253}, &o, NULL));
	assert_int_equal(strlen(o.text), 8 + 253);
	assert_false(origin_parse((struct span){url, 8 + 254}, &o, NULL));
}

static void
same(void **state)
{
	struct origin o;

	(void)state;
	assert_true(origin_parse(SPAN("https://data.test:8443/data/x"), &o, NULL));
	assert_true(origin_same(&o, SPAN("https://DATA.test:8443")));
	assert_true(origin_same(&o, SPAN("https://data.test:8443/other")));
	assert_false(origin_same(&o, SPAN("https://data.test")));
	assert_false(origin_same(&o, SPAN("https://data.test.evil.test:8443")));
	assert_false(origin_same(&o, SPAN("data.test:8443")));
	assert_false(origin_same(&o, SPAN_NONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),
		cmocka_unit_test(limits),
		cmocka_unit_test(same),
	};
	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
