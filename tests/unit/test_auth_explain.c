/* SPDX-License-Identifier: Apache-2.0 */
/* What an explanation says; that its verdicts are auth_check's, test_auth_tokens.c holds. */
#include "auth/auth_explain.h"
#include "tests/unit/auth_world.h"

static struct auth_explain x;

static void
explain(struct world *w, const struct auth_explain_case *with, struct span token, struct buf *out)
{
	const struct span jwks[] = {buf_span(&w->set[0]), buf_span(&w->set[1]), SPAN_NONE};
	struct auth_explain_case c = *with;
	static struct arena mem; /* of the last one: x points into it */

	arena_fini(&mem);
	assert_true(arena_init(&mem, 1U << 20));
	if (c.issuers == NULL)
		c.issuers = auth_issuers(w->auth[0]);
	c.jwks = jwks;
	c.now = NOW;
	assert_true(auth_explain(&c, token, &mem, &x, NULL));
	buf_reset(out);
	auth_explain_text(&x, out);
	buf_addc(out, '\0');
}

static const struct auth_explain_step *
find(const char *check)
{
	for (size_t k = 0; k < x.n; k++)
		if (strcmp(x.step[k].check, check) == 0)
			return &x.step[k];
	fail_msg("no step %s", check);
	return NULL;
}

static void
check_step(const char *check, enum auth_explain_result result, const char *value)
{
	const struct auth_explain_step *s = find(check);

	assert_int_equal(s->result, result);
	if (value != NULL)
		check_span(s->value, value);
}

/* Everything that was checked is there, in the order of auth.c. */
static void
good(void **state)
{
	static const char *const order[] = {"token", "form", "iss", "alg", "typ", "kid", "exp",
		"nbf", "iat", "aud", "cnf", "user", "scope", "groups", "group", "signature", "path",
		"adding"};
	struct world *w = *state;
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_BUF out = BUF_INIT(65536);
	const struct auth_explain_case c = {.path = SPAN("/data/x")};

	mint_token(&w->key[RS], SPAN(HEADER), SPAN("{\"groups\":[\"Staff\"]," ISS SUB AUD EXP REST),
		&token);
	explain(w, &c, buf_span(&token), &out);
	assert_int_equal(x.status, 200);
	assert_int_equal(x.n, sizeof(order) / sizeof(order[0]));
	for (size_t k = 0; k < x.n; k++)
		assert_string_equal(x.step[k].check, order[k]);
	check_step("exp", AUTH_EXPLAIN_OK, "1800000600 (2027-01-15T08:10:00Z, in 600 s)");
	check_step("alg", AUTH_EXPLAIN_OK, "RS256");
	check_step("user", AUTH_EXPLAIN_OK, "alice");
	check_step("group", AUTH_EXPLAIN_OK, "Staff");
	check_step("signature", AUTH_EXPLAIN_OK, "RS256, 256 bytes");
	check_step("path", AUTH_EXPLAIN_OK, "/data/x");
	check_span(x.subject.sub, "alice");
	assert_int_equal(x.subject.expires, NOW + 600);
	assert_non_null(strstr(out.p, "accepted: "));
}

/* After a failure it goes on; the first one decides. */
static void
several(void **state)
{
	struct world *w = *state;
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_BUF out = BUF_INIT(65536);
	const struct auth_explain_case c = {.proven = false};

	mint_token(&w->key[EVIL], SPAN(HEADER),
		SPAN("{" ISS SUB "\"aud\":[\"x\",\"y\"],\"exp\":1799996400," REST), &token);
	explain(w, &c, buf_span(&token), &out);
	assert_int_equal(x.status, 401);
	assert_string_equal(x.step[x.decisive].check, "exp");
	check_step("exp", AUTH_EXPLAIN_FAILED, "1799996400 (2027-01-15T07:00:00Z, 3600 s ago)");
	check_step("nbf", AUTH_EXPLAIN_SKIPPED, "absent");
	check_step("aud", AUTH_EXPLAIN_FAILED, "[\"x\",\"y\"]");
	check_span(find("aud")->expected, "one of: https://data.test/, https://data.test");
	check_step("user", AUTH_EXPLAIN_OK, "alice");
	check_step("signature", AUTH_EXPLAIN_FAILED, NULL);
	assert_false(x.subject.authenticated);
	assert_non_null(strstr(out.p, "FAILED exp        1799996400 ("));
	assert_non_null(strstr(out.p, "refused with 401, because of: exp\n"));
	assert_non_null(strstr(out.p, "expected: one of: https://data.test/"));
}

