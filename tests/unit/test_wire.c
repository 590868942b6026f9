/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wire.h"

#include "policy/grant_adopt.h"
#include "tests/unit/check.h"

#include <sys/mman.h>
#include <unistd.h>

#define NOTE 42 /* bytes of a note without a file */

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
		.within = SPAN("/archive/10.5072/a b.zip"),
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
	check_span(r.within, "/archive/10.5072/a b.zip");
	/* Each shorter message and one longer are refused. */
	for (size_t n = 0; n < b.n; n++)
		assert_false(wire_read_ask((struct span){b.p, n}, &r, NULL));
	buf_addc(&b, 'x');
	assert_false(wire_read_ask(buf_span(&b), &r, &e));
	assert_non_null(strstr(e.msg, "too many"));
}

/* A body that was written under a grant: its length, its digests, and nothing of a body. */
static void
ask_commit(void **state)
{
	struct http_ask q = full_ask();
	struct http_ask r = {0};
	AUTO_BUF b = BUF_INIT(4096);

	(void)state;
	q.method = HTTP_PUT;
	q.fields = SPAN("Digest: adler32=00000001\n");
	q.has_length = true;
	q.length = INT64_MAX;
	q.commit = true;
	q.digests = (struct digest_values){
		.have = 1U << DIGEST_ADLER32, .adler32 = 1, .crc32c = 2, .md5 = {3}, .sha256 = {4}};
	wire_write_ask(&q, &b);
	assert_true(wire_read_ask(buf_span(&b), &r, NULL));
	assert_true(r.commit && r.has_length && r.length == q.length);
	assert_int_equal(r.landed, -1);
	assert_null(r.upload);
	check_span(r.fields, "Digest: adler32=00000001\n");
	assert_memory_equal(&r.digests, &q.digests, sizeof(q.digests));
	for (size_t n = 0; n < b.n; n++)
		assert_false(wire_read_ask((struct span){b.p, n}, &r, NULL));
	for (int bad = 0; bad < 3; bad++) {
		struct http_ask x = q;
		x.method = bad == 0 ? HTTP_GET : q.method;
		x.has_length = bad != 1;
		x.length = bad == 2 ? (uint64_t)INT64_MAX + 1 : q.length;
		buf_reset(&b);
		wire_write_ask(&x, &b);
		assert_false(wire_read_ask(buf_span(&b), &r, NULL));
	}
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
		.decision = 7, .bytes = UINT64_MAX, .result = HTTP_CUT, .why = HTTP_WHY_DENIED};
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
	for (size_t cut = 1; cut < NOTE; cut++)
		assert_false(wire_read_done(span_first(buf_span(&b), b.n - cut), r, &n, NULL));
	assert_false(wire_read_done(span_first(buf_span(&b), 2), r, &n, NULL));
	b.p[2 + 16] = 9; /* the result of the first */
	assert_false(wire_read_done(buf_span(&b), r, &n, NULL));
	b.p[2 + 16] = 0;
	b.p[2 + 17] = 9; /* and why */
	assert_false(wire_read_done(buf_span(&b), r, &n, NULL));
	b.p[2 + 17] = 0;
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
		.close = true,
		.finish = {.seconds = 3600, .epoch = 8, .expires = -1},
		.rate = {.name = "meta", .who = {1}, .requests_per_min = 60, .identity = 99}};
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
	assert_memory_equal(&r.finish, &a.finish, sizeof(a.finish));
	assert_memory_equal(&r.rate, &a.rate, sizeof(a.rate));
	for (size_t cut = 1; cut < b.n; cut++)
		assert_false(wire_read_answer(span_first(buf_span(&b), b.n - cut), &fd, &r, NULL));
	uint64_t id = 0;
	assert_true(wire_answer_id(span_first(buf_span(&b), 10), &id));
	assert_int_equal(id, a.id);
	assert_false(wire_answer_id(span_first(buf_span(&b), 9), &id));
}

/* A class without a name would limit nobody; one with a longer name is none. */
static void
rate_refused(void **state)
{
	static const struct span bad[] = {SPAN_INIT("\1\0\0\0\0"), SPAN_INIT("\1\377\377\377\377"),
		SPAN_INIT("\1\2\0\0\0a\0"), SPAN_INIT("\4\1\0\0\0a"), SPAN_INIT("\1\101\0\0\0"),
		SPAN_INIT("\2\0\0\0\0\0\0\0\0")};
	struct http_answer a = {.id = 5, .status = 200, .body = HTTP_INLINE};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct http_answer r = {0};
		int fd = -1;
		AUTO_BUF b = BUF_INIT(4096);
		wire_write_answer(&a, &b);
		b.n--; /* no rate */
		buf_add(&b, bad[i]);
		for (int k = 0; k < 100; k++)
			buf_addc(&b, 'x');
		for (size_t n = b.n - 100; n <= b.n; n++)
			assert_false(wire_read_answer(span_first(buf_span(&b), n), &fd, &r, NULL));
	}
}

