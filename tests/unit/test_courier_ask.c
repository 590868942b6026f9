/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_ask.h"

#include "tests/unit/courier_world.h"

static int
setup(void **state)
{
	struct world *w = world_make();

	w->issuer[0].token_kind = TOKEN_BOTH;
	w->issuer[0].enrich = ENRICH_USERINFO;
	w->issuer[0].client_id = "rs";
	w->issuer[0].client_secret_file = "rs.secret";
	w->issuer[0].web_client_id = "web app";
	w->files[0].secret = SPAN("rs secret");
	w->files[0].websecret = SPAN("web-secret");
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* An errand, one answer to it, and what the gate is told. */
static const struct told *
once(struct world *w, enum errand_kind kind, struct fetch_answer a)
{
	size_t told = w->n_told;

	world_errand(w, 3, kind, 77);
	world_answer(w, a);
	assert_int_equal(world_open(w), 0);
	assert_int_equal(w->n_told, told + 1);
	const struct told *t = world_last(w);
	assert_int_equal(t->link, 3);
	assert_int_equal(t->r.kind, REPORT_ANSWER);
	assert_int_equal(t->r.id, 77);
	assert_string_equal(t->issuer, "https://i.test");
	return t;
}

/* ---- what is asked ---- */

static void
introspection(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_fresh(w);
	world_errand(w, 1, ERRAND_INTROSPECT, 5);
	const struct asked *q = world_next(w);
	assert_string_equal(q->url, "https://i.test/introspect");
	assert_true(q->post);
	assert_string_equal(q->body, "token=secret-token&token_type_hint=access_token");
	assert_string_equal(q->user, "rs");
	assert_string_equal(q->password, "rs secret");
	assert_string_equal(q->bearer, "");
	assert_int_equal(q->total_ms, 3000);
	world_reply(w, 200, "{\"active\":true}");
	assert_int_equal(world_last(w)->r.result, RESULT_OK);
	assert_string_equal(world_last(w)->body, "{\"active\":true}");
	assert_null(world_last(w)->r.userinfo.p);
	CHECK_ROW("the secret in the form, and an endpoint of the settings");
	w->issuer[0].client_auth = CLIENT_POST;
	w->issuer[0].introspection_endpoint = "https://x.test/i";
	world_errand(w, 1, ERRAND_INTROSPECT, 5);
	q = world_next(w);
	assert_string_equal(q->url, "https://x.test/i");
	assert_string_equal(q->body, "token=secret-token&token_type_hint=access_token&client_id=rs&"
				     "client_secret=rs%20secret");
	assert_string_equal(q->user, "");
}

static void
results(void **state)
{
	static const struct {
		const char *name;
		enum errand_kind kind;
		struct fetch_answer a;
		enum report_result result;
	} rows[] = {
		{"introspection: 401", ERRAND_INTROSPECT, {.status = 401}, RESULT_OURS},
		{"introspection: 403", ERRAND_INTROSPECT, {.status = 403}, RESULT_OURS},
		{"introspection: 400", ERRAND_INTROSPECT, {.status = 400}, RESULT_FAILED},
		{"introspection: redirect", ERRAND_INTROSPECT, {.status = 302}, RESULT_FAILED},
		{"introspection: nothing", ERRAND_INTROSPECT, {.status = 0}, RESULT_FAILED},
		{"userinfo: JSON", ERRAND_USERINFO,
			{.status = 200,
				.content_type = SPAN_INIT("Application/JSON;charset=utf-8")},
			RESULT_OK},
		{"userinfo: JWT", ERRAND_USERINFO,
			{.status = 200, .content_type = SPAN_INIT("application/jwt")},
			RESULT_FAILED},
		{"userinfo: no type", ERRAND_USERINFO, {.status = 200}, RESULT_FAILED},
		{"userinfo: 401 for the token", ERRAND_USERINFO,
			{.status = 401,
				.www_authenticate = SPAN_INIT("Bearer error=\"invalid_token\"")},
			RESULT_REFUSED},
		{"userinfo: 401", ERRAND_USERINFO,
			{.status = 401, .www_authenticate = SPAN_INIT("Basic")}, RESULT_FAILED},
		{"userinfo: 500", ERRAND_USERINFO, {.status = 500}, RESULT_FAILED},
		{"code: 400", ERRAND_CODE, {.status = 400}, RESULT_REFUSED},
		{"code: 401", ERRAND_CODE, {.status = 401}, RESULT_OURS},
		{"code: 403", ERRAND_CODE, {.status = 403}, RESULT_FAILED},
		{"code: nothing", ERRAND_CODE, {.status = 0}, RESULT_FAILED},
		{"code: no access token", ERRAND_CODE,
			{.status = 200, .body = SPAN_INIT("{\"id_token\":\"a.b.c\"}")}, RESULT_OK},
		{"code: no JSON", ERRAND_CODE, {.status = 200, .body = SPAN_INIT("x")}, RESULT_OK},
	};
	struct world *w = *state;

	world_start(w);
	world_fresh(w);
	size_t notes = w->n_notes;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		const struct told *t = once(w, rows[i].kind, rows[i].a);
		assert_int_equal(t->r.result, rows[i].result);
		assert_string_equal(t->body, rows[i].result == RESULT_OK && rows[i].a.body.p != NULL
						     ? rows[i].a.body.p
						     : "");
	}
	CHECK_ROW("our own fault is told loudly, another failure with its status, once a minute");
	assert_int_equal(w->n_notes, notes + 2);
	assert_non_null(strstr(w->notes[notes], "0 issuer.client: it does not take our own"));
	assert_non_null(strstr(w->notes[notes + 1], "1 issuer.client: it did not answer"));
	assert_non_null(strstr(w->notes[notes + 1], "(introspection_endpoint answered with 4"));
	world_pass(w, 60000);
	(void)once(w, ERRAND_CODE, (struct fetch_answer){.status = 401});
	assert_int_equal(w->n_notes, notes + 3);
	CHECK_ROW("an answer that is no JSON, and none");
	(void)once(w, ERRAND_USERINFO, (struct fetch_answer){.status = 200});
	assert_non_null(strstr(w->notes[notes + 3], "(userinfo_endpoint answered with no JSON)"));
	world_pass(w, 60000);
	(void)once(w, ERRAND_CODE, (struct fetch_answer){.status = 0});
	assert_non_null(strstr(w->notes[notes + 4], "(token_endpoint gave no answer"));
	for (size_t i = 0; i < w->n_notes; i++)
		assert_null(strstr(w->notes[i], "secret-token"));
}

