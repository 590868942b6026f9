/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that come and go while tokens are judged: what waits, what is asked for, what is not. */
#include "tests/unit/auth_world.h"

#include "auth/keyring.h"

#define MS (NOW * 1000LL)

struct sent {
	unsigned n;
	bool away; /* there is no courier */
	struct errand last;
};

static bool
count_errand(void *arg, const struct errand *e)
{
	struct sent *s = arg;

	assert_int_equal(e->kind, ERRAND_REFRESH);
	assert_true(span_is(e->issuer, "https://a.test"));
	if (s->away)
		return false;
	s->n++;
	s->last = *e;
	return true;
}

/* One fetched issuer, its two keys, and a courier that only counts. */
struct ringing {
	struct mint old, young, evil;
	struct settings settings;
	struct settings_issuer issuer;
	struct auth *auth;
	struct sent sent;
	struct buf set[2]; /* old alone; both */
};

static void
begin(struct ringing *r, bool kept)
{
	AUTO_BUF report = BUF_INIT(8192);

	*r = (struct ringing){.old = mint_key("ES256", "old"),
		.young = mint_key("RS256", "young"),
		.evil = mint_key("ES256", "old"),
		.set = {BUF_INIT(16384), BUF_INIT(16384)}};
	r->issuer = (struct settings_issuer){.issuer = "https://a.test",
		.name = "A",
		.profile = "generic",
		.typ = {typs, 3},
		.require_kid = -1,
		.path_scopes = 0,
		.allow_any_audience = -1,
		.require_iat = -1,
		.refresh = 3600,
		.stale_max = 172800};
	r->settings = (struct settings){.file = "agent.yaml",
		.facility = "Test",
		.public_url = "https://data.test",
		.issuers = &r->issuer,
		.n_issuers = 1,
		.kept_keys = kept};
	for (int i = 0; i < 2; i++) {
		buf_adds(&r->set[i], "{\"keys\":[");
		mint_jwk(&r->old, "", &r->set[i]);
		if (i == 1) {
			buf_addc(&r->set[i], ',');
			mint_jwk(&r->young, "", &r->set[i]);
		}
		buf_adds(&r->set[i], "]}");
	}
	assert_true(auth_load(&r->settings, NULL, NULL, &report, &r->auth, NULL));
	auth_courier(r->auth, count_errand, &r->sent);
}

static void
end(struct ringing *r)
{
	auth_free(r->auth);
	crypto_key_free(r->old.key);
	crypto_key_free(r->young.key);
	crypto_key_free(r->evil.key);
	buf_fini(&r->set[0]);
	buf_fini(&r->set[1]);
}

static void
bring(struct ringing *r, int set, int64_t fetched, int64_t now_ms)
{
	const struct report k = {.kind = REPORT_KEYS,
		.issuer = SPAN("https://a.test"),
		.jwks = buf_span(&r->set[set]),
		.fetched = fetched};

	auth_report(r->auth, &k, now_ms);
}

static void
fail_retrieval(struct ringing *r, int64_t now_ms)
{
	const struct report t = {.kind = REPORT_TROUBLE,
		.issuer = SPAN("https://a.test"),
		.since = now_ms / 1000,
		.retry_after = 4,
		.text = SPAN("connection refused")};

	auth_report(r->auth, &t, now_ms);
}

struct judged {
	enum auth_verdict verdict;
	struct auth_refusal why;
	struct auth_wait wait;
};

static void
judge(struct ringing *r, const struct mint *m, const char *kid, const char *payload, int64_t now_ms,
	struct judged *j)
{
	AUTO_BUF field = BUF_INIT(20000);
	AUTO_ARENA mem = {0};
	struct subject s = {0};
	char header[200];

	(void)snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		crypto_key_alg(m->key), kid);
	buf_adds(&field, "Bearer ");
	{
		AUTO_BUF token = BUF_INIT(20000);
		mint_token(m, span_of(header), span_of(payload), &token);
		buf_add(&field, buf_span(&token));
	}
	assert_true(arena_init(&mem, 262144));
	const struct auth_request q = {.authorization = buf_span(&field), .now_ms = now_ms};
	j->verdict = auth_check(r->auth, &q, &mem, &s, &j->why, &j->wait);
	if (j->verdict == AUTH_YES)
		check_span(s.sub, "alice");
}