/* A note of audit:full: the file, and sixteen bytes for each range. */
static void
done_full(void **state)
{
	static const char ranges[2 * HTTP_RANGE_SIZE] = {1};
	struct http_done d = {
		.decision = 7, .file = SPAN("raw/\xc3\xbc.h5"), .ranges = {ranges, sizeof(ranges)}};
	struct http_done r[WIRE_DONES] = {0};
	size_t n = 0;

	(void)state;
	for (int bad = 0; bad < 3; bad++) {
		AUTO_BUF b = BUF_INIT(4096);
		if (bad == 1)
			d.ranges.n--;
		if (bad == 2)
			d = (struct http_done){.file = SPAN("\xff")};
		wire_write_done(&d, &b);
		assert_int_equal(wire_read_done(buf_span(&b), r, &n, NULL), bad == 0);
		if (bad > 0)
			continue;
		check_span(r[0].file, "raw/\xc3\xbc.h5");
		assert_int_equal(r[0].ranges.n, sizeof(ranges));
		assert_memory_equal(r[0].ranges.p, ranges, sizeof(ranges));
	}
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
	buf_add(&b, SPAN("\2\5\5\0\0\0\0\0\0\0\310\0\0\0\2\1\377\377\377\377\377\377\377\377"
			 "\0\0\0\0\0"));
	for (int i = 0; i < 9; i++)
		buf_add(&b, SPAN("\4\0\0\0\0\0\0\0"));
	buf_add(&b, SPAN("\1\0\3\0\0\0\"a\""
			 "\7\0\0\0\12\0\0\0"));
	buf_add(&b, SPAN("\1\4\0\0\0bulk"
			 "0123456789abcdef"
			 "\2\0\0\0\120\0\0\0\0\0\0\0"));
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
	assert_int_equal(grant_info(r.grant)->audit_from, 7);
	const struct grant_rate *rate = &grant_info(r.grant)->rate;
	assert_string_equal(rate->name, "bulk");
	assert_memory_equal(rate->who, "0123456789abcdef", 16);
	assert_int_equal(rate->streams, 2);
	assert_int_equal(rate->mbit, 80);
	assert_int_equal(rate->requests_per_min, 0);
	grant_unref(r.grant);
}

/* Each kind of body wants its own kind of grant, and every one with a grant its descriptor. */
static void
answer_kinds(void **state)
{
	static const struct {
		const char *name;
		enum http_body body;
		enum grant_kind kind;
		bool want;
	} rows[] = {
		{"file", HTTP_FILE, GRANT_READ, true},
		{"file, to be written", HTTP_FILE, GRANT_WRITE, false},
		{"archive", HTTP_ARCHIVE, GRANT_READ, true},
		{"archive of a pipe", HTTP_ARCHIVE, GRANT_PIPE, false},
		{"pipe", HTTP_PIPE, GRANT_PIPE, true},
		{"pipe that is a file", HTTP_PIPE, GRANT_READ, false},
		{"upload", HTTP_UPLOAD, GRANT_WRITE, true},
		{"upload into what is read", HTTP_UPLOAD, GRANT_READ, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct grant_info info = {.kind = rows[i].kind, .size = 3};
		struct http_answer a = {.status = 200, .body = rows[i].body, .want = 5};
		struct http_answer r = {0};
		int fd = memfd_create("x", MFD_CLOEXEC);
		AUTO_BUF b = BUF_INIT(4096);
		CHECK_ROW(rows[i].name);
		assert_true(grant_adopt(&fd, &info, &a.grant, NULL));
		wire_write_answer(&a, &b);
		grant_unref(a.grant);
		assert_false(wire_read_answer(buf_span(&b), &fd, &r, NULL));
		fd = memfd_create("x", MFD_CLOEXEC);
		assert_int_equal(wire_read_answer(buf_span(&b), &fd, &r, NULL), rows[i].want);
		assert_int_equal(fd == -1, rows[i].want);
		if (!rows[i].want) {
			(void)close(fd);
			continue;
		}
		assert_int_equal(r.want, 5);
		assert_int_equal(grant_info(r.grant)->kind, rows[i].kind);
		assert_int_equal(wire_descriptor(r.grant) >= 0, rows[i].kind == GRANT_WRITE);
		assert_int_equal(grant_pipe(r.grant) >= 0, rows[i].kind == GRANT_PIPE);
		grant_unref(r.grant);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ask_round),
		cmocka_unit_test(ask_commit),
		cmocka_unit_test(ask_refused),
		cmocka_unit_test(done_round),
		cmocka_unit_test(done_full),
		cmocka_unit_test(answer_inline),
		cmocka_unit_test(rate_refused),
		cmocka_unit_test(answer_file),
		cmocka_unit_test(answer_kinds),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
