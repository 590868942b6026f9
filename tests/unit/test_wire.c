/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wire.h"

#include "tests/unit/check.h"

#include <sys/mman.h>

static struct http_ask
full_ask(void)
{
	struct http_ask q = {
		.id = 0x1122334455667788U,
		.method = HTTP_PROPFIND,
		.peer = {1, 2, 3},
		.trace = {9, 8, 7},
		.path = SPAN("/data/10.5072/a b/\xc3\xbc.h5"),
		.query = SPAN(""),
		.authorization = SPAN("Bearer abc"),
		.depth = SPAN("1"),
		.dpop = SPAN("ey.ey.x"),
		.session = SPAN("s3"),
		.origin = SPAN("https://data.test"),
		.body = SPAN("<propfind/>"),
		.two_credentials = true,
		.again = true,
		.has_certificate = true,
		.certificate = {7, 6, 5},
	};
	return q;
}

static void
ask_round(void **state)
{
	struct http_ask q = full_ask();
	struct http_ask r = {0};
	struct err e = {0};
	AUTO_BUF b = BUF_INIT(4096);

	(void)state;
	wire_write_ask(&q, &b);
	assert_int_equal(wire_kind(buf_span(&b)), WIRE_ASK);
	assert_true(wire_read_ask(buf_span(&b), &r, &e));
	assert_int_equal(r.id, q.id);
	assert_int_equal(r.method, q.method);
	assert_true(r.two_credentials && r.has_certificate && !r.two_proofs && r.again);
	assert_memory_equal(r.certificate, q.certificate, 32);
	check_span(r.dpop, "ey.ey.x");
	check_span(r.session, "s3");
	check_span(r.origin, "https://data.test");
	assert_null(r.login.p);
	assert_null(r.fetch_site.p);
	assert_memory_equal(r.peer, q.peer, 16);
	assert_memory_equal(r.trace, q.trace, 16);
	assert_true(span_eq(r.path, q.path));
	assert_true(r.query.p != NULL && r.query.n == 0);
	assert_null(r.accept.p);
	check_span(r.authorization, "Bearer abc");
	check_span(r.body, "<propfind/>");
	/* Each shorter message and one longer are refused. */
	for (size_t n = 0; n < b.n; n++)
		assert_false(wire_read_ask((struct span){b.p, n}, &r, NULL));
	buf_addc(&b, 'x');
	assert_false(wire_read_ask(buf_span(&b), &r, &e));
	assert_non_null(strstr(e.msg, "too many"));
}

static void
ask_refused(void **state)
{
	static const struct {
		const char *name;
		struct span path;
	} rows[] = {
		{"no path", SPAN_INIT("")},
		{"relative", SPAN_INIT("data/x")},
		{"NUL inside", SPAN_INIT("/a\0b")},
		{"not UTF-8", SPAN_INIT("/\xff")},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_ask q = full_ask();
		struct http_ask r = {0};
		AUTO_BUF b = BUF_INIT(4096);
		CHECK_ROW(rows[i].name);
		q.path = rows[i].path;
		wire_write_ask(&q, &b);
		assert_false(wire_read_ask(buf_span(&b), &r, NULL));
	}
}

static void
done_round(void **state)
{
	struct http_done d = {
		.decision = 7, .first = 1, .last = 2, .bytes = UINT64_MAX, .result = HTTP_CUT};
	struct http_done r[WIRE_DONES] = {0};
	size_t n = 0;
	AUTO_BUF b = BUF_INIT(4096);

	(void)state;
	for (size_t i = 1; i <= WIRE_DONES; i++) {
		d.decision = i;
		wire_write_done(&d, &b);
		assert_true(wire_read_done(buf_span(&b), r, &n, NULL));
		assert_int_equal(n, i);
		assert_memory_equal(&r[i - 1], &d, sizeof(d));
	}
	for (size_t cut = 1; cut < 49; cut++)
		assert_false(wire_read_done(span_first(buf_span(&b), b.n - cut), r, &n, NULL));
	assert_false(wire_read_done(span_first(buf_span(&b), 2), r, &n, NULL));
	b.p[2 + 32] = 9; /* the result of the first */
	assert_false(wire_read_done(buf_span(&b), r, &n, NULL));
	b.p[2 + 32] = 0;
	wire_write_done(&d, &b); /* one too many */
	assert_false(wire_read_done(buf_span(&b), r, &n, NULL));
}

static void
answer_inline(void **state)
{
	struct http_answer a = {.id = 5,
		.status = 404,
		.body = HTTP_INLINE,
		.fields = SPAN("X: y\r\n"),
		.text = SPAN("{}"),
		.close = true};
	struct http_answer r = {0};
	int fd = -1;
	AUTO_BUF b = BUF_INIT(4096);

	(void)state;
	wire_write_answer(&a, &b);
	assert_true(wire_read_answer(buf_span(&b), &fd, &r, NULL));
	assert_int_equal(r.status, 404);
	assert_true(r.close && !r.keep && !r.ranges);
	check_span(r.fields, "X: y\r\n");
	check_span(r.text, "{}");
	assert_null(r.grant);
}

static void
answer_file(void **state)
{
	/* Written by hand as far as the grant: the gate's side is tested in test_gate. */
	struct http_answer r = {0};
	struct err e = {0};
	int fd = -1;
	AUTO_BUF b = BUF_INIT(4096);

	(void)state;
	buf_add(&b, SPAN("\2\3\5\0\0\0\0\0\0\0\310\0\0\0\2\1\377\377\377\377\377\377\377\377"));
	for (int i = 0; i < 9; i++)
		buf_add(&b, SPAN("\4\0\0\0\0\0\0\0"));
	buf_add(&b, SPAN("\1\3\0\0\0\"a\""));
	assert_false(wire_read_answer(buf_span(&b), &fd, &r, &e));
	assert_non_null(strstr(e.msg, "descriptor"));
	fd = memfd_create("x", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(wire_read_answer(buf_span(&b), &fd, &r, &e));
	assert_int_equal(fd, -1);
	assert_int_equal(r.status, 200);
	assert_int_equal(grant_info(r.grant)->size, 4);
	assert_string_equal(grant_info(r.grant)->etag, "\"a\"");
	assert_true(r.ranges);
	grant_unref(r.grant);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ask_round),
		cmocka_unit_test(ask_refused),
		cmocka_unit_test(done_round),
		cmocka_unit_test(answer_inline),
		cmocka_unit_test(answer_file),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
