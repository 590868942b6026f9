/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/token_login.h"
#include "tests/unit/check.h"

#define TEXTS                                                                                      \
	"\"server\":\"https://d.test\",\"issuer\":\"https://i.test\",\"client_id\":\"cli\","       \
	"\"token_endpoint\":\"https://i.test/t\",\"revocation_endpoint\":null,"                    \
	"\"audience\":\"https://d.test/\",\"ask\":\"resource\",\"scope\":null,"
#define SECRETS "\"access_token\":\"a.b.c\",\"refresh_token\":\"r\","
#define TIMES   "\"expires\":1000,\"saved\":900}"

static const struct {
	const char *name, *text;
	bool good;
} rows_login[] = {
	{"as written", "{\"version\":1," TEXTS SECRETS TIMES, true},
	{"no refresh token",
		"{\"version\":1," TEXTS "\"access_token\":\"a\",\"refresh_token\":null," TIMES,
		true},
	{"another version", "{\"version\":2," TEXTS SECRETS TIMES, false},
	{"version as text", "{\"version\":\"1\"," TEXTS SECRETS TIMES, false},
	{"no version", "{" TEXTS SECRETS TIMES, false},
	{"a member more", "{\"version\":1,\"x\":1," TEXTS SECRETS TIMES, false},
	{"a member less", "{\"version\":1," TEXTS "\"access_token\":\"a\"," TIMES, false},
	{"access token null",
		"{\"version\":1," TEXTS "\"access_token\":null,\"refresh_token\":\"r\"," TIMES,
		false},
	{"access token with a line end",
		"{\"version\":1," TEXTS "\"access_token\":\"a\\nb\",\"refresh_token\":null," TIMES,
		false},
	{"empty refresh token",
		"{\"version\":1," TEXTS "\"access_token\":\"a\",\"refresh_token\":\"\"," TIMES,
		false},
	{"negative time", "{\"version\":1," TEXTS SECRETS "\"expires\":-1,\"saved\":900}", false},
	{"time as text", "{\"version\":1," TEXTS SECRETS "\"expires\":\"1\",\"saved\":900}", false},
	{"no object", "[1]", false},
	{"nothing", "", false},
	{"cut", "{\"version\":1," TEXTS, false},
};

/* What is taken is written as it was. */
static void
parsing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows_login) / sizeof(rows_login[0]); i++) {
		AUTO_LOGIN l = {.saved = 0};
		AUTO_BUF text = BUF_INIT(TOKEN_LOGIN_BYTES_MAX);
		struct err e = {0};
		CHECK_ROW(rows_login[i].name);
		bool ok = token_login_parse(span_of(rows_login[i].text), &l, &e);
		assert_int_equal(ok, rows_login[i].good);
		if (!ok)
			continue;
		assert_int_equal(l.expires, 1000);
		token_login_write(&l, &text);
		text.n--; /* the line end */
		check_span(buf_span(&text), rows_login[i].text);
	}
}

/* One member at a time with another value. */
static void
members(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{"\"https://d.test\",", "\"https://d.test/\","},
		{"\"https://d.test\",", "\"HTTPS://d.test\","},
		{"\"https://d.test\",", "\"http://d.test\","},
		{"\"https://i.test\",", "\"i.test\","},
		{"\"cli\"", "\"c i\""},
		{"\"cli\"", "null"},
		{"\"https://i.test/t\"", "\"http://i.test/t\""},
		{"\"revocation_endpoint\":null", "\"revocation_endpoint\":\"x\""},
		{"\"resource\"", "\"both\""},
		{"\"scope\":null", "\"scope\":\"a\\u001b\""},
		{"\"scope\":null", "\"scope\":[]"},
	};
	struct span whole = span_of(rows_login[0].text);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_LOGIN l = {.saved = 0};
		AUTO_BUF text = BUF_INIT(TOKEN_LOGIN_BYTES_MAX);
		CHECK_ROW(rows[i].to);
		const char *at = strstr(rows_login[0].text, rows[i].from);
		assert_non_null(at);
		size_t head = (size_t)(at - whole.p);
		buf_add(&text, span_first(whole, head));
		buf_adds(&text, rows[i].to);
		buf_add(&text, span_skip(whole, head + strlen(rows[i].from)));
		assert_false(token_login_parse(buf_span(&text), &l, NULL));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),
		cmocka_unit_test(members),
	};
	return cmocka_run_group_tests_name("token_login", tests, NULL, NULL);
}