static void
code(void **state)
{
	static const char tokens[] = "{\"access_token\":\"at-1\",\"id_token\":\"a.b.c\"}";
	struct world *w = *state;

	world_start(w);
	world_fresh(w);
	world_errand(w, 1, ERRAND_CODE, 9);
	const struct asked *q = world_next(w);
	assert_string_equal(q->url, "https://i.test/token");
	assert_string_equal(q->body,
		"grant_type=authorization_code&code=secret-token&redirect_uri=https%3A%2F%2Fdata."
		"test%2Fdone&code_verifier=the-verifier");
	assert_string_equal(q->user, "web app");
	assert_string_equal(q->password, "web-secret");
	size_t told = w->n_told;
	world_reply(w, 200, tokens);
	q = world_next(w);
	assert_string_equal(q->url, "https://i.test/userinfo");
	assert_string_equal(q->bearer, "at-1");
	assert_false(q->post);
	assert_int_equal(w->n_told, told);
	world_reply(w, 200, "{\"sub\":\"alice\"}");
	assert_int_equal(world_last(w)->r.result, RESULT_OK);
	assert_string_equal(world_last(w)->body, tokens);
	assert_string_equal(world_last(w)->userinfo, "{\"sub\":\"alice\"}");
	CHECK_ROW("userinfo that fails takes nothing away");
	world_errand(w, 1, ERRAND_CODE, 9);
	world_reply(w, 200, tokens);
	world_reply(w, 0, NULL);
	assert_int_equal(world_last(w)->r.result, RESULT_OK);
	assert_string_equal(world_last(w)->body, tokens);
	assert_null(world_last(w)->r.userinfo.p);
	CHECK_ROW("a public client names itself in the form");
	struct world *other = world_make();
	other->issuer[0].web_client_id = "web app";
	world_start(other);
	world_fresh(other);
	world_errand(other, 1, ERRAND_CODE, 9);
	q = world_next(other);
	assert_non_null(strstr(q->body, "&client_id=web%20app"));
	assert_string_equal(q->user, "");
	world_free(other);
}