static void
paths(void **state)
{
	struct world *w = *state;
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_BUF out = BUF_INIT(65536);
	struct auth_explain_case c = {.path = SPAN("/data/foobar")};

	mint_token(&w->key[RS], SPAN(HEADER),
		SPAN("{" ISS SUB AUD "\"exp\":1800000600,\"scope\":\"storage.read:/data/foo\"}"),
		&token);
	explain(w, &c, buf_span(&token), &out);
	assert_int_equal(x.status, 403);
	check_step("path", AUTH_EXPLAIN_FAILED, "/data/foobar");
	check_step("adding", AUTH_EXPLAIN_NOTE, "/data/foobar");
	assert_true(x.subject.authenticated);
	buf_reset(&token);
	mint_token(&w->key[B], SPAN("{\"alg\":\"ES256\",\"typ\":\"JWT\"}"),
		SPAN("{\"iss\":\"https://b.test\",\"azp\":\"oidc-agent\"," SUB EXP REST), &token);
	explain(w, &c, buf_span(&token), &out);
	assert_int_equal(x.status, 200);
	check_step("path", AUTH_EXPLAIN_NOTE, NULL);
	check_step("azp", AUTH_EXPLAIN_OK, "\"oidc-agent\"");
}

static void
bound(void **state)
{
	struct world *w = *state;
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_BUF out = BUF_INIT(65536);
	struct auth_explain_case c = {.proven = true};

	w->issuer[0].dpop = DPOP_OPTIONAL;
	mint_token(&w->key[RS], SPAN(HEADER),
		SPAN("{\"cnf\":{\"jkt\":\"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"}," ISS SUB
				AUD EXP REST),
		&token);
	explain(w, &c, buf_span(&token), &out);
	assert_int_equal(x.status, 200);
	check_step("proof", AUTH_EXPLAIN_NOTE, NULL);
	c.proven = false;
	explain(w, &c, buf_span(&token), &out);
	assert_int_equal(x.status, 401);
	assert_string_equal(x.step[x.decisive].check, "proof");
	c.proven = true;
	w->issuer[0].dpop = DPOP_NO;
	explain(w, &c, buf_span(&token), &out);
	assert_int_equal(x.status, 401);
}

/* Whom a token belongs to here, and what its issuer is asked. */
static void
accounts(void **state)
{
	static const char file[] = "accounts:\n  - {issuer: \"https://a.test\", value: alice, "
				   "user: asmith, proposals: [P-1, P-2]}\n";
	struct world *w = *state;
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_BUF out = BUF_INIT(65536);
	AUTO_BUF report = BUF_INIT(4096);
	struct accounts *a = NULL;
	struct auth_explain_case c = {.path = SPAN_NONE};

	assert_true(accounts_load(span_of(file), "f", auth_issuers(w->auth[0]), &report, &a, NULL));
	c.accounts = a;
	w->issuer[0].enrich = ENRICH_USERINFO;
	mint_token(&w->key[RS], SPAN(HEADER), SPAN(GOOD), &token);
	explain(w, &c, buf_span(&token), &out);
	assert_int_equal(x.status, 200);
	check_step("account", AUTH_EXPLAIN_OK, "asmith, 2 proposals");
	check_step("enrich", AUTH_EXPLAIN_NOTE, NULL);
	check_span(x.subject.local_user, "asmith");
	buf_reset(&out);
	auth_explain_json(&x, &out);
	AUTO_JSON j = json_parse(buf_span(&out), NULL, NULL);
	assert_non_null(j);
	struct span text = SPAN_NONE;
	assert_true(json_get_str(json_get(j, "subject"), "user", &text));
	check_span(text, "asmith");
	assert_int_equal(json_count(json_get(json_get(j, "subject"), "proposals")), 2);
	assert_int_equal(json_kind(json_get(j, "decisive")), JSON_KIND_NULL);
	assert_int_equal(json_count(json_get(j, "steps")), x.n);
	w->issuer[0].enrich = ENRICH_NO;
	accounts_free(a);
}

