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
		const char *profile, *has[9];
	} rows[] = {
		{NULL, {"profile: generic\n", "typ: at+jwt\n", "typ absent: no", "require_kid: no",
			       "path_scopes: no", "entitlement_claim: groups, entitlements, roles",
			       "require_iat: no", "token_kind: jwt\n",
			       "max_lifetime: 0 (not limited)\n"}},
		{"wlcg", {"typ: at+jwt, JWT\n", "typ absent: yes", "require_kid: yes",
				 "path_scopes: yes", "entitlement_claim: wlcg.groups\n",
				 "user_claim: sub\n", "require_iat: yes",
				 "scope word: storage.read\n", "algorithms: RS256 ES256\n"}},
		{"scitokens", {"typ absent: yes", "require_kid: yes", "path_scopes: yes",
				      "entitlement_claim:\n", "algorithms: RS256 ES256\n",
				      "clock_leeway: 30\n", "scope word: read\n",
				      "typ: at+jwt, JWT\n", "require_iat: no"}},
		{"egi", {"profile: egi-checkin\n", "typ: JWT\n", "typ absent: no",
				"require_kid: yes", "user_claim: voperson_id\n",
				"user_claim, else: sub\n",
				"entitlement_claim: eduperson_entitlement", "path_scopes: no",
				"claim of assurance: eduperson_assurance\n"}},
		{"eduteams", {"typ: JWT, at+jwt\n", "typ absent: yes", "require_kid: no",
				     "user_claim: sub\n", "form of the id: id@eduteams.org\n",
				     "entitlement_claim: eduperson_entitlement\n",
				     "path_scopes: no", "enrich: no\n", "dpop: no\n"}},
		{"keycloak",
			{"typ: JWT, at+jwt\n", "require_kid: yes", "path_scopes: no",
				"entitlement_claim: groups, realm_access/roles\n", "base_path: /\n",
				"audience: https://d.test/, https://d.test\n", "typ absent: no",
				"user_claim: sub\n", "require_claims:\n"}},
		{"umbrella",
			{"profile: umbrellaid\n", "typ absent: yes", "require_kid: no",
				"user_claim: sub\n", "entitlement_claim: eduperson_entitlement",
				"path_scopes: no", "require_iat: no",
				"form of the id: id@(any scope)\n", "typ: JWT, at+jwt\n"}},
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
		for (size_t k = 0; k < 9; k++)
			if (strstr(out.p, rows[i].has[k]) == NULL)
				fail_msg("no \"%s\" in %s", rows[i].has[k], out.p);
		issuers_fini(&all);
	}
}

/* ISS-2: each preset gives way to what the configuration says, and to nothing more. */
static void
overrides(void **state)
{
	static const char *const typ[] = {"application/at+jwt"};
	static const char *const algs[] = {"PS256", "ES384"};
	static const char *const claims[] = {"jti", "wlcg.ver"};
	static const char *const old[] = {"https://old.test"};
	static const char *const want[] = {"typ: at+jwt\n", "typ absent: no",
		"algorithms: PS256 ES384\n", "require_kid: no", "require_iat: no",
		"path_scopes: no", "user_claim: uid\n", "entitlement_claim: my/groups\n",
		"require_claims: jti, wlcg.ver\n", "max_lifetime: 3600\n", "clock_leeway: 5\n",
		"base_path: /store/\n", "formerly: https://old.test\n", "enrich: userinfo\n",
		"dpop: required\n", "login_client_id: cli\n", "login_audience: audience\n",
		"jwks_file: /k\n", "audience: x, https://wlcg.cern.ch/jwt/v1/any\n"};
	static const char *const aud[] = {"x"};
	struct settings_issuer one = unset("https://a.test", "wlcg");
	struct settings s = {.issuers = &one, .n_issuers = 1};
	struct issuers all;
	AUTO_BUF report = BUF_INIT(4096);
	AUTO_BUF out = BUF_INIT(4096);

	(void)state;
	one.typ = (struct settings_list){typ, 1};
	one.algorithms = (struct settings_list){algs, 2};
	one.require_kid = one.require_iat = one.path_scopes = 0;
	one.user_claim = "uid";
	one.entitlement_claim = "my/groups";
	one.require_claims = (struct settings_list){claims, 2};
	one.max_lifetime = 3600;
	one.clock_leeway = 5;
	one.base_path = "/store//";
	one.formerly = (struct settings_list){old, 1};
	one.enrich = ENRICH_USERINFO;
	one.dpop = DPOP_REQUIRED;
	one.login_client_id = "cli";
	one.login_audience = LOGIN_AUDIENCE;
	one.jwks_file = "/k";
	one.audience = (struct settings_list){aud, 1};
	one.allow_any_audience = 1;
	one.client_secret_file = "/secret";
	assert_true(issuers_load(&s, SPAN("https://d.test/"), &report, &all, NULL));
	issuers_write(&all.item[0], &out);
	buf_addc(&out, '\0');
	for (size_t k = 0; k < sizeof(want) / sizeof(want[0]); k++)
		if (strstr(out.p, want[k]) == NULL)
			fail_msg("no \"%s\" in %s", want[k], out.p);
	assert_null(strstr(out.p, "/secret"));
	issuers_fini(&all);
}

