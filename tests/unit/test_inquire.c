/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that only their issuer can tell about: asked once, judged strictly, kept for a while. */
#include "tests/unit/auth_world.h"

#define MS (NOW * 1000LL)

struct sent {
	unsigned n;
	bool away;
	uint64_t id;
	enum errand_kind kind;
	char token[4200];
};

static bool
take_errand(void *arg, const struct errand *e)
{
	struct sent *s = arg;

	if (s->away)
		return false;
	s->n++;
	s->id = e->id;
	s->kind = e->kind;
	return span_cstr(e->token, s->token, sizeof(s->token));
}

struct asking {
	struct mint key;
	struct settings settings;
	struct settings_issuer issuer[2];
	struct auth *auth;
	struct sent sent;
};

static const char *const names[] = {"urn:geant:umbrellaid.org"};

static void
begin_for(
	struct asking *w, enum settings_enrich enrich, const char *profile, const char *user_claim)
{
	AUTO_BUF report = BUF_INIT(8192);
	AUTO_BUF set = BUF_INIT(16384);

	*w = (struct asking){.key = mint_key("ES256", "es-1")};
	w->issuer[0] = (struct settings_issuer){.issuer = "https://a.test",
		.name = "A",
		.profile = profile,
		.typ = {typs, 3},
		.require_kid = 0,
		.path_scopes = 0,
		.allow_any_audience = -1,
		.require_iat = -1,
		.entitlement_claim = "eduperson_entitlement",
		.entitlement_namespaces = {names, 1},
		.token_kind = TOKEN_BOTH,
		.enrich = enrich,
		.introspection_exp = true,
		.client_id = "rs",
		.client_secret_file = "secret",
		.user_claim = user_claim};
	w->issuer[1] = w->issuer[0];
	w->issuer[1].issuer = "https://b.test";
	w->issuer[1].token_kind = TOKEN_JWT;
	w->settings = (struct settings){.file = "agent.yaml",
		.facility = "Test",
		.public_url = "https://data.test",
		.issuers = w->issuer,
		.n_issuers = 2,
		.kept_keys = true};
	buf_adds(&set, "{\"keys\":[");
	mint_jwk(&w->key, "", &set);
	buf_adds(&set, "]}");
	const struct span jwks[] = {buf_span(&set), SPAN_NONE};
	assert_true(auth_load(
		&w->settings, &(struct auth_texts){.jwks = jwks}, NULL, &report, &w->auth, NULL));
	auth_courier(w->auth, take_errand, &w->sent);
}

static void
begin(struct asking *w, enum settings_enrich enrich, const char *profile)
{
	begin_for(w, enrich, profile, NULL);
}

static void
end(struct asking *w)
{
	auth_free(w->auth);
	crypto_key_free(w->key.key);
}

struct judged {
	int64_t expires;
	enum auth_verdict verdict;
	struct auth_refusal why;
	struct auth_wait wait;
	bool incomplete;
	size_t groups;
};

static void
judge(struct asking *w, const char *token, int64_t now_ms, struct judged *j)
{
	static const uint8_t peer[16] = {9};
	AUTO_BUF field = BUF_INIT(20000);
	AUTO_ARENA mem = {0};
	struct subject s = {0};

	buf_addf(&field, "Bearer %s", token);
	assert_true(arena_init(&mem, 262144));
	const struct auth_request q = {
		.authorization = buf_span(&field), .peer = peer, .now_ms = now_ms};
	j->verdict = auth_check(w->auth, &q, &mem, &s, &j->why, &j->wait);
	if (j->verdict != AUTH_YES)
		return;
	check_span(s.sub, "alice");
	check_span(s.iss, "https://a.test");
	j->expires = s.expires;
	j->incomplete = s.incomplete;
	j->groups = s.n_entitlements;
}

static void
answer(struct asking *w, enum report_result result, const char *body, int64_t now_ms)
{
	const struct report r = {.kind = REPORT_ANSWER,
		.id = w->sent.id,
		.issuer = SPAN("https://a.test"),
		.result = result,
		.body = span_of(body)};

	auth_report(w->auth, &r, now_ms);
}

#define ACTIVE "{\"active\":true," ISS SUB AUD EXP "\"client_id\":\"cli\"}"