/* Of an opaque token only its issuer knows; without one that takes them it is refused. */
static void
opaque(void **state)
{
	struct world *w = *state;
	AUTO_BUF out = BUF_INIT(65536);
	const struct auth_explain_case c = {.proven = false};

	explain(w, &c, SPAN("opaque-token-1"), &out);
	assert_int_equal(x.status, 401);
	w->issuer[0].token_kind = TOKEN_BOTH;
	explain(w, &c, SPAN("opaque-token-1"), &out);
	assert_int_equal(x.status, 0);
	check_step("introspection", AUTH_EXPLAIN_SKIPPED, "https://a.test");
	assert_non_null(strstr(out.p, "not known: ask the running agent"));
	explain(w, &c, SPAN("short"), &out);
	assert_int_equal(x.status, 401);
	w->issuer[0].token_kind = TOKEN_JWT;
}

/* Values are fit for a terminal, whatever they hold. */
static void
terminals(void **state)
{
	struct world *w = *state;
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_BUF out = BUF_INIT(65536);
	AUTO_BUF payload = BUF_INIT(16384);
	const struct auth_explain_case c = {.proven = false};

	buf_adds(&payload, "{\"groups\":[\"a\\u001b[2Jb\xc2\x9b\",1,\"");
	for (unsigned k = 0; k < 79; k++)
		buf_adds(&payload, "\xc3\xa9");
	buf_adds(&payload, "xyz\"]," ISS SUB AUD EXP REST);
	mint_token(&w->key[RS], SPAN(HEADER), buf_span(&payload), &token);
	explain(w, &c, buf_span(&token), &out);
	for (size_t k = 0; k + 1 < out.n; k++)
		assert_true((unsigned char)out.p[k] >= 0x20 || out.p[k] == '\n');
	assert_null(strstr(out.p, "\xc2\x9b"));
	assert_non_null(strstr(out.p, "a?[2Jb?"));
	assert_true(span_utf8((struct span){out.p, out.n - 1}));
	assert_non_null(strstr(out.p, "xy...\n"));
	assert_non_null(strstr(out.p, "not a text: left out"));
}

static void
small_arena(void **state)
{
	struct world *w = *state;
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_ARENA mem = {0};
	const struct auth_explain_case c = {.issuers = auth_issuers(w->auth[0]), .now = NOW};
	struct err e = {0};

	mint_token(&w->key[RS], SPAN(HEADER), SPAN(GOOD), &token);
	for (size_t room = 256; room < 8192; room *= 2) {
		assert_true(arena_init(&mem, room));
		if (!auth_explain(&c, buf_span(&token), &mem, &x, &e))
			assert_int_equal(e.code, ERR_LIMIT);
		arena_fini(&mem);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(several),
		cmocka_unit_test(paths),
		cmocka_unit_test(bound),
		cmocka_unit_test(accounts),
		cmocka_unit_test(opaque),
		cmocka_unit_test(terminals),
		cmocka_unit_test(small_arena),
	};
	return cmocka_run_group_tests_name("auth_explain", tests, setup, teardown);
}
