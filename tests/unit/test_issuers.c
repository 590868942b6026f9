/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/issuers.h"
#include "tests/unit/check.h"

static struct settings_issuer
unset(const char *issuer, const char *profile)
{
	return (struct settings_issuer){.issuer = issuer,
		.name = issuer,
		.profile = profile,
		.require_kid = -1,
		.path_scopes = -1,
		.allow_any_audience = -1,
		.require_iat = -1,
		.line = 7};
}

/* Every preset of the table in section 2, as `pan-agent check` prints it. */
static void
profiles(void **state)
{
	static const struct {
		const char *profile, *has[6];
	} rows[] = {
		{NULL, {"profile: generic\n", "typ: at+jwt\n", "typ absent: no", "require_kid: no",
			       "path_scopes: no",
			       "entitlement_claim: groups, entitlements, roles"}},
		{"wlcg", {"typ: at+jwt, JWT\n", "typ absent: yes", "require_kid: yes",
				 "path_scopes: yes", "entitlement_claim: wlcg.groups\n",
				 "user_claim: sub\n"}},
		{"scitokens", {"typ absent: yes", "require_kid: yes", "path_scopes: yes",
				      "entitlement_claim:\n", "algorithms: RS256 ES256\n",
				      "clock_leeway: 30\n"}},
		{"egi", {"typ: JWT\n", "typ absent: no", "require_kid: yes",
				"user_claim: voperson_id\n",
				"entitlement_claim: eduperson_entitlement", "path_scopes: no"}},
		{"keycloak",
			{"typ: JWT, at+jwt\n", "require_kid: yes", "path_scopes: no",
				"entitlement_claim: groups, realm_access/roles\n", "base_path: /\n",
				"audience: https://d.test/, https://d.test\n"}},
		{"umbrella", {"typ absent: yes", "require_kid: no", "user_claim: sub\n",
				     "entitlement_claim: eduperson_entitlement", "path_scopes: no",
				     "require_iat: no"}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings_issuer one = unset("https://a.test", rows[i].profile);
		struct settings s = {.issuers = &one, .n_issuers = 1};
		struct issuers all;
		AUTO_BUF report = BUF_INIT(4096);
		AUTO_BUF out = BUF_INIT(4096);
		CHECK_ROW(rows[i].profile != NULL ? rows[i].profile : "default");
		assert_true(issuers_load(&s, SPAN("https://d.test/"), &report, &all, NULL));
		assert_int_equal(report.n, 0);
		issuers_write(&all.item[0], &out);
		buf_addc(&out, '\0');
		for (size_t k = 0; k < 6; k++)
			if (strstr(out.p, rows[i].has[k]) == NULL)
				fail_msg("no \"%s\" in %s", rows[i].has[k], out.p);
		issuers_fini(&all);
	}
}

static void
faults(void **state)
{
	static const char *const algs[] = {"HS256"};
	static const char *const empty[] = {""};
	struct settings_issuer bad[7];
	static const char *const want[] = {
		"agent.yaml:7:1: error: issuer https://a.test: profile: not one of",
		"agent.yaml:7:1: error: issuer ?: issuer: the text of `iss` is missing",
		"https://c.test: algorithms: not one of RS256, ES256, PS256, ES384: HS256",
		"error: issuer https://d.test: clock_leeway: expected 5 to 100 seconds",
		"error: issuer https://e.test: an empty value: audience",
		"error: issuer https://f.test: allow_any_audience: its profile has no such value",
		"error: issuer https://c.test: the same issuer stands twice",
	};
	struct settings s = {.issuers = bad, .n_issuers = 7};
	struct issuers all;
	struct err e = {0};
	AUTO_BUF report = BUF_INIT(8192);

	(void)state;
	bad[0] = unset("https://a.test", "nope");
	bad[1] = unset(NULL, "wlcg");
	bad[2] = unset("https://c.test", "wlcg");
	bad[2].algorithms = (struct settings_list){algs, 1};
	bad[3] = unset("https://d.test", "wlcg");
	bad[3].clock_leeway = 101;
	bad[4] = unset("https://e.test", "wlcg");
	bad[4].audience = (struct settings_list){empty, 1};
	bad[5] = unset("https://f.test", "egi");
	bad[5].allow_any_audience = 1;
	bad[6] = unset("https://c.test", "egi");
	assert_false(issuers_load(&s, SPAN("https://d.test/"), &report, &all, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	buf_addc(&report, '\0');
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (strstr(report.p, want[i]) == NULL)
			fail_msg("no \"%s\" in %s", want[i], report.p);
}

static void
finding(void **state)
{
	struct settings_issuer two[2] = {
		unset("https://a.test", "wlcg"), unset("https://a.test/", "wlcg")};
	struct settings s = {.issuers = two, .n_issuers = 2};
	struct issuers all;
	AUTO_BUF report = BUF_INIT(8192);

	(void)state;
	two[0].allow_any_audience = 1;
	assert_true(issuers_load(&s, SPAN("https://d.test/"), &report, &all, NULL));
	buf_addc(&report, '\0');
	assert_non_null(strstr(report.p, "warning: issuer https://a.test: allow_any_audience"));
	assert_non_null(strstr(report.p, "no entitlement_namespaces"));
	assert_ptr_equal(issuers_find(&all, SPAN("https://a.test")), &all.item[0]);
	assert_ptr_equal(issuers_find(&all, SPAN("https://a.test/")), &all.item[1]);
	assert_null(issuers_find(&all, SPAN("https://A.test")));
	assert_null(issuers_find(&all, SPAN("https://a.test//")));
	assert_null(issuers_find(&all, SPAN("")));
	assert_null(issuers_find(&all, SPAN_NONE));
	issuers_fini(&all);
}

/* JWS-4, JWS-6 and require_kid, on a header that was read. */
static void
headers(void **state)
{
	static const struct {
		const char *name, *profile;
		struct jws j;
		const char *ref; /* NULL: accepted */
	} rows[] = {
		{"at+jwt", "generic", {.typ = SPAN_INIT("at+jwt")}, NULL},
		{"in full, in capitals", "generic", {.typ = SPAN_INIT("APPLICATION/at+JWT")}, NULL},
		{"two slashes", "generic", {.typ = SPAN_INIT("application/a/at+jwt")},
			"RFC 8725 3.11"},
		{"prefix alone", "generic", {.typ = SPAN_INIT("application/")}, "RFC 8725 3.11"},
		{"JWT where it is not listed", "generic", {.typ = SPAN_INIT("JWT")},
			"RFC 8725 3.11"},
		{"absent where it is not listed", "generic", {.typ = {NULL, 0}}, "RFC 8725 3.11"},
		{"empty is not absent", "umbrella", {.typ = SPAN_INIT("")}, "RFC 8725 3.11"},
		{"absent where it is", "umbrella", {.typ = {NULL, 0}}, NULL},
		{"the word absent is no typ", "umbrella", {.typ = SPAN_INIT("absent")},
			"RFC 8725 3.11"},
		{"kid needed", "wlcg", {.typ = SPAN_INIT("JWT")}, "RFC 7515 4.1.4"},
		{"kid there", "wlcg", {.typ = SPAN_INIT("JWT"), .kid = SPAN_INIT("k")}, NULL},
		{"alg off", "wlcg",
			{.alg = JWS_PS256, .typ = SPAN_INIT("JWT"), .kid = SPAN_INIT("k")},
			"RFC 8725 3.1"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings_issuer one = unset("https://a.test", rows[i].profile);
		struct settings s = {.issuers = &one, .n_issuers = 1};
		struct issuers all;
		struct err e = {0};
		AUTO_BUF report = BUF_INIT(4096);
		CHECK_ROW(rows[i].name);
		assert_true(issuers_load(&s, SPAN("https://d.test/"), &report, &all, NULL));
		assert_int_equal(issuers_header(&all.item[0], &rows[i].j, &e), rows[i].ref == NULL);
		if (rows[i].ref != NULL)
			assert_string_equal(e.ref, rows[i].ref);
		issuers_fini(&all);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles),
		cmocka_unit_test(faults),
		cmocka_unit_test(finding),
		cmocka_unit_test(headers),
	};
	return cmocka_run_group_tests_name("issuers", tests, NULL, NULL);
}
