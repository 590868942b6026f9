/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/parse.h"

#include "agent/base/buf.h"
#include "tests/unit/check.h"

#define H "Host: a.example\r\n"

/* Feed `in` in pieces of `piece` bytes, each time in another buffer of exactly that size, so that a
 * pointer kept from the call before is seen by the sanitizer. */
static enum step
feed(struct span in, size_t piece, struct http_parse *p, struct http_head *ret, size_t *used,
	char **keep, struct err *e)
{
	enum step s = STEP_READ;
	size_t n = 0;

	while (s == STEP_READ && n < in.n) {
		n = in.n - n < piece ? in.n : n + piece;
		free(*keep);
		*keep = malloc(n);
		assert_non_null(*keep);
		memcpy(*keep, in.p, n);
		s = http_parse(p, (struct span){*keep, n}, ret, used, e);
	}
	return s;
}

static const struct {
	const char *name;
	struct span in;
	unsigned status; /* 0: good */
	const char *ref;
} rows[] = {
	{"plain", SPAN_INIT("GET / HTTP/1.1\r\n" H "\r\n"), 0, NULL},
	{"1.0 without Host", SPAN_INIT("GET / HTTP/1.0\r\n\r\n"), 0, NULL},
	{"one empty line before", SPAN_INIT("\r\nGET / HTTP/1.1\r\n" H "\r\n"), 0, NULL},
	{"two empty lines before", SPAN_INIT("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), 400,
		"RFC 9112 2.2"},
	{"bare LF after the request line", SPAN_INIT("GET / HTTP/1.1\n" H "\r\n"), 400,
		"RFC 9112 2.2"},
	{"bare LF as the empty line", SPAN_INIT("GET / HTTP/1.1\r\n" H "\n"), 400, "RFC 9112 2.2"},
	{"bare LF first", SPAN_INIT("\nGET / HTTP/1.1\r\n" H "\r\n"), 400, "RFC 9112 2.2"},
	{"bare CR in a value", SPAN_INIT("GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n"), 400,
		"RFC 9112 2.2"},
	{"CR CR LF", SPAN_INIT("GET / HTTP/1.1\r\r\n" H "\r\n"), 400, "RFC 9112 2.2"},
	{"two spaces", SPAN_INIT("GET  / HTTP/1.1\r\n" H "\r\n"), 400, "RFC 9112 3"},
	{"space after the version", SPAN_INIT("GET / HTTP/1.1 \r\n" H "\r\n"), 400, "RFC 9112 2.3"},
	{"space first", SPAN_INIT(" GET / HTTP/1.1\r\n" H "\r\n"), 400, "RFC 9112 3"},
	{"tab between", SPAN_INIT("GET\t/ HTTP/1.1\r\n" H "\r\n"), 400, "RFC 9112 3"},
	{"no version", SPAN_INIT("GET /\r\n" H "\r\n"), 400, "RFC 9112 3"},
	{"HTTP/0.9", SPAN_INIT("GET /\r\n\r\n"), 400, "RFC 9112 3"},
	{"HTTP/1", SPAN_INIT("GET / HTTP/1\r\n" H "\r\n"), 400, "RFC 9112 2.3"},
	{"HTTP/1.1x", SPAN_INIT("GET / HTTP/1.1x\r\n" H "\r\n"), 400, "RFC 9112 2.3"},
	{"lower case version", SPAN_INIT("GET / http/1.1\r\n" H "\r\n"), 400, "RFC 9112 2.3"},
	{"HTTP/01.1", SPAN_INIT("GET / HTTP/01.1\r\n" H "\r\n"), 400, "RFC 9112 2.3"},
	{"HTTP/1.2", SPAN_INIT("GET / HTTP/1.2\r\n" H "\r\n"), 505, "RFC 9110 15.6.6"},
	{"HTTP/9.9", SPAN_INIT("GET / HTTP/9.9\r\n" H "\r\n"), 505, "RFC 9110 15.6.6"},
	{"HTTP/0.0", SPAN_INIT("GET / HTTP/0.0\r\n" H "\r\n"), 505, "RFC 9110 15.6.6"},
	{"HTTP/:.1", SPAN_INIT("GET / HTTP/:.1\r\n" H "\r\n"), 400, "RFC 9112 2.3"},
	{"all of a token", SPAN_INIT("GET / HTTP/1.1\r\n" H "azAZ09!#$%&'*+-.^_`|~: b\r\n\r\n"), 0,
		NULL},
	{"quote in a name", SPAN_INIT("GET / HTTP/1.1\r\n" H "a\"b: c\r\n\r\n"), 400,
		"RFC 9112 5.1"},
	{"HTTP/2 preface", SPAN_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, "RFC 9110 15.6.6"},
	{"method in lower case", SPAN_INIT("get / HTTP/1.1\r\n" H "\r\n"), 501, "RFC 9110 9.1"},
	{"method with a parenthesis", SPAN_INIT("GE(T / HTTP/1.1\r\n" H "\r\n"), 400,
		"RFC 9110 9.1"},
	{"unknown method", SPAN_INIT("BREW / HTTP/1.1\r\n" H "\r\n"), 501, "RFC 9110 9.1"},
	{"unknown method with broken framing",
		SPAN_INIT("BREW / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n"), 400,
		"RFC 9110 8.6"},
	{"method of 32 bytes",
		SPAN_INIT("ABCDEFGHABCDEFGHABCDEFGHABCDEFGH / HTTP/1.1\r\n" H "\r\n"), 501,
		"RFC 9110 9.1"},
	{"method of 33 bytes", SPAN_INIT("ABCDEFGHABCDEFGHABCDEFGHABCDEFGHI"), 501, "RFC 9110 9.1"},
	{"TLS on the plain side", SPAN_INIT("\x16\x03\x01"), 400, "RFC 9112 3"},
	{"garbage of 33 bytes", SPAN_INIT("ABCDEFGH(BCDEFGHABCDEFGHABCDEFGHI"), 400,
		"RFC 9110 9.1"},
	{"no Host", SPAN_INIT("GET / HTTP/1.1\r\n\r\n"), 400, "RFC 9112 3.2"},
	{"empty Host", SPAN_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, "RFC 9110 7.2"},
	{"two Hosts", SPAN_INIT("GET / HTTP/1.1\r\n" H H "\r\n"), 400, "RFC 9110 5.3"},
	{"Host with userinfo", SPAN_INIT("GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n"), 400,
		"RFC 9110 7.2"},
	{"Host in 1.0 is checked", SPAN_INIT("GET / HTTP/1.0\r\nHost: a/b\r\n\r\n"), 400,
		"RFC 9110 7.2"},
	{"NUL in a value", SPAN_INIT("GET / HTTP/1.1\r\n" H "A: b\0c\r\n\r\n"), 400,
		"RFC 9110 5.5"},
	{"NUL in a name", SPAN_INIT("GET / HTTP/1.1\r\n" H "A\0: b\r\n\r\n"), 400, "RFC 9110 5.5"},
	{"0x01 in a value", SPAN_INIT("GET / HTTP/1.1\r\n" H "A: b\1\r\n\r\n"), 400,
		"RFC 9110 5.5"},
	{"DEL in a value", SPAN_INIT("GET / HTTP/1.1\r\n" H "A: b\x7f\r\n\r\n"), 400,
		"RFC 9110 5.5"},
	{"0x01 in the target", SPAN_INIT("GET /\1 HTTP/1.1\r\n" H "\r\n"), 400, "RFC 9112 3"},
	{"tab and obs-text in a value", SPAN_INIT("GET / HTTP/1.1\r\n" H "A: b\t\xe9\r\n\r\n"), 0,
		NULL},
	{"space before the colon", SPAN_INIT("GET / HTTP/1.1\r\n" H "A : b\r\n\r\n"), 400,
		"RFC 9112 5.1"},
	{"no colon", SPAN_INIT("GET / HTTP/1.1\r\n" H "Ab\r\n\r\n"), 400, "RFC 9112 5"},
	{"empty name", SPAN_INIT("GET / HTTP/1.1\r\n" H ": b\r\n\r\n"), 400, "RFC 9112 5.1"},
	{"folded line", SPAN_INIT("GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n"), 400,
		"RFC 9112 5.2"},
	{"first line begins with a space", SPAN_INIT("GET / HTTP/1.1\r\n " H "\r\n"), 400,
		"RFC 9112 5.2"},
	{"two equal lengths",
		SPAN_INIT("PUT / HTTP/1.1\r\n" H "Content-Length: 4\r\ncontent-length: 4\r\n\r\n"),
		400, "RFC 9112 6.3"},
	{"length list", SPAN_INIT("PUT / HTTP/1.1\r\n" H "Content-Length: 4, 4\r\n\r\n"), 400,
		"RFC 9110 8.6"},
	{"length with a sign", SPAN_INIT("PUT / HTTP/1.1\r\n" H "Content-Length: -4\r\n\r\n"), 400,
		"RFC 9110 8.6"},
	{"length in hex", SPAN_INIT("PUT / HTTP/1.1\r\n" H "Content-Length: 0x4\r\n\r\n"), 400,
		"RFC 9110 8.6"},
	{"empty length", SPAN_INIT("PUT / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"), 400,
		"RFC 9110 8.6"},
	{"length 2^63 - 1",
		SPAN_INIT("PUT / HTTP/1.1\r\n" H "Content-Length: 9223372036854775807\r\n\r\n"), 0,
		NULL},
	{"length 2^63",
		SPAN_INIT("PUT / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n"),
		400, "RFC 9110 8.6"},
	{"length of 20 digits",
		SPAN_INIT("PUT / HTTP/1.1\r\n" H "Content-Length: 00000000000000000004\r\n\r\n"),
		400, "RFC 9110 8.6"},
	{"length and coding",
		SPAN_INIT("PUT / HTTP/1.1\r\n" H
			  "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"),
		400, "RFC 9112 6.1"},
	{"chunked", SPAN_INIT("PUT / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"), 0,
		NULL},
	{"xchunked", SPAN_INIT("PUT / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n"), 501,
		"RFC 9112 6.1"},
	{"chunked twice",
		SPAN_INIT("PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n"),
		400, "RFC 9112 6.1"},
	{"coding in two lines",
		SPAN_INIT("PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
			  "Transfer-Encoding: identity\r\n\r\n"),
		400, "RFC 9112 6.1"},
	{"coding quoted",
		SPAN_INIT("PUT / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n"), 400,
		"RFC 9112 6.1"},
	{"coding empty", SPAN_INIT("PUT / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n"), 400,
		"RFC 9112 6.1"},
	{"coding in HTTP/1.0",
		SPAN_INIT("PUT / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), 400,
		"RFC 9112 6.1"},
	{"expectation", SPAN_INIT("PUT / HTTP/1.1\r\n" H "Expect: 100-Continue\r\n\r\n"), 0, NULL},
	{"another expectation", SPAN_INIT("PUT / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n"), 417,
		"RFC 9110 10.1.1"},
	{"two depths", SPAN_INIT("PROPFIND / HTTP/1.1\r\n" H "Depth: 0\r\nDepth: 1\r\n\r\n"), 400,
		"RFC 9110 5.3"},
	{"Connection with a quote", SPAN_INIT("GET / HTTP/1.1\r\n" H "Connection: \"a\"\r\n\r\n"),
		400, "RFC 9110 7.6.1"},
	{"as davix sends it",
		SPAN_INIT("PROPFIND /x HTTP/1.1\r\n" H
			  "User-Agent: libdavix/0.8.4 neon/0.0.29\r\nKeep-Alive: \r\n"
			  "Connection: Keep-Alive\r\nTE: trailers\r\nDepth: 1\r\n\r\n"),
		0, NULL},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 3; i++) {
		size_t row = i / 3;
		size_t piece = i % 3 == 0 ? SIZE_MAX : i % 3 == 1 ? 1 : 7;
		struct http_parse p = {0};
		struct http_head h;
		struct err e = {0};
		char *keep = NULL;
		size_t used = 77;
		CHECK_ROW(rows[row].name);
		enum step s = feed(rows[row].in, piece, &p, &h, &used, &keep, &e);
		assert_int_equal(p.status, rows[row].status);
		assert_int_equal(s, rows[row].status == 0 ? STEP_DONE : STEP_FAIL);
		if (rows[row].status == 0)
			assert_int_equal(used, rows[row].in.n);
		else
			assert_string_equal(e.ref, rows[row].ref);
		free(keep);
	}
}

/* Heads that a generator writes: `n` times `unit` between two pieces of text. */
static void
limits(void **state)
{
	static const struct {
		const char *name, *before, *unit, *after;
		size_t n;
		unsigned status;
	} big[] = {
		{"target of the longest line", "GET /", "a", " HTTP/1.1\r\n" H "\r\n", 8192 - 14,
			0},
		{"one byte longer", "GET /", "a", " HTTP/1.1\r\n" H "\r\n", 8192 - 13, 414},
		{"target without an end", "GET /", "a", "", 20000, 414},
		{"100 fields", "GET / HTTP/1.1\r\n" H, "a: b\r\n", "\r\n", 99, 0},
		{"101 fields", "GET / HTTP/1.1\r\n" H, "a: b\r\n", "\r\n", 100, 431},
		{"head of 16384 bytes", "GET / HTTP/1.1\r\n" H "a:", "b", "\r\n\r\n",
			16384 - 16 - 17 - 6, 0},
		{"head of 16385 bytes", "GET / HTTP/1.1\r\n" H "a:", "b", "\r\n\r\n",
			16385 - 16 - 17 - 6, 431},
		{"a value without an end", "GET / HTTP/1.1\r\na: ", "b", "", 100000, 431},
		{"empty lines without an end", "", "\r\n", "", 32768, 400},
		{"32 Connection options", "GET / HTTP/1.1\r\n" H "Connection: ", "a,", "\r\n\r\n",
			32, 0},
		{"33 Connection options", "GET / HTTP/1.1\r\n" H "Connection: ", "a,", "\r\n\r\n",
			33, 400},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(big) / sizeof(big[0]) * 2; i++) {
		struct http_parse p = {0};
		struct http_head h;
		size_t used = 0;
		AUTO_BUF in = BUF_INIT(1U << 20);
		CHECK_ROW(big[i / 2].name);
		buf_adds(&in, big[i / 2].before);
		for (size_t k = 0; k < big[i / 2].n; k++)
			buf_adds(&in, big[i / 2].unit);
		buf_adds(&in, big[i / 2].after);
		enum step s = STEP_READ;
		for (size_t n = i % 2 == 0 ? in.n : 1; n <= in.n && s == STEP_READ; n++)
			s = http_parse(&p, (struct span){in.p, n}, &h, &used, NULL);
		assert_int_equal(s, big[i / 2].status == 0 ? STEP_DONE : STEP_FAIL);
		assert_int_equal(p.status, big[i / 2].status);
	}
}

/* Bytes are looked at eight at once: each kind at each place. */
static void
every_place(void **state)
{
	static const struct {
		char byte;
		unsigned status;
	} kinds[] = {{'\0', 400}, {'\x1f', 400}, {'\x7f', 400}, {'\r', 400}, {'\n', 400}, {'\t', 0},
		{' ', 0}, {'\x7e', 0}, {'\x80', 0}, {'\xff', 0}};
	char text[] = "GET / HTTP/1.1\r\n" H "a: 0123456789012345678901234567890123456789b\r\n\r\n";
	size_t from = sizeof("GET / HTTP/1.1\r\n" H "a: ") - 1;

	(void)state;
	for (size_t i = 0; i < 40 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct http_parse p = {0};
		struct http_head h;
		size_t used = 0;
		char *at = &text[from + i % 40];
		char before = *at;
		*at = kinds[i / 40].byte;
		enum step s =
			http_parse(&p, (struct span){text, sizeof(text) - 1}, &h, &used, NULL);
		*at = before;
		assert_int_equal(p.status, kinds[i / 40].status);
		assert_int_equal(s, p.status == 0 ? STEP_DONE : STEP_FAIL);
	}
}

static void
parse_good(const char *text, struct http_head *ret)
{
	struct http_parse p = {0};
	size_t used = 0;

	assert_int_equal(http_parse(&p, span_of(text), ret, &used, NULL), STEP_DONE);
}

static void
fields(void **state)
{
	struct http_head h;

	(void)state;
	parse_good("HEAD /a?b HTTP/1.1\r\nhOst:  a.example:8443 \r\nAuthorization: Bearer x\r\n"
		   "authorization: Basic y\r\nRANGE: bytes=0-1\r\nRange: bytes=2-3\r\n"
		   "If-Match: \"a\"\r\nIf-None-Match: \"b\"\r\nIf-Modified-Since: c\r\n"
		   "If-Unmodified-Since: d\r\nIf-Range: e\r\nAccept: f\r\nDepth: 1\r\n"
		   "Want-Digest: g\r\nWant-Repr-Digest: h\r\nTraceparent: i\r\n"
		   "DPOP: j\r\ndpop: k\r\nCookie: l\r\nOrigin: m\r\nSec-Fetch-Site: n\r\n"
		   "Content-Length: 12\r\nX: \r\n\r\nleft over",
		&h);
	assert_int_equal(h.method, HTTP_HEAD);
	check_span(h.method_text, "HEAD");
	check_span(h.target, "/a?b");
	assert_int_equal(h.minor, 1);
	assert_int_equal(h.n_fields, 22);
	check_span(h.host, "a.example:8443");
	check_span(h.authorization, "Bearer x");
	assert_int_equal(h.authorizations, 2);
	check_span(h.range, "bytes=0-1");
	assert_int_equal(h.ranges, 2);
	check_span(h.if_match, "\"a\"");
	check_span(h.if_none_match, "\"b\"");
	check_span(h.if_modified_since, "c");
	check_span(h.if_unmodified_since, "d");
	check_span(h.if_range, "e");
	check_span(h.accept, "f");
	check_span(h.depth, "1");
	check_span(h.want_digest, "g");
	check_span(h.want_repr_digest, "h");
	check_span(h.traceparent, "i");
	check_span(h.dpop, "j");
	assert_int_equal(h.proofs, 2);
	check_span(h.cookie, "l");
	assert_int_equal(h.cookies, 1);
	check_span(h.origin, "m");
	check_span(h.fetch_site, "n");
	assert_true(h.has_length && h.content_length == 12 && !h.chunked);
	assert_int_equal(head_count(&h, SPAN("range")), 2);
	check_span(head_get(&h, SPAN("range"), 1), "bytes=2-3");
	check_span(head_get(&h, SPAN("x"), 0), "");
	assert_null(head_get(&h, SPAN("range"), 2).p);
}

static void
connection(void **state)
{
	static const struct {
		const char *name, *in;
		bool keep;
	} keeps[] = {
		{"1.1", "GET / HTTP/1.1\r\n" H "\r\n", true},
		{"1.1 close", "GET / HTTP/1.1\r\n" H "Connection: TE, Close\r\n\r\n", false},
		{"1.1 in two lines",
			"GET / HTTP/1.1\r\n" H "Connection: TE\r\nConnection: close\r\n\r\n",
			false},
		{"1.0", "GET / HTTP/1.0\r\n" H "\r\n", false},
		{"1.0 keep-alive", "GET / HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\n", true},
		{"1.0 both", "GET / HTTP/1.0\r\n" H "Connection: keep-alive, close\r\n\r\n", false},
	};
	struct http_head h;

	(void)state;
	for (size_t i = 0; i < sizeof(keeps) / sizeof(keeps[0]); i++) {
		CHECK_ROW(keeps[i].name);
		parse_good(keeps[i].in, &h);
		assert_int_equal(h.keep_alive, keeps[i].keep);
	}
	parse_good("GET / HTTP/1.1\r\n" H "Authorization: x\r\nRange: bytes=0-1\r\nDepth: 1\r\n"
		   "Content-Length: 3\r\nConnection: range, Host,authorization , content-length\r\n"
		   "\r\n",
		&h);
	assert_null(h.range.p);
	assert_int_equal(h.ranges, 0);
	check_span(h.host, "a.example");
	check_span(h.authorization, "x");
	check_span(h.depth, "1");
	assert_true(h.has_length);
	parse_good("PUT / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n", &h);
	assert_true(h.expect_continue);
	parse_good("PUT / HTTP/1.0\r\n" H "Expect: 100-continue\r\n\r\n", &h);
	assert_false(h.expect_continue);
}

static void
pipeline(void **state)
{
	struct span in = SPAN("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n");
	struct http_head h;
	size_t used = 0;

	(void)state;
	for (int c = '1'; c <= '2'; c++) {
		struct http_parse p = {0};
		assert_int_equal(http_parse(&p, in, &h, &used, NULL), STEP_DONE);
		assert_int_equal(h.target.p[1], c);
		in = span_skip(in, used);
	}
	assert_int_equal(in.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(limits),
		cmocka_unit_test(every_place),
		cmocka_unit_test(fields),
		cmocka_unit_test(connection),
		cmocka_unit_test(pipeline),
	};
	return cmocka_run_group_tests_name("http_parse", tests, NULL, NULL);
}