/* The rows of the table are complete, and each name leads to its own. */
static void
table(void **state)
{
	const struct profile *p = NULL;

	(void)state;
	for (size_t i = 0; (p = profiles_at(i)) != NULL; i++) {
		CHECK_ROW(p->name);
		assert_ptr_equal(profiles_find(p->name), p);
		assert_true(p->what != NULL && p->user != NULL && p->read_word != NULL &&
			    p->assurance != NULL && p->typ[0] != NULL && p->algorithms[0] != NULL);
		assert_true(p->id_scope == NULL || p->edu_id);
		assert_true((p->version_claim != NULL) == (p->versions[0] != NULL));
		if (p->alias != NULL)
			assert_ptr_equal(profiles_find(p->alias), p);
	}
	assert_null(profiles_find("WLCG"));
	assert_null(profiles_find(""));
}

static void
faults(void **state)
{
	static const char *const algs[] = {"HS256"};
	static const char *const empty[] = {""};
	static const char *const old[] = {"https://a.test", "https://d.test"};
	static const char *const older[] = {"https://z.test"};
	enum { N = 10 };
	struct settings_issuer bad[N];
	static const char *const want[] = {
		"agent.yaml:7:1: error: issuer https://a.test: profile: not one of",
		"agent.yaml:7:1: error: issuer ?: issuer: the text of `iss` is missing",
		"https://c.test: algorithms: not one of RS256, ES256, PS256, ES384: HS256",
		"error: issuer https://d.test: clock_leeway: expected 5 to 100 seconds",
		"error: issuer https://e.test: an empty value: audience",
		"error: issuer https://f.test: allow_any_audience: its profile has no such value",
		"error: issuer https://c.test: the same issuer stands twice",
		("error: issuer https://g.test: formerly: this is an issuer of today: "
		 "https://d.test"),
		"error: issuer https://i.test: formerly: two issuers had this name: https://z.test",
		"error: issuer https://g.test: id_scope: the unique id of its profile has no scope",
	};
	struct settings s = {.issuers = bad, .n_issuers = N};
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
	bad[7] = unset("https://g.test", "keycloak");
	bad[7].formerly = (struct settings_list){old, 2};
	bad[7].id_scope = "x";
	bad[8] = unset("https://h.test", "egi");
	bad[8].formerly = (struct settings_list){older, 1};
	bad[9] = unset("https://i.test", "egi");
	bad[9].formerly = (struct settings_list){older, 1};
	assert_false(issuers_load(&s, SPAN("https://d.test/"), &report, &all, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	buf_addc(&report, '\0');
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (strstr(report.p, want[i]) == NULL)
			fail_msg("no \"%s\" in %s", want[i], report.p);
	s.n_issuers = 1;
	bad[0] = unset("https://a.test", "egi");
	buf_reset(&report);
	assert_false(issuers_load(&s, SPAN_NONE, &report, &all, &e));
	buf_addc(&report, '\0');
	assert_non_null(strstr(report.p, "audience: missing, and there is no public_url"));
}

static void
warnings(void **state)
{
	static const char *const aud[] = {"https://d.test", "two words"};
	static const char *const azp[] = {"cli"};
	struct settings_issuer one = unset("https://a.test", "wlcg");
	struct settings s = {.issuers = &one, .n_issuers = 1};
	struct issuers all;
	AUTO_BUF report = BUF_INIT(8192);

	(void)state;
	one.audience = (struct settings_list){aud, 2};
	one.azp = (struct settings_list){azp, 1};
	assert_true(issuers_load(&s, SPAN("https://d.test/"), &report, &all, NULL));
	buf_addc(&report, '\0');
	assert_non_null(
		strstr(report.p, "warning: issuer https://a.test: audience: holds a blank"));
	assert_non_null(strstr(report.p, "warning: issuer https://a.test: azp: tokens without"));
	issuers_fini(&all);
}

/* A setting that is not read for want of another one is told; where it is read it is not. */
static void
unread(void **state)
{
	static const char *const texts[] = {"text"};
	static const struct settings_list some = {texts, 1};
	static const char *const names[] = {"client_id", "client_secret_file",
		"introspection_endpoint", "jwks_uri", "discovery", "ca_file", "web_scopes",
		"formerly"};
	struct settings_issuer one = unset("https://a.test", "generic");
	struct settings s = {.issuers = &one, .n_issuers = 1};
	struct issuers all;
	char want[80];

	(void)state;
	one.client_id = one.client_secret_file = one.jwks_file = one.ca_file = "x";
	one.introspection_endpoint = one.jwks_uri = one.discovery = "https://a.test/x";
	one.web_scopes = one.formerly = some;
	for (unsigned read = 0; read < 2; read++) {
		AUTO_BUF report = BUF_INIT(8192);
		assert_true(issuers_load(&s, SPAN("https://d.test/"), &report, &all, NULL));
		buf_addc(&report, '\0');
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			(void)snprintf(want, sizeof(want),
				"agent.yaml:7:1: warning: issuer https://a.test: %s: not used",
				names[k]);
			CHECK_ROW(names[k]);
			assert_int_equal(strstr(report.p, want) == NULL, read);
		}
		issuers_fini(&all);
		one.token_kind = TOKEN_BOTH;
		one.jwks_file = NULL;
		one.web_client_id = s.accounts = "x";
	}
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
		cmocka_unit_test(overrides),
		cmocka_unit_test(table),
		cmocka_unit_test(faults),
		cmocka_unit_test(warnings),
		cmocka_unit_test(unread),
		cmocka_unit_test(finding),
		cmocka_unit_test(headers),
	};
	return cmocka_run_group_tests_name("issuers", tests, NULL, NULL);
}