static void
an_opaque_token_is_asked_about_once(void **state)
{
	struct asking w;
	struct judged j = {0};
	struct judged other = {0};

	(void)state;
	begin(&w, ENRICH_NO, "keycloak");
	judge(&w, "opaque-token-1", MS, &j);
	assert_int_equal(j.verdict, AUTH_WAIT);
	assert_int_equal(w.sent.kind, ERRAND_INTROSPECT);
	assert_string_equal(w.sent.token, "opaque-token-1");
	judge(&w, "opaque-token-1", MS + 1, &other);
	assert_int_equal(other.verdict, AUTH_WAIT);
	assert_int_equal(w.sent.n, 1);
	assert_false(auth_ready(w.auth, &j.wait, MS + 2));
	answer(&w, RESULT_OK, ACTIVE, MS + 100);
	assert_true(auth_ready(w.auth, &j.wait, MS + 101));
	judge(&w, "opaque-token-1", MS + 102, &j);
	judge(&w, "opaque-token-1", MS + 103, &other);
	assert_int_equal(j.verdict, AUTH_YES);
	assert_int_equal(other.verdict, AUTH_YES);
	/* No grant outlives the answer. */
	assert_true(j.expires > MS / 1000 && j.expires <= MS / 1000 + 61);
	assert_true(j.expires == other.expires);
	/* A minute later it is asked again: a token that was revoked works no longer than that. */
	judge(&w, "opaque-token-1", MS + 59000, &j);
	assert_int_equal(j.verdict, AUTH_YES);
	assert_int_equal(w.sent.n, 1);
	struct judged again = {0};
	judge(&w, "opaque-token-1", MS + 60200, &again);
	assert_int_equal(again.verdict, AUTH_WAIT);
	answer(&w, RESULT_OK, "{\"active\":false}", MS + 60300);
	judge(&w, "opaque-token-1", MS + 60301, &again);
	assert_int_equal(again.verdict, AUTH_NO);
	assert_int_equal(again.why.status, 401);
	/* A refusal is kept for five seconds. */
	judge(&w, "opaque-token-1", MS + 64000, &again);
	assert_int_equal(again.verdict, AUTH_NO);
	assert_int_equal(w.sent.n, 2);
	end(&w);
}

static void
what_is_answered_instead(void **state)
{
	static const struct {
		const char *name;
		enum report_result result;
		const char *body;
		int status;
		const char *words;
	} rows[] = {
		{"inactive", RESULT_OK, "{\"active\":false}", 401, "token"},
		{"no JSON", RESULT_OK, "<html>", 503, "https://a.test"},
		{"expired", RESULT_OK, "{\"active\":true," ISS SUB AUD "\"exp\":1799999999}", 401,
			"exp"},
		{"another audience", RESULT_OK,
			"{\"active\":true," ISS SUB EXP "\"aud\":\"https://evil.test\"}", 401,
			"aud"},
		{"another issuer", RESULT_OK,
			"{\"active\":true,\"iss\":\"https://b.test\"," SUB AUD EXP "\"x\":1}", 401,
			"iss"},
		{"active is a text", RESULT_OK, "{\"active\":\"true\"," ISS SUB AUD EXP "\"x\":1}",
			401, "active"},
		{"refused", RESULT_REFUSED, "", 401, "refused"},
		{"our credentials", RESULT_OURS, "", 503, "client_id"},
		{"no answer", RESULT_FAILED, "", 503, "https://a.test"},
		{"busy", RESULT_BUSY, "", 503, "https://a.test"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asking w;
		struct judged j = {0};
		CHECK_ROW(rows[i].name);
		begin(&w, ENRICH_NO, "keycloak");
		judge(&w, "opaque-token-2", MS, &j);
		assert_int_equal(j.verdict, AUTH_WAIT);
		answer(&w, rows[i].result, rows[i].body, MS + 10);
		judge(&w, "opaque-token-2", MS + 11, &j);
		assert_int_equal(j.verdict, AUTH_NO);
		assert_int_equal(j.why.status, rows[i].status);
		assert_int_equal(j.why.retry_after > 0, rows[i].status == 503);
		assert_non_null(strstr(j.why.description, rows[i].words));
		end(&w);
	}
}

/* INT-2, INT-6: what cannot be a token is not asked about, and nobody may ask about many. */
static void
few_questions_leave(void **state)
{
	struct asking w;
	char token[32];
	unsigned later = 0;

	(void)state;
	begin(&w, ENRICH_NO, "keycloak");
	static const char *const never[] = {"short", "a.bcdefgh", "a.b.c.d", "a..b"};
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		struct judged j = {0};
		CHECK_ROW(never[i]);
		judge(&w, never[i], MS, &j);
		assert_int_equal(j.why.status, 401);
	}
	assert_int_equal(w.sent.n, 0);
	for (int i = 0; i < 40; i++) {
		struct judged j = {0};
		(void)snprintf(token, sizeof(token), "opaque-storm-%d", i);
		judge(&w, token, MS, &j);
		later += j.verdict == AUTH_NO && j.why.status == 429 && j.why.retry_after > 0;
	}
	assert_int_equal(w.sent.n, 20);
	assert_int_equal(later, 20);
	w.sent.away = true;
	struct judged j = {0};
	judge(&w, "opaque-without-courier", MS + 11000, &j);
	assert_int_equal(j.why.status, 503);
	end(&w);
}

