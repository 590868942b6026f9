/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/errand.h"

#include "tests/unit/check.h"

#define ISSUER SPAN_INIT("https://login.test")

static const struct {
	const char *name;
	struct errand r;
} errands[] = {
	{"refresh", {.kind = ERRAND_REFRESH, .issuer = ISSUER}},
	{"introspect", {.kind = ERRAND_INTROSPECT,
			       .id = 0x1122334455667788U,
			       .issuer = ISSUER,
			       .token = SPAN_INIT("opaque-1")}},
	{"userinfo",
		{.kind = ERRAND_USERINFO, .id = 1, .issuer = ISSUER, .token = SPAN_INIT("a.b.c")}},
	{"code", {.kind = ERRAND_CODE,
			 .id = UINT64_MAX,
			 .issuer = ISSUER,
			 .token = SPAN_INIT("code"),
			 .verifier = SPAN_INIT("verifier"),
			 .redirect = SPAN_INIT("https://data.test/login/done")}},
};

static const struct {
	const char *name;
	struct report r;
} reports[] = {
	{"keys", {.kind = REPORT_KEYS,
			 .issuer = ISSUER,
			 .jwks = SPAN_INIT("{\"keys\":[]}"),
			 .fetched = 1795000000,
			 .authorization_endpoint = SPAN_INIT("https://login.test/auth"),
			 .iss_parameter = true}},
	{"trouble", {.kind = REPORT_TROUBLE,
			    .issuer = ISSUER,
			    .since = -1,
			    .retry_after = 30,
			    .text = SPAN_INIT("no answer in 5 s")}},
	{"answer", {.kind = REPORT_ANSWER,
			   .issuer = ISSUER,
			   .id = 7,
			   .result = RESULT_OK,
			   .body = SPAN_INIT("{}"),
			   .userinfo = SPAN_INIT("")}},
	{"busy", {.kind = REPORT_ANSWER, .issuer = ISSUER, .id = 7, .result = RESULT_BUSY}},
};

static void
same_span(struct span a, struct span b)
{
	assert_true(span_eq(a, b));
	assert_true((a.p == NULL) == (b.p == NULL));
}

static void
errand_round(void **state)
{
	struct report other;

	(void)state;
	for (size_t i = 0; i < sizeof(errands) / sizeof(errands[0]); i++) {
		const struct errand *q = &errands[i].r;
		struct errand r = {0};
		struct err e = {0};
		AUTO_BUF b = BUF_INIT(4096);
		CHECK_ROW(errands[i].name);
		errand_write(q, &b);
		assert_true(errand_read(buf_span(&b), &r, &e));
		assert_int_equal(r.kind, q->kind);
		assert_int_equal(r.id, q->id);
		same_span(r.issuer, q->issuer);
		same_span(r.token, q->token);
		same_span(r.verifier, q->verifier);
		same_span(r.redirect, q->redirect);
		assert_false(errand_read_report(buf_span(&b), &other, NULL));
		for (size_t n = 0; n < b.n; n++)
			assert_false(errand_read(span_first(buf_span(&b), n), &r, &e));
		assert_non_null(strstr(e.msg, "an errand is cut"));
		buf_addc(&b, 'x');
		assert_false(errand_read(buf_span(&b), &r, &e));
		assert_non_null(strstr(e.msg, "too many"));
	}
}

static void
report_round(void **state)
{
	struct errand other;

	(void)state;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		const struct report *q = &reports[i].r;
		struct report r = {0};
		struct err e = {0};
		AUTO_BUF b = BUF_INIT(4096);
		CHECK_ROW(reports[i].name);
		errand_write_report(q, &b);
		assert_true(errand_read_report(buf_span(&b), &r, &e));
		assert_int_equal(r.kind, q->kind);
		assert_int_equal(r.id, q->id);
		assert_int_equal(r.fetched, q->fetched);
		assert_int_equal(r.since, q->since);
		assert_int_equal(r.retry_after, q->retry_after);
		assert_int_equal(r.result, q->result);
		assert_int_equal(r.iss_parameter, q->iss_parameter);
		same_span(r.issuer, q->issuer);
		same_span(r.jwks, q->jwks);
		same_span(r.authorization_endpoint, q->authorization_endpoint);
		same_span(r.end_session_endpoint, q->end_session_endpoint);
		same_span(r.text, q->text);
		same_span(r.body, q->body);
		same_span(r.userinfo, q->userinfo);
		assert_false(errand_read(buf_span(&b), &other, NULL));
		for (size_t n = 0; n < b.n; n++)
			assert_false(errand_read_report(span_first(buf_span(&b), n), &r, &e));
		buf_addc(&b, 'x');
		assert_false(errand_read_report(buf_span(&b), &r, &e));
	}
}

/* Each is one byte away from a good one, or one too long. */
static void
refused(void **state)
{
	struct errand r;
	struct report p;
	char big[REPORT_BODY_MAX + 1];
	AUTO_BUF b = BUF_INIT((size_t)256 * 1024);

	(void)state;
	memset(big, 'x', sizeof(big));
	CHECK_ROW("no issuer");
	errand_write(&(struct errand){.kind = ERRAND_REFRESH, .issuer = SPAN("")}, &b);
	assert_false(errand_read(buf_span(&b), &r, NULL));
	CHECK_ROW("no token");
	buf_reset(&b);
	errand_write(&(struct errand){.kind = ERRAND_USERINFO, .issuer = ISSUER}, &b);
	assert_false(errand_read(buf_span(&b), &r, NULL));
	CHECK_ROW("kinds that are not there");
	for (int kind = 0; kind < 256; kind++) {
		b.p[0] = (char)kind;
		assert_false(errand_read(buf_span(&b), &r, NULL));
		assert_false(errand_read_report(buf_span(&b), &p, NULL));
	}
	CHECK_ROW("another version");
	buf_reset(&b);
	errand_write(&errands[0].r, &b);
	b.p[1]++;
	assert_false(errand_read(buf_span(&b), &r, NULL));
	CHECK_ROW("a token of 16 KiB, and one byte more");
	for (size_t more = 0; more < 2; more++) {
		buf_reset(&b);
		errand_write(&(struct errand){.kind = ERRAND_INTROSPECT,
				     .issuer = ISSUER,
				     .token = {big, ERRAND_TEXT_MAX + more}},
			&b);
		assert_int_equal(errand_read(buf_span(&b), &r, NULL), more == 0);
	}
	CHECK_ROW("a body of 64 KiB, and one byte more");
	for (size_t more = 0; more < 2; more++) {
		buf_reset(&b);
		errand_write_report(&(struct report){.kind = REPORT_ANSWER,
					    .issuer = ISSUER,
					    .body = {big, REPORT_BODY_MAX + more}},
			&b);
		assert_int_equal(errand_read_report(buf_span(&b), &p, NULL), more == 0);
	}
	CHECK_ROW("text of 200 bytes, one more, and a line end");
	for (size_t n = 199; n <= 201; n++) {
		buf_reset(&b);
		big[0] = n == 199 ? '\n' : 'x';
		errand_write_report(
			&(struct report){
				.kind = REPORT_TROUBLE, .issuer = ISSUER, .text = {big, n}},
			&b);
		assert_int_equal(errand_read_report(buf_span(&b), &p, NULL), n == 200);
	}
	CHECK_ROW("a truth that is neither");
	buf_reset(&b);
	errand_write_report(&reports[0].r, &b);
	b.p[b.n - 1] = 2;
	assert_false(errand_read_report(buf_span(&b), &p, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errand_round),
		cmocka_unit_test(report_round),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests_name("errand", tests, NULL, NULL);
}