#define PAYLOAD "{" ISS SUB AUD EXP REST

static void
waits_for_the_first_keys(void **state)
{
	struct ringing r;
	struct judged j = {0};
	struct judged other = {0};

	(void)state;
	begin(&r, true);
	judge(&r, &r.old, "old", PAYLOAD, MS, &j);
	assert_int_equal(j.verdict, AUTH_WAIT);
	assert_int_equal(j.wait.until_ms, MS + AUTH_WAIT_MS);
	assert_false(auth_ready(r.auth, &j.wait, MS + 10));
	/* One flight for all of them. */
	judge(&r, &r.old, "old", PAYLOAD, MS + 20, &other);
	assert_int_equal(other.verdict, AUTH_WAIT);
	assert_int_equal(r.sent.n, 1);
	bring(&r, 0, NOW, MS + 30);
	assert_true(auth_ready(r.auth, &j.wait, MS + 31));
	judge(&r, &r.old, "old", PAYLOAD, MS + 32, &j);
	judge(&r, &r.old, "old", PAYLOAD, MS + 33, &other);
	assert_int_equal(j.verdict, AUTH_YES);
	assert_int_equal(other.verdict, AUTH_YES);
	assert_int_equal(r.sent.n, 1);
	end(&r);
}

static void
a_dead_issuer_is_503(void **state)
{
	struct ringing r;
	struct judged j = {0};
	struct judged late = {0};

	(void)state;
	begin(&r, true);
	judge(&r, &r.old, "old", PAYLOAD, MS, &j);
	fail_retrieval(&r, MS + 50);
	judge(&r, &r.old, "old", PAYLOAD, MS + 51, &j);
	assert_int_equal(j.verdict, AUTH_NO);
	assert_int_equal(j.why.status, 503);
	assert_int_equal(j.why.retry_after, 4);
	assert_non_null(strstr(j.why.description, "https://a.test"));
	assert_non_null(strstr(j.why.description, "connection refused"));
	assert_non_null(strstr(j.why.description, "since 2027-01-15T08:00:00Z"));
	/* Within a second of it nothing is asked again; later there is. */
	judge(&r, &r.old, "old", PAYLOAD, MS + 900, &late);
	assert_int_equal(late.verdict, AUTH_NO);
	assert_int_equal(r.sent.n, 1);
	judge(&r, &r.old, "old", PAYLOAD, MS + 2000, &late);
	assert_int_equal(late.verdict, AUTH_WAIT);
	assert_int_equal(r.sent.n, 2);
	/* And a courier that never answers costs five seconds. */
	assert_true(auth_ready(r.auth, &late.wait, MS + 2000 + AUTH_WAIT_MS));
	judge(&r, &r.old, "old", PAYLOAD, MS + 2000 + AUTH_WAIT_MS, &late);
	assert_int_equal(late.verdict, AUTH_NO);
	assert_int_equal(late.why.status, 503);
	assert_non_null(strstr(late.why.description, "in time"));
	end(&r);
}

static void
without_a_courier_nobody_waits(void **state)
{
	struct ringing r;
	struct judged j = {0};

	(void)state;
	begin(&r, true);
	r.sent.away = true;
	judge(&r, &r.old, "old", PAYLOAD, MS, &j);
	assert_int_equal(j.verdict, AUTH_NO);
	assert_int_equal(j.why.status, 503);
	assert_int_equal(j.why.retry_after, 30);
	end(&r);
}