/* ---- limits ---- */

static void
crowd(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_fresh(w);
	for (uint64_t id = 1; id <= 8 + 64; id++)
		world_errand(w, 1, ERRAND_INTROSPECT, id);
	assert_int_equal(world_open(w), 8);
	size_t told = w->n_told;
	CHECK_ROW("one too many");
	world_errand(w, 1, ERRAND_INTROSPECT, 73);
	assert_int_equal(w->n_told, told + 1);
	assert_int_equal(world_last(w)->r.result, RESULT_BUSY);
	assert_int_equal(world_last(w)->r.id, 73);
	CHECK_ROW("one ends, one begins");
	world_reply(w, 200, "{}");
	assert_int_equal(world_last(w)->r.id, 1);
	assert_int_equal(world_open(w), 8);
	assert_false(courier_idle(w->courier));
	CHECK_ROW("who waited three seconds is not asked for");
	assert_true(world_pass(w, 2999) <= 1);
	told = w->n_told;
	(void)world_pass(w, 1);
	assert_int_equal(w->n_told, told + 63);
	assert_int_equal(world_last(w)->r.result, RESULT_BUSY);
	assert_int_equal(world_open(w), 8);
	CHECK_ROW("a gate that is gone is told nothing");
	world_errand(w, 1, ERRAND_INTROSPECT, 80);
	world_errand(w, 2, ERRAND_INTROSPECT, 81);
	courier_unlink(w->courier, 1);
	told = w->n_told;
	for (int i = 0; i < 8; i++)
		world_reply(w, 200, "{}");
	assert_int_equal(w->n_told, told);
	assert_int_equal(world_open(w), 1);
	world_reply(w, 200, "{}");
	assert_int_equal(world_last(w)->r.id, 81);
	assert_int_equal(world_last(w)->link, 2);
	assert_true(courier_idle(w->courier));
	AUTO_BUF metrics = BUF_INIT(65536);
	courier_tell_metrics(w->courier, &metrics);
	buf_addc(&metrics, '\0');
	assert_non_null(strstr(metrics.p,
		"\npan_introspections_total{issuer=\"https://i.test\",result=\"busy\"} 64\n"));
	assert_non_null(strstr(metrics.p,
		"\npan_introspections_total{issuer=\"https://i.test\",result=\"ok\"} 2\n"));
}

static void
drain(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_fresh(w);
	for (uint64_t id = 1; id <= 9; id++)
		world_errand(w, 1, ERRAND_INTROSPECT, id);
	courier_drain(w->courier);
	assert_int_equal(world_last(w)->r.id, 9);
	assert_int_equal(world_last(w)->r.result, RESULT_BUSY);
	world_errand(w, 1, ERRAND_INTROSPECT, 10);
	assert_int_equal(world_last(w)->r.result, RESULT_BUSY);
	for (int i = 0; i < 8; i++) {
		assert_false(courier_idle(w->courier));
		world_reply(w, 200, "{}");
		assert_int_equal(world_last(w)->r.result, RESULT_OK);
	}
	assert_true(courier_idle(w->courier));
}

/* ---- where to ask is not known ---- */

