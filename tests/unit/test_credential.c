/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/credential.h"
#include "tests/unit/check.h"

static void
fields(void **state)
{
	static const struct {
		const char *name, *in;
		enum err_code code;
		enum credential_kind kind;
		const char *token;
	} rows[] = {
		{"absent", NULL, ERR_NONE, CREDENTIAL_NONE, NULL},
		{"empty", "", ERR_NONE, CREDENTIAL_NONE, NULL},
		{"other scheme", "Basic YTpi", ERR_NONE, CREDENTIAL_NONE, NULL},
		{"scheme that begins alike", "Bearerx a.b.c", ERR_NONE, CREDENTIAL_NONE, NULL},
		{"scheme alone, shorter", "Bear", ERR_NONE, CREDENTIAL_NONE, NULL},
		{"JWT", "Bearer a.b.c", ERR_NONE, CREDENTIAL_JWT, "a.b.c"},
		{"lower case", "bearer a.b.c", ERR_NONE, CREDENTIAL_JWT, "a.b.c"},
		{"blanks around", "Bearer   a.b.c  ", ERR_NONE, CREDENTIAL_JWT, "a.b.c"},
		{"JWE", "Bearer a.b.c.d.e", ERR_NONE, CREDENTIAL_JWT, "a.b.c.d.e"},
		{"empty parts", "Bearer ..", ERR_NONE, CREDENTIAL_JWT, ".."},
		{"two dots", "Bearer mF_9.B5f-4.1JqM", ERR_NONE, CREDENTIAL_JWT, "mF_9.B5f-4.1JqM"},
		{"one dot", "Bearer a.b", ERR_NONE, CREDENTIAL_OPAQUE, "a.b"},
		{"all characters", "Bearer aZ09-._~+/==", ERR_NONE, CREDENTIAL_OPAQUE,
			"aZ09-._~+/=="},
		{"no token", "Bearer", ERR_SYNTAX, CREDENTIAL_NONE, NULL},
		{"blank token", "Bearer  ", ERR_SYNTAX, CREDENTIAL_NONE, NULL},
		{"tab for the blank", "Bearer\ta.b.c", ERR_SYNTAX, CREDENTIAL_NONE, NULL},
		{"two words", "Bearer a b", ERR_SYNTAX, CREDENTIAL_NONE, NULL},
		{"control byte", "Bearer a\x01", ERR_SYNTAX, CREDENTIAL_NONE, NULL},
		{"delete", "Bearer a\x7f", ERR_SYNTAX, CREDENTIAL_NONE, NULL},
		{"equals inside", "Bearer a=b", ERR_UNAUTH, CREDENTIAL_NONE, NULL},
		{"equals alone", "Bearer ==", ERR_UNAUTH, CREDENTIAL_NONE, NULL},
		{"star", "Bearer a*b", ERR_UNAUTH, CREDENTIAL_NONE, NULL},
		{"comma", "Bearer a,b", ERR_UNAUTH, CREDENTIAL_NONE, NULL},
		{"DPoP", "DPoP a.b.c", ERR_NONE, CREDENTIAL_JWT, "a.b.c"},
		{"DPoP in small letters", "dpop a", ERR_NONE, CREDENTIAL_OPAQUE, "a"},
		{"scheme that begins like DPoP", "DPoPx a", ERR_NONE, CREDENTIAL_NONE, NULL},
		{"DPoP without a token", "DPoP ", ERR_SYNTAX, CREDENTIAL_NONE, NULL},
		{"DPoP and two words", "DPoP a b", ERR_SYNTAX, CREDENTIAL_NONE, NULL},
		{"DPoP with a star", "DPoP a*b", ERR_UNAUTH, CREDENTIAL_NONE, NULL},
		{"high byte", "Bearer a\xc3\xa9", ERR_UNAUTH, CREDENTIAL_NONE, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct credential c = {.kind = CREDENTIAL_NONE};
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		assert_int_equal(
			credential_parse(span_of(rows[i].in), &c, &e), rows[i].code == ERR_NONE);
		assert_int_equal(e.code, rows[i].code);
		bool dpop = span_eq_nocase(span_first(span_of(rows[i].in), 5), SPAN("DPoP "));
		if (rows[i].code != ERR_NONE) {
			assert_string_equal(e.ref, dpop ? "RFC 9449 7.1" : "RFC 6750 2.1");
			continue;
		}
		assert_int_equal(c.kind, rows[i].kind);
		assert_int_equal(c.dpop, dpop);
		check_span(c.token, rows[i].token);
	}
}

static void
size(void **state)
{
	static char text[7 + CREDENTIAL_TOKEN_MAX + 1];
	struct credential c;
	struct err e = {0};

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "Bearer ", 7);
	assert_true(credential_parse((struct span){text, sizeof(text) - 1}, &c, &e));
	assert_false(credential_parse((struct span){text, sizeof(text)}, &c, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_false(credential_parse(((struct span){"Bearer a\0b", 10}), &c, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(size),
	};
	return cmocka_run_group_tests_name("credential", tests, NULL, NULL);
}