/* KEY-7: one retrieval for fifty unknown kids; KEY-8: none for bad signatures. */
static void
storms_cost_one_retrieval(void **state)
{
	struct ringing r;
	char kid[16];

	(void)state;
	begin(&r, true);
	bring(&r, 0, NOW, MS);
	for (int i = 0; i < 50; i++) {
		struct judged j = {0};
		(void)snprintf(kid, sizeof(kid), "kid-%d", i);
		judge(&r, &r.evil, kid, PAYLOAD, MS + 1000 + i, &j);
		assert_int_equal(j.verdict, i == 0 ? AUTH_WAIT : AUTH_NO);
		if (i == 0) {
			bring(&r, 0, NOW + 1, MS + 1000);
			judge(&r, &r.evil, kid, PAYLOAD, MS + 1000, &j);
		}
		assert_int_equal(j.why.status, 401);
		assert_non_null(strstr(j.why.description, "is not published by"));
	}
	for (int i = 0; i < 50; i++) {
		struct judged j = {0};
		judge(&r, &r.evil, "old", PAYLOAD, MS + 60000 + i, &j);
		assert_int_equal(j.why.status, 401);
		assert_non_null(strstr(j.why.description, "signature: not made by key"));
	}
	assert_int_equal(r.sent.n, 1);
	end(&r);
}

/* A clock that goes back must not shut new keys out until it is where it was. */
static void
clock_goes_back(void **state)
{
	const int64_t before = MS - 20000;
	struct ringing r;
	struct judged j = {0};
	struct judged later = {0};

	(void)state;
	begin(&r, true);
	bring(&r, 0, NOW, MS);
	judge(&r, &r.evil, "unknown", PAYLOAD, MS, &j);
	assert_int_equal(j.verdict, AUTH_WAIT);
	bring(&r, 0, NOW, MS + 10);
	judge(&r, &r.young, "young", PAYLOAD, before, &later);
	assert_int_equal(later.verdict, AUTH_WAIT);
	assert_int_equal(r.sent.n, 2);
	bring(&r, 1, NOW - 20, before + 10);
	judge(&r, &r.young, "young", PAYLOAD, before + 11, &later);
	assert_int_equal(later.verdict, AUTH_YES);
	end(&r);
}

/* What would be refused anyway costs no retrieval. */
static void
hopeless_tokens_wait_for_nothing(void **state)
{
	static const char *const payloads[] = {
		"{" ISS SUB AUD "\"exp\":1799999999," REST,
		"{" ISS SUB "\"aud\":\"https://evil.test/\"," EXP REST,
		"{" ISS "\"sub\":\"\"," AUD EXP REST,
	};
	struct ringing r;

	(void)state;
	begin(&r, true);
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		struct judged j = {0};
		judge(&r, &r.evil, "new", payloads[i], MS, &j);
		assert_int_equal(j.verdict, AUTH_NO);
		assert_int_equal(j.why.status, 401);
	}
	assert_int_equal(r.sent.n, 0);
	end(&r);
}

static void
a_rotation_is_followed(void **state)
{
	for (int kept = 0; kept < 2; kept++) {
		struct ringing r;
		struct judged j = {0};

		(void)state;
		begin(&r, kept == 1);
		bring(&r, 0, NOW, MS);
		judge(&r, &r.old, "old", PAYLOAD, MS, &j);
		assert_int_equal(j.verdict, AUTH_YES);
		/* New key: unknown, asked for, there. */
		judge(&r, &r.young, "young", PAYLOAD, MS + 1, &j);
		assert_int_equal(j.verdict, AUTH_WAIT);
		bring(&r, 1, NOW + 1, MS + 1000);
		judge(&r, &r.young, "young", PAYLOAD, MS + 1001, &j);
		assert_int_equal(j.verdict, AUTH_YES);
		/* The retrieval failed: nobody can say, so 503. */
		struct judged lost = {0};
		judge(&r, &r.young, "other", PAYLOAD, MS + 40000, &lost);
		assert_int_equal(lost.verdict, AUTH_WAIT);
		fail_retrieval(&r, MS + 40100);
		judge(&r, &r.young, "other", PAYLOAD, MS + 40101, &lost);
		assert_int_equal(lost.why.status, 503);
		/* And meanwhile the old keys are good. */
		judge(&r, &r.old, "old", PAYLOAD, MS + 40102, &j);
		assert_int_equal(j.verdict, AUTH_YES);
		/* A key is withdrawn: what was verified by it is void (T12). */
		bring(&r, 0, NOW + 50, MS + 50000);
		struct judged gone = {0};
		judge(&r, &r.young, "young", PAYLOAD, MS + 50001, &gone);
		assert_int_equal(gone.verdict, AUTH_NO);
		assert_int_equal(gone.why.status, 401);
		end(&r);
	}
}