static void
no_document(void **state)
{
	struct world *w = *state;

	world_start(w);
	CHECK_ROW("it begins a round, and waits for it");
	world_errand(w, 1, ERRAND_INTROSPECT, 1);
	assert_int_equal(world_open(w), 1);
	assert_non_null(strstr(world_next(w)->url, "openid-configuration"));
	world_reply(w, 200, DOCUMENT("https://i.test"));
	assert_int_equal(world_open(w), 2); /* the keys, and the question */
	world_reply(w, 200, w->jwks);
	world_reply(w, 200, "{}");
	assert_int_equal(world_last(w)->r.result, RESULT_OK);
	CHECK_ROW("a round that fails is the end of what waits");
	struct world *other = world_make();
	other->issuer[0] = w->issuer[0];
	other->files[0] = w->files[0];
	world_start(other);
	world_errand(other, 1, ERRAND_INTROSPECT, 1);
	world_errand(other, 1, ERRAND_USERINFO, 2);
	world_reply(other, 0, NULL);
	assert_int_equal(other->n_told, 3);
	assert_int_equal(other->told[0].r.kind, REPORT_TROUBLE);
	assert_int_equal(other->told[1].r.result, RESULT_FAILED);
	assert_int_equal(other->told[2].r.result, RESULT_FAILED);
	CHECK_ROW("so is one that cannot begin");
	other->refuse = true;
	other->now.ms += 5000;
	world_errand(other, 1, ERRAND_INTROSPECT, 3);
	world_errand(other, 1, ERRAND_INTROSPECT, 4);
	assert_int_equal(world_last(other)->r.id, 4);
	assert_int_equal(world_last(other)->r.result, RESULT_FAILED);
	assert_true(courier_idle(other->courier));
	world_free(other);
}

static void
no_endpoint(void **state)
{
	struct world *w = *state;

	world_start(w);
	(void)courier_turn(w->courier);
	world_reply(w, 200,
		"{\"issuer\":\"https://i.test\",\"jwks_uri\":\"https://i.test/jwks\","
		"\"introspection_endpoint\":\"http://i.test/introspect\"}");
	world_reply(w, 200, w->jwks);
	size_t notes = w->n_notes;
	CHECK_ROW("plain http counts as none");
	world_errand(w, 1, ERRAND_INTROSPECT, 1);
	assert_int_equal(world_last(w)->r.result, RESULT_FAILED);
	world_errand(w, 1, ERRAND_USERINFO, 2);
	assert_int_equal(world_last(w)->r.result, RESULT_FAILED);
	assert_int_equal(w->n_notes, notes + 1);
	assert_non_null(strstr(w->notes[notes], "no endpoint for this (introspection_endpoint)"));
	CHECK_ROW("a question that may not be sent");
	w->issuer[0].introspection_endpoint = "https://x.test/i";
	w->refuse = true;
	world_errand(w, 1, ERRAND_INTROSPECT, 3);
	assert_int_equal(world_last(w)->r.result, RESULT_FAILED);
	assert_true(courier_idle(w->courier));
}

/* What the settings do not have is not asked, whatever a gate says. */
static void
not_allowed(void **state)
{
	static const enum errand_kind kinds[] = {ERRAND_INTROSPECT, ERRAND_USERINFO, ERRAND_CODE};
	struct world *w = world_make();

	(void)state;
	world_start(w);
	world_fresh(w);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		world_errand(w, 1, kinds[i], i);
		assert_int_equal(world_open(w), 0);
		assert_int_equal(world_last(w)->r.id, i);
		assert_int_equal(world_last(w)->r.result, RESULT_FAILED);
	}
	CHECK_ROW("nor is an issuer that is not in them");
	courier_errand(w->courier, 1,
		&(struct errand){.kind = ERRAND_USERINFO,
			.id = 5,
			.issuer = SPAN("https://j.test"),
			.token = SPAN("x")});
	assert_int_equal(world_open(w), 0);
	assert_int_equal(world_last(w)->r.id, 5);
	assert_int_equal(world_last(w)->r.result, RESULT_FAILED);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(introspection, setup, teardown),
		cmocka_unit_test_setup_teardown(results, setup, teardown),
		cmocka_unit_test_setup_teardown(code, setup, teardown),
		cmocka_unit_test_setup_teardown(crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(drain, setup, teardown),
		cmocka_unit_test_setup_teardown(no_document, setup, teardown),
		cmocka_unit_test_setup_teardown(no_endpoint, setup, teardown),
		cmocka_unit_test(not_allowed),
	};
	return cmocka_run_group_tests_name("courier_ask", tests, NULL, NULL);
}
