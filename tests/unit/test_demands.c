/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/claims.h"
#include "auth/demands.h"
#include "tests/unit/check.h"

static struct issuer
of_profile(const char *name)
{
	return (struct issuer){.iss = SPAN("https://a.test"), .preset = profiles_find(name)};
}

/* What a row changes of a plain issuer. */
static void
apply(struct issuer *i, const char *claim, unsigned lifetime)
{
	i->required.n = claim != NULL;
	i->required.item[0] = span_of(claim);
	i->max_lifetime = lifetime;
}

static void
demands(void **state)
{
	static const char lived[] = "{\"iat\":1000,\"exp\":4600}";
	static const struct {
		const char *name, *profile, *claim;
		unsigned lifetime;
		const char *payload;
		const char *ref, *says; /* NULL: good */
	} rows[] = {
		{"nothing", "generic", NULL, 0, "{}", NULL, NULL},
		{"there", "generic", "jti", 0, "{\"jti\":\"x\"}", NULL, NULL},
		{"there, whatever it is", "generic", "jti", 0, "{\"jti\":0}", NULL, NULL},
		{"absent", "generic", "jti", 0, "{\"jit\":\"x\"}", "RFC 9068 4", "jti: absent"},
		{"null", "generic", "jti", 0, "{\"jti\":null}", "RFC 9068 4", "jti: is null"},
		{"deeper", "generic", "a/b", 0, "{\"a\":{\"b\":1}}", NULL, NULL},
		{"deeper, absent", "generic", "a/b", 0, "{\"a\":{}}", "RFC 9068 4", "a/b: absent"},
		{"just long enough", "generic", NULL, 3600, lived, NULL, NULL},
		{"a second too long", "generic", NULL, 3599, lived, "RFC 9068 4",
			"exp: 3600 s after iat; expected at most 3599"},
		{"a part of a second too long", "generic", NULL, 3600,
			"{\"iat\":1000,\"exp\":4600.5}", "RFC 9068 4", "exp: "},
		{"no iat", "generic", NULL, 3600, "{\"exp\":4600}", "RFC 9068 2.2", "iat: absent"},
		{"iat in a string", "generic", NULL, 3600, "{\"iat\":\"1\",\"exp\":4600}",
			"RFC 9068 2.2", "iat: "},
		{"no exp", "generic", NULL, 3600, "{\"iat\":1}", "RFC 9068 2.2", "exp: absent"},
		{"no limit", "generic", NULL, 0, "{\"exp\":4600}", NULL, NULL},
		{"WLCG 1.0", "wlcg", NULL, 0, "{\"wlcg.ver\":\"1.0\"}", NULL, NULL},
		{"WLCG 1.3", "wlcg", NULL, 0, "{\"wlcg.ver\":\"1.3\"}", NULL, NULL},
		{"WLCG 1", "wlcg", NULL, 0, "{\"wlcg.ver\":\"1\"}", NULL, NULL},
		{"WLCG without", "wlcg", NULL, 0, "{}", NULL, NULL},
		{"WLCG 2.0", "wlcg", NULL, 0, "{\"wlcg.ver\":\"2.0\"}", "WLCG profile 1.3, 2.1",
			"wlcg.ver: "},
		{"WLCG 10.0", "wlcg", NULL, 0, "{\"wlcg.ver\":\"10.0\"}", "WLCG profile 1.3, 2.1",
			"wlcg.ver: "},
		{"WLCG as a number", "wlcg", NULL, 0, "{\"wlcg.ver\":1.0}", "WLCG profile 1.3, 2.1",
			"expected 1.x"},
		{"SciTokens", "scitokens", NULL, 0, "{\"ver\":\"scitoken:2.0\"}", NULL, NULL},
		{"SciTokens with an s", "scitokens", NULL, 0, "{\"ver\":\"scitokens:2.0\"}", NULL,
			NULL},
		{"SciTokens without", "scitokens", NULL, 0, "{}", NULL, NULL},
		{"SciTokens of the future", "scitokens", NULL, 0, "{\"ver\":\"scitoken:2.1\"}",
			"SciTokens 2.0", "ver: "},
		{"ver of another profile is not looked at", "keycloak", NULL, 0, "{\"ver\":\"9\"}",
			NULL, NULL},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].payload), NULL, NULL);
		struct issuer i = of_profile(rows[k].profile);
		struct err e = {0};
		CHECK_ROW(rows[k].name);
		apply(&i, rows[k].claim, rows[k].lifetime);
		assert_non_null(j);
		assert_int_equal(demands_check(&i, j, &e), rows[k].ref == NULL);
		if (rows[k].ref == NULL)
			continue;
		assert_int_equal(e.code, ERR_UNAUTH);
		assert_string_equal(e.ref, rows[k].ref);
		if (strstr(e.msg, rows[k].says) == NULL)
			fail_msg("got \"%s\", want \"%s\"", e.msg, rows[k].says);
	}
}