/* KEY-6: keys are good for stale_max after the last success, and no longer. */
static void
stale_keys_end(void **state)
{
	static const char payload[] = "{" ISS SUB AUD "\"exp\":1900000000," REST;
	const int64_t later = (NOW + 172800LL) * 1000;
	struct ringing r;
	struct judged j = {0};

	(void)state;
	begin(&r, true);
	bring(&r, 1, NOW, MS);
	fail_retrieval(&r, later - 2000);
	judge(&r, &r.young, "young", payload, later - 1000, &j);
	assert_int_equal(j.verdict, AUTH_YES);
	/* Nor is a token (the same one: RS256 signs the same each time) that was
	 * verified by them, and is remembered. */
	judge(&r, &r.young, "young", payload, later, &j);
	assert_int_equal(j.verdict, AUTH_WAIT);
	end(&r);
}

/* The 65th waits for nobody: it is told to come again. */
static void
few_may_wait(void **state)
{
	struct ringing r;
	struct judged j[AUTH_WAITING_MAX + 1];

	(void)state;
	memset(j, 0, sizeof(j));
	begin(&r, true);
	for (size_t i = 0; i < AUTH_WAITING_MAX; i++) {
		judge(&r, &r.old, "old", PAYLOAD, MS, &j[i]);
		assert_int_equal(j[i].verdict, AUTH_WAIT);
	}
	judge(&r, &r.old, "old", PAYLOAD, MS, &j[AUTH_WAITING_MAX]);
	assert_int_equal(j[AUTH_WAITING_MAX].verdict, AUTH_NO);
	assert_int_equal(j[AUTH_WAITING_MAX].why.status, 503);
	auth_forget(r.auth, &j[0].wait);
	judge(&r, &r.old, "old", PAYLOAD, MS, &j[0]);
	assert_int_equal(j[0].verdict, AUTH_WAIT);
	end(&r);
}

/* A set that cannot be read is trouble, and the old one stays. */
static void
a_bad_set_changes_nothing(void **state)
{
	static const char *const bad[] = {"", "[]", "{\"keys\":1}", "{\"keys\":[", "<html>"};
	struct ringing r;
	struct judged j = {0};

	(void)state;
	begin(&r, true);
	bring(&r, 0, NOW, MS);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct report k = {.kind = REPORT_KEYS,
			.issuer = SPAN("https://a.test"),
			.jwks = span_of(bad[i]),
			.fetched = NOW};
		CHECK_ROW(bad[i]);
		auth_report(r.auth, &k, MS + 1);
		judge(&r, &r.old, "old", PAYLOAD, MS + 2, &j);
		assert_int_equal(j.verdict, AUTH_YES);
	}
	end(&r);
}

/* Sets come and go far more often than there are slots of liboauth2. */
static void
slots_are_used_again(void **state)
{
	struct ringing r;

	(void)state;
	begin(&r, false);
	for (int i = 0; i < 200; i++) {
		struct judged j = {0};
		bring(&r, i % 2, NOW, MS);
		judge(&r, &r.old, "old", PAYLOAD, MS + i, &j);
		assert_int_equal(j.verdict, AUTH_YES);
		struct judged bad = {0};
		judge(&r, &r.evil, "old", PAYLOAD, MS + i, &bad);
		assert_int_equal(bad.why.status, 401);
	}
	end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_the_first_keys),
		cmocka_unit_test(a_dead_issuer_is_503),
		cmocka_unit_test(without_a_courier_nobody_waits),
		cmocka_unit_test(storms_cost_one_retrieval),
		cmocka_unit_test(clock_goes_back),
		cmocka_unit_test(hopeless_tokens_wait_for_nothing),
		cmocka_unit_test(a_rotation_is_followed),
		cmocka_unit_test(stale_keys_end),
		cmocka_unit_test(few_may_wait),
		cmocka_unit_test(a_bad_set_changes_nothing),
		cmocka_unit_test(slots_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