/* A JWT whose groups live at its issuer (INT-8). */
static void
groups_come_from_the_issuer(void **state)
{
	static const char group[] =
		"\"eduperson_entitlement\":[\"urn:geant:umbrellaid.org:group:pan#u\"]";
	char body[400];

	(void)state;
	for (int kind = ENRICH_INTROSPECTION; kind <= ENRICH_USERINFO; kind++) {
		struct asking w;
		struct judged j = {0};
		AUTO_BUF token = BUF_INIT(8192);

		begin(&w, (enum settings_enrich)kind, "keycloak");
		mint_token(&w.key, SPAN("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"es-1\"}"),
			SPAN(GOOD), &token);
		buf_addc(&token, '\0');
		judge(&w, token.p, MS, &j);
		assert_int_equal(j.verdict, AUTH_WAIT);
		assert_int_equal(
			w.sent.kind, kind == ENRICH_USERINFO ? ERRAND_USERINFO : ERRAND_INTROSPECT);
		(void)snprintf(body, sizeof(body), "{\"active\":true,\"sub\":\"alice\",%s}", group);
		answer(&w, RESULT_OK, body, MS + 10);
		judge(&w, token.p, MS + 11, &j);
		assert_int_equal(j.verdict, AUTH_YES);
		assert_int_equal(j.groups, 1);
		assert_false(j.incomplete);
		judge(&w, token.p, MS + 12, &j);
		assert_int_equal(w.sent.n, 1);
		assert_int_equal(auth_cache_hits(w.auth), 1);
		/* After a minute the cache asks again; the issuer is away: good, and incomplete. */
		struct judged later = {0};
		judge(&w, token.p, MS + 60100, &later);
		assert_int_equal(later.verdict, AUTH_WAIT);
		answer(&w, RESULT_FAILED, "", MS + 60200);
		judge(&w, token.p, MS + 60201, &later);
		assert_int_equal(later.verdict, AUTH_YES);
		assert_true(later.incomplete);
		assert_int_equal(later.groups, 0);
		/* Another person's answer is a refusal. */
		struct judged other = {0};
		judge(&w, token.p, MS + 70000, &other);
		assert_int_equal(other.verdict, AUTH_WAIT);
		answer(&w, RESULT_OK, "{\"active\":true,\"sub\":\"bob\"}", MS + 70010);
		judge(&w, token.p, MS + 70011, &other);
		assert_int_equal(other.verdict, AUTH_NO);
		assert_int_equal(other.why.status, 401);
		end(&w);
	}
}

/* With a profile whose unique id is not in the token, nobody is let in under another claim's text.
 */
static void
an_unknown_person_waits_for_the_issuer(void **state)
{
	static const struct {
		const char *profile, *claim;
	} rows[] = {{"egi-checkin", NULL}, {"generic", "voperson_id"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asking w;
		struct judged j = {0};
		AUTO_BUF token = BUF_INIT(8192);
		CHECK_ROW(rows[i].profile);
		begin_for(&w, ENRICH_USERINFO, rows[i].profile, rows[i].claim);
		mint_token(&w.key, SPAN("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"es-1\"}"),
			SPAN(GOOD), &token);
		buf_addc(&token, '\0');
		judge(&w, token.p, MS, &j);
		assert_int_equal(j.verdict, AUTH_WAIT);
		answer(&w, RESULT_FAILED, "", MS + 10);
		judge(&w, token.p, MS + 11, &j);
		assert_int_equal(j.verdict, AUTH_NO);
		assert_int_equal(j.why.status, 503);
		end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_opaque_token_is_asked_about_once),
		cmocka_unit_test(what_is_answered_instead),
		cmocka_unit_test(few_questions_leave),
		cmocka_unit_test(groups_come_from_the_issuer),
		cmocka_unit_test(an_unknown_person_waits_for_the_issuer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