/* The whole check asks for them. */
static void
together(void **state)
{
	AUTO_JSON j = json_parse(
		SPAN("{\"exp\":1000001,\"aud\":\"https://d.test\",\"sub\":\"s\"}"), NULL, NULL);
	struct issuer i = of_profile("generic");
	AUTO_ARENA mem = {0};
	struct claims c;
	struct err e = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	i.audience.item[i.audience.n++] = SPAN("https://d.test");
	i.user = SPAN("sub");
	assert_true(claims_check(&i, j, 1000000, &mem, &c, &e));
	apply(&i, "jti", 0);
	assert_false(claims_check(&i, j, 1000000, &mem, &c, &e));
	assert_non_null(strstr(e.msg, "jti: absent"));
}

/* Claims below others, and the words of the scope. */
static void
claim_paths(void **state)
{
	static const struct {
		const char *name, *path, *want;
	} rows[] = {
		{"a member", "a", "1"},
		{"below it", "b/c", "2"},
		{"a member that has the whole name", "d/e", "3"},
		{"the longest name wins", "f/g/h", "4"},
		{"a client that is a URL", "resource_access/https://d.test/x/roles", "5"},
		{"not there", "b/d", NULL},
		{"below a text", "a/c", NULL},
		{"an empty end", "b/", NULL},
		{"an empty path", "", NULL},
		{"no path", NULL, NULL},
	};
	AUTO_JSON j = json_parse(
		SPAN("{\"a\":\"1\",\"b\":{\"c\":\"2\"},\"d\":{\"e\":\"x\"},\"d/e\":\"3\","
		     "\"f\":{\"g\":{\"h\":\"x\"}},\"f/g\":{\"h\":\"4\"},"
		     "\"resource_access\":{\"https://d.test/x\":{\"roles\":\"5\"}}}"),
		NULL, NULL);

	(void)state;
	assert_non_null(j);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct span got = SPAN_NONE;
		CHECK_ROW(rows[k].name);
		(void)json_str(claims_at(j, span_of(rows[k].path)), &got);
		check_span(got, rows[k].want);
	}
	assert_null(claims_at(NULL, SPAN("a")));
}

static void
scope_words(void **state)
{
	AUTO_BUF text = BUF_INIT(4096);
	struct issuer i = {.iss = SPAN("https://a.test"), .user = SPAN("sub")};
	AUTO_ARENA mem = {0};
	struct subject s;

	(void)state;
	assert_true(arena_init(&mem, 65536));
	buf_adds(&text, "{\"sub\":\"s\",\"scope\":\" openid  storage.read:/a ");
	for (unsigned k = 0; k < 100; k++)
		buf_adds(&text, "x ");
	buf_adds(&text, "\"}");
	AUTO_JSON j = json_parse(buf_span(&text), NULL, NULL);
	assert_true(claims_subject(&i, j, &mem, &s, NULL));
	assert_int_equal(s.n_scopes, CLAIMS_SCOPES_MAX);
	check_span(s.scopes[0], "openid");
	check_span(s.scopes[1], "storage.read:/a");
	assert_int_equal(s.n_read_paths, 0); /* not demanded: not looked at */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(demands),
		cmocka_unit_test(together),
		cmocka_unit_test(claim_paths),
		cmocka_unit_test(scope_words),
	};
	return cmocka_run_group_tests_name("demands", tests, NULL, NULL);
}
