/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/answer_challenge.h"
#include "auth/auth.h"
#include "tests/unit/check.h"

/* want: error|description|scope|acr|metadata; NULL: `code` */
static const struct {
	const char *name, *field, *want;
	enum err_code code;
} rows_challenge[] = {
	{"bare", "Bearer", "||||", ERR_NONE},
	{"realm", "Bearer realm=\"d\"", "||||", ERR_NONE},
	{"all",
		"Bearer realm=\"d\", resource_metadata=\"https://d.test/x\", "
		"error=\"invalid_token\","
		" error_description=\"exp: it has ended\", scope=\"a b\", acr_values=\"mfa\"",
		"invalid_token|exp: it has ended|a b|mfa|https://d.test/x", ERR_NONE},
	{"without quotes", "Bearer error=invalid_token", "invalid_token||||", ERR_NONE},
	{"case", "bEARER Error=\"x\"", "x||||", ERR_NONE},
	{"blanks around", " ,, Bearer  error = \"x\" ,\terror_description\t=\t\"y\" ,", "x|y|||",
		ERR_NONE},
	{"quoted signs", "Bearer error_description=\"a \\\"b\\\\ c, Basic\"",
		"|a \"b\\ c, Basic|||", ERR_NONE},
	{"behind another scheme", "DPoP algs=\"ES256\", Bearer error=\"x\"", "x||||", ERR_NONE},
	{"before another scheme", "Bearer error=\"x\", DPoP error=\"y\", error_description=\"z\"",
		"x||||", ERR_NONE},
	{"behind token68", "Negotiate abc/d==, Bearer error=\"x\"", "x||||", ERR_NONE},
	{"behind a bare scheme", "Negotiate, Bearer error=\"x\"", "x||||", ERR_NONE},
	{"the first of two", "Bearer error=\"x\", Bearer error=\"y\", scope=\"z\"", "x||||",
		ERR_NONE},
	{"the first value of two", "Bearer error=\"x\", error=\"y\"", "x||||", ERR_NONE},
	{"escape sequence", "Bearer error=\"x\", error_description=\"\033[2J\"", "x||||", ERR_NONE},
	{"not ASCII", "Bearer error=\"x\", error_description=\"\xc3\xa9\"", "x||||", ERR_NONE},
	{"empty value", "Bearer error=\"\", scope=\"a\"", "||a||", ERR_NONE},
	{"another scheme", "Basic realm=\"d\"", NULL, ERR_ABSENT},
	{"a scheme that begins alike", "Bearers error=\"x\"", NULL, ERR_ABSENT},
	{"nothing", "", NULL, ERR_ABSENT},
	{"quote that does not close", "Bearer error=\"x", NULL, ERR_SYNTAX},
	{"quote that ends with a backslash", "Bearer error=\"x\\", NULL, ERR_SYNTAX},
	{"no value", "Bearer realm=\"d\", error=, scope=\"x\"", NULL, ERR_SYNTAX},
	{"two words", "Bearer error=x y", NULL, ERR_SYNTAX},
	{"no scheme", "=x", NULL, ERR_SYNTAX},
	{"text behind a quote", "Bearer error=\"x\"y", NULL, ERR_SYNTAX},
};

static void
write(const struct answer_challenge *c, struct buf *out)
{
	buf_addf(out, "%.*s|%.*s|%.*s|%.*s|%.*s", SPAN_ARG(c->error), SPAN_ARG(c->description),
		SPAN_ARG(c->scope), SPAN_ARG(c->acr), SPAN_ARG(c->metadata));
}

static void
parsing(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t i = 0; i < sizeof(rows_challenge) / sizeof(rows_challenge[0]); i++) {
		struct answer_challenge c = {.error = SPAN_NONE};
		struct err e = {0};
		AUTO_BUF text = BUF_INIT(4096);
		CHECK_ROW(rows_challenge[i].name);
		bool ok = answer_challenge_parse(span_of(rows_challenge[i].field), &mem, &c, &e);
		assert_int_equal(e.code, rows_challenge[i].code);
		assert_int_equal(ok, rows_challenge[i].want != NULL);
		if (!ok)
			continue;
		write(&c, &text);
		check_span(buf_span(&text), rows_challenge[i].want);
	}
}

/* What our own agent writes is read back. */
static void
ours(void **state)
{
	struct auth_refusal r = {.status = 403,
		.error = "insufficient_scope",
		.description = "scope: storage.read:/data/x is needed (RFC 6750 3.1)",
		.scope = SPAN("storage.read:/data/x")};
	AUTO_ARENA mem = {0};
	AUTO_BUF field = BUF_INIT(4096);
	AUTO_BUF text = BUF_INIT(4096);
	struct answer_challenge c;

	(void)state;
	assert_true(arena_init(&mem, 65536));
	auth_write_challenge(&field, SPAN("d.test"), SPAN("https://d.test/m"), &r);
	assert_true(answer_challenge_parse(buf_span(&field), &mem, &c, NULL));
	write(&c, &text);
	check_span(buf_span(&text), "insufficient_scope|scope: storage.read:/data/x is needed (RFC "
				    "6750 3.1)|storage.read:/data/x||https://d.test/m");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),
		cmocka_unit_test(ours),
	};
	return cmocka_run_group_tests_name("answer_challenge", tests, NULL, NULL);
}
