/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth.h"
#include "auth/prm.h"
#include "tests/unit/check.h"

#define B "Bearer realm=\"d.test\", resource_metadata=\"https://d.test/.w\""

static void
challenges(void **state)
{
	static const struct {
		const char *name;
		struct auth_refusal why;
		const char *want;
	} rows[] = {
		{"no error", {.status = 401}, B},
		{"an error", {.error = "invalid_token", .description = "exp: expired"},
			B ", error=\"invalid_token\", error_description=\"exp: expired\""},
		{"a scope",
			{.error = "insufficient_scope",
				.description = "scope: x",
				.scope = SPAN_INIT("storage.read:/a")},
			B ", error=\"insufficient_scope\", error_description=\"scope: x\", "
			  "scope=\"storage.read:/a\""},
		{"a stronger login",
			{.error = "insufficient_user_authentication",
				.description = "acr: log in again",
				.acr_values = SPAN_INIT("https://refeds.org/profile/mfa")},
			B ", error=\"insufficient_user_authentication\", error_description=\"acr: "
			  "log in again\", acr_values=\"https://refeds.org/profile/mfa\""},
		{"bound by DPoP, sent as Bearer",
			{.error = "invalid_token", .description = "cnf: bound", .dpop = true},
			B ", error=\"invalid_token\", error_description=\"cnf: bound\", DPoP "
			  "algs=\"ES256 ES384 RS256 PS256\", error=\"invalid_token\", "
			  "error_description=\"cnf: bound\""},
		{"a bad proof",
			{.error = "invalid_dpop_proof", .description = "htu: other", .dpop = true},
			B ", DPoP algs=\"ES256 ES384 RS256 PS256\", error=\"invalid_dpop_proof\", "
			  "error_description=\"htu: other\""},
		{"DPoP asked for", {.dpop = true}, B ", DPoP algs=\"ES256 ES384 RS256 PS256\""},
		{"what has no place in it",
			{.error = "invalid_token", .description = "a\"b\\c\r\nd\x7f\xc3\xa9"},
			B ", error=\"invalid_token\", error_description=\"a?b?c??d???\""},
	};
	AUTO_BUF out = BUF_INIT(4096);

	(void)state;
	prm_write_challenge(&out, SPAN("a\"\\\n"), SPAN_NONE, NULL);
	check_span(buf_span(&out), "Bearer realm=\"a\\\"\\\\?\"");
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		CHECK_ROW(rows[k].name);
		buf_reset(&out);
		prm_write_challenge(&out, SPAN("d.test"), SPAN("https://d.test/.w"), &rows[k].why);
		check_span(buf_span(&out), rows[k].want);
	}
}

#define N 4
static const char *const scopes[] = {"openid", "x"};
static const char *const alias[] = {"https://alias.test", "https://d.test"};
static const char *const foreign[] = {"https://alias.test"};

/* An issuer as settings have it, and one with everything set. */
static struct settings_issuer
plain(const char *issuer, const char *profile)
{
	return (struct settings_issuer){.issuer = issuer,
		.name = "P",
		.profile = profile,
		.require_kid = -1,
		.path_scopes = -1,
		.allow_any_audience = -1,
		.require_iat = -1};
}

static void
documents(void **state)
{
	struct settings_issuer one[N];
	struct settings s = {.issuers = one, .n_issuers = N};
	struct issuers all;
	AUTO_BUF report = BUF_INIT(8192);
	AUTO_BUF out = BUF_INIT(8192);

	(void)state;
	one[0] = plain("https://a.test", "wlcg");
	one[1] = plain("https://b.test", "keycloak");
	one[1].login_client_id = "cli";
	one[1].login_scopes = (struct settings_list){scopes, 2};
	one[1].login_audience = LOGIN_AUDIENCE;
	one[1].audience = (struct settings_list){alias, 2};
	one[1].dpop = DPOP_OPTIONAL;
	one[2] = plain("any text", "scitokens");
	one[3] = plain("http://127.0.0.1:1", "wlcg");
	one[3].audience = (struct settings_list){foreign, 1};
	one[3].login_audience = LOGIN_NEITHER;
	assert_true(issuers_load(&s, SPAN("https://d.test/"), &report, &all, NULL));
	prm_write_metadata(&all, SPAN("https://d.test/"), "ESS \"x\"", &out);
	check_span(buf_span(&out),
		"{\"resource\":\"https://d.test/\","
		"\"authorization_servers\":[\"https://a.test\",\"https://b.test\","
		"\"http://127.0.0.1:1\"],"
		"\"scopes_supported\":[\"storage.read:/\",\"read:/\"],"
		"\"bearer_methods_supported\":[\"header\"],"
		"\"dpop_signing_alg_values_supported\":[\"ES256\",\"ES384\",\"RS256\",\"PS256\"],"
		"\"resource_name\":\"ESS \\\"x\\\"\",\"pan_issuers\":["
		"{\"issuer\":\"https://a.test\",\"name\":\"P\",\"audience\":\"https://d.test/\","
		"\"audience_parameter\":\"resource\","
		"\"scopes\":[\"openid\",\"offline_access\",\"storage.read:/\"],"
		"\"device_flow\":false},"
		"{\"issuer\":\"https://b.test\",\"name\":\"P\",\"audience\":\"https://d.test\","
		"\"audience_parameter\":\"audience\",\"scopes\":[\"openid\",\"x\"],"
		"\"client_id\":\"cli\",\"device_flow\":true},"
		"{\"issuer\":\"http://127.0.0.1:1\",\"name\":\"P\",\"audience\":\"https://"
		"alias.test\","
		"\"audience_parameter\":\"none\","
		"\"scopes\":[\"openid\",\"offline_access\",\"storage.read:/\"],"
		"\"device_flow\":false}]}");
	issuers_fini(&all);
}

/* Bound tokens are demanded of everybody, or it is not said. */
static void
bound(void **state)
{
	struct settings_issuer two[2] = {
		plain("https://a.test", "keycloak"), plain("https://b.test", "keycloak")};
	struct settings s = {.issuers = two, .n_issuers = 2};

	(void)state;
	for (int must = 0; must <= 1; must++) {
		struct issuers all;
		AUTO_BUF report = BUF_INIT(8192);
		AUTO_BUF out = BUF_INIT(8192);
		two[0].dpop = DPOP_REQUIRED;
		two[1].dpop = must == 1 ? DPOP_REQUIRED : DPOP_OPTIONAL;
		assert_true(issuers_load(&s, SPAN("https://d.test/"), &report, &all, NULL));
		prm_write_metadata(&all, SPAN("https://d.test/"), NULL, &out);
		buf_addc(&out, '\0');
		assert_int_equal(
			strstr(out.p, "\"dpop_bound_access_tokens_required\":true") != NULL, must);
		assert_null(strstr(out.p, "resource_name"));
		assert_null(strstr(out.p, "scopes_supported"));
		issuers_fini(&all);
	}
}

static void
nobody(void **state)
{
	const struct issuers none = {NULL, 0};
	AUTO_BUF out = BUF_INIT(8192);

	(void)state;
	prm_write_metadata(&none, SPAN("https://d.test/"), NULL, &out);
	check_span(buf_span(&out), "{\"resource\":\"https://d.test/\",\"authorization_servers\":[],"
				   "\"bearer_methods_supported\":[\"header\"],\"pan_issuers\":[]}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenges),
		cmocka_unit_test(documents),
		cmocka_unit_test(bound),
		cmocka_unit_test(nobody),
	};
	return cmocka_run_group_tests_name("prm", tests, NULL, NULL);
}
