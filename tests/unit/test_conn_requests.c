/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker makes of what comes in. */
#include "tests/unit/conn_world.h"

struct row {
	const char *name, *in, *statuses;
	bool closed;
	const char *has, *lacks; /* NULL: not looked for */
	unsigned asks;
};

#define FORM(type, length)                                                                         \
	"POST /logout HTTP/1.1\r\nHost: h\r\nContent-Type: " type "\r\nContent-Length: " length    \
	"\r\n\r\n"

static const struct row rows[] = {
	{"one file", GET("/data/x/small"), "200 ", false, "Content-Length: 20\r\n",
		"Connection:", 1},
	{"missing", GET("/data/x/none"), "404 ", false, "no such file", NULL, 1},
	{"unknown path", GET("/other"), "404 ", false, "problem+json", NULL, 0},
	{"head", "HEAD /data/x/none HTTP/1.1\r\nHost: h\r\n\r\n", "404 ", false,
		"Content-Length: 13\r\n", "no such", 1},
	{"close is obeyed", WITH("Connection: close"), "200 ", true, "Connection: close", NULL, 1},
	{"three in one go", GET("/data/x/small") GET("/data/x/none") GET("/data/x/small"),
		"200 404 200 ", false, NULL, NULL, 3},
	{"another host", "GET /data/x/small HTTP/1.1\r\nHost: other\r\n\r\n", "421 ", false, NULL,
		NULL, 0},
	{"no host", "GET /data/x/small HTTP/1.1\r\n\r\n" GET("/data/x/small"), "400 ", true, NULL,
		NULL, 0},
	{"bad path", GET("/data/../x") GET("/data/x/small"), "400 ", true, NULL, NULL, 0},
	{"wrong method, body dropped",
		"POST /data/x/small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /" GET(
			"/data/x/small"),
		"405 200 ", false, "Allow: GET", NULL, 1},
	{"wrong method, chunked body dropped",
		"POST /data/x/small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nGET\r\n0\r\n\r\n" GET("/data/x/small"),
		"405 200 ", false, NULL, NULL, 1},
	{"wrong method, broken chunks",
		"POST /data/x/small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nGETTT\r\n0\r\n\r\n" GET("/data/x/small"),
		"405 ", true, NULL, NULL, 0},
	{"wrong method, body too long to drop",
		"POST /data/x/small HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", "405 ",
		true, "Connection: close", NULL, 0},
	{"wrong method, body held back",
		"DELETE /data/x/small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
		"Expect: 100-continue\r\n\r\n",
		"405 ", true, NULL, "100 Continue", 0},
	{"propfind", "PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n<a/>",
		"207 ", false, "<a/>", NULL, 1},
	{"propfind without body", "PROPFIND /data/x HTTP/1.1\r\nHost: h\r\n\r\n", "207 ", false,
		"Content-Length: 0", NULL, 1},
	{"propfind in chunks, and the next",
		"PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\n<ab\r\n2;x=y\r\n/>\r\n0\r\nT: x\r\n\r\n" GET("/data/x/none"),
		"207 404 ", false, "<ab/>", NULL, 2},
	{"propfind with broken chunks",
		"PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"-3\r\n<ab",
		"400 ", true, NULL, NULL, 0},
	{"propfind too long",
		"PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", "413 ",
		true, NULL, NULL, 0},
	{"form", FORM("application/x-www-form-urlencoded", "3") "a=b" GET("/data/x/small"),
		"404 200 ", false, NULL, NULL, 2},
	{"form with a parameter of its type",
		FORM("Application/X-WWW-Form-URLencoded ; charset=utf-8", "0"), "404 ", false, NULL,
		NULL, 1},
	{"form of another type", FORM("text/plain", "3") "a=b", "415 ", false, NULL, NULL, 0},
	{"form without a type", "POST /logout HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na=b",
		"415 ", false, NULL, NULL, 0},
	{"no form at all", "POST /logout HTTP/1.1\r\nHost: h\r\n\r\n", "404 ", false, NULL, NULL,
		1},
	{"form too long", FORM("application/x-www-form-urlencoded", "4097"), "413 ", false, NULL,
		NULL, 0},
	{"form too long, in chunks",
		"POST /logout HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
		"Content-Type: application/x-www-form-urlencoded\r\n\r\n1001\r\n",
		"413 ", true, NULL, NULL, 0},
	{"body of a GET is not a request",
		"GET /data/x/small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /", "200 ",
		false, NULL, NULL, 1},
	{"options", "OPTIONS /data/x/small HTTP/1.1\r\nHost: h\r\n\r\n", "200 ", false, "DAV: 1",
		NULL, 0},
	{"options of the server", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "200 ", false,
		"Allow:", NULL, 0},
	{"garbage", "\x16\x03\x01\r\n\r\n", "400 ", true, NULL, NULL, 0},
	{"range", WITH("Range: bytes=2-4"), "206 ", false, "Content-Range: bytes 2-4/20\r\n", NULL,
		1},
	{"ranges", WITH("Range: bytes=0-1,5-6"), "206 ", false,
		"multipart/byteranges; boundary=", NULL, 1},
	{"range outside", WITH("Range: bytes=20-"), "416 ", false, "Content-Range: bytes */20\r\n",
		NULL, 1},
	{"two ranges fields", WITH("Range: bytes=0-1\r\nRange: bytes=0-2"), "200 ", false, NULL,
		NULL, 1},
	{"range of HEAD", "HEAD /data/x/small HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\n",
		"200 ", false, "Content-Length: 20\r\n", NULL, 1},
	{"same etag", WITH("If-None-Match: \"abc\""), "304 ", false, "ETag: \"abc\"",
		"Content-Length", 1},
	{"other etag demanded", WITH("If-Match: \"x\""), "412 ", false, NULL, NULL, 1},
	{"if-range with another etag", WITH("Range: bytes=0-1\r\nIf-Range: \"x\""), "200 ", false,
		NULL, NULL, 1},
	{"two origins", WITH("Origin: https://h\r\nOrigin: https://i"), "400 ", true, NULL, NULL,
		0},
	{"HTTP/1.0", "GET /data/x/small HTTP/1.0\r\n\r\n", "200 ", true, NULL, NULL, 1},
};

static void
check_row(const struct row *r, size_t step)
{
	struct world w;
	char seen[256];

	world_begin(&w);
	say(&w, span_of(r->in), step);
	statuses(buf_span(&w.got), seen);
	assert_string_equal(seen, r->statuses);
	assert_int_equal(w.closed, r->closed);
	assert_int_equal(w.n_asks, r->asks);
	if (r->has != NULL && memmem(w.got.p, w.got.n, r->has, strlen(r->has)) == NULL)
		fail_msg("no \"%s\" in %.*s", r->has, SPAN_ARG(buf_span(&w.got)));
	if (r->lacks != NULL && memmem(w.got.p, w.got.n, r->lacks, strlen(r->lacks)) != NULL)
		fail_msg("\"%s\" in %.*s", r->lacks, SPAN_ARG(buf_span(&w.got)));
	world_end(&w);
	assert_int_equal(w.n_closed, 1);
}

static void
exchanges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		check_row(&rows[i], SIZE_MAX);
		check_row(&rows[i], 1);
	}
}

static void
continues(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	say(&w,
		SPAN("PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
		     "Expect: 100-continue\r\n\r\n"),
		SIZE_MAX);
	CHECK_ROW("100 comes before the body, and nothing else");
	check_span(buf_span(&w.got), "HTTP/1.1 100 Continue\r\n\r\n");
	say(&w, SPAN("<a/>"), SIZE_MAX);
	assert_non_null(memmem(w.got.p, w.got.n, "HTTP/1.1 207", 12));
	world_end(&w);
}

/* The buffers of idle connections wait for the next one without the credentials of the last. */
static void
forgets_credentials(void **state)
{
	static const char two[] = WITH("Authorization: Bearer secret-token")
		WITH("Authorization: Bearer other-secret");
	struct world w;

	(void)state;
	for (size_t step = 7; step < 1000; step += 992) {
		world_begin(&w);
		w.env.in.free[0] = calloc(1, CONN_IN_SIZE);
		w.env.in.n = 1;
		say(&w, (struct span){two, sizeof(two) - 1}, step);
		assert_int_equal(w.n_asks, 2);
		assert_int_equal(w.env.in.n, 1);
		assert_null(memmem(w.env.in.free[0], CONN_IN_SIZE, "secret", 6));
		world_end(&w);
	}
}

static void
wait_closed(struct world *w)
{
	int64_t start = w->loop.now;

	while (!w->closed && w->loop.now - start < 4000) {
		assert_true(loop_turn(&w->loop, 100, NULL));
		drink(w);
	}
	assert_true(w->closed);
}

static void
deadlines(void **state)
{
	static const struct {
		const char *name, *in, *has; /* NULL: closed without a word */
	} late[] = {
		{"nothing comes", "", NULL},
		{"a head that does not end", "GET / HTT", "HTTP/1.1 408"},
		{"idle after an answer", GET("/data/x/none"), NULL},
		{"a body that does not come",
			"PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx",
			"HTTP/1.1 408"},
		{"a dropped body that does not come",
			"POST /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		struct world w;
		CHECK_ROW(late[i].name);
		world_begin(&w);
		say(&w, span_of(late[i].in), SIZE_MAX);
		assert_false(w.closed);
		buf_reset(&w.got);
		wait_closed(&w);
		if (late[i].has != NULL)
			assert_non_null(memmem(w.got.p, w.got.n, late[i].has, strlen(late[i].has)));
		else
			assert_int_equal(w.got.n, 0);
		world_end(&w);
	}
}

static void
identities(void **state)
{
	struct world w;
	char seen[64];

	(void)state;
	world_begin(&w);
	say(&w,
		SPAN(WITH("Authorization: Bearer a") WITH("Authorization: Bearer a")
				GET("/data/x/small") WITH("Authorization: Bearer b")),
		SIZE_MAX);
	CHECK_ROW("a connection counts for one credential, the last it used");
	statuses(buf_span(&w.got), seen);
	assert_string_equal(seen, "200 200 200 200 ");
	assert_int_equal(w.n_identities, 1);
	world_end(&w);
	assert_int_equal(w.n_identities, 0);

	world_begin(&w);
	w.n_identities = 1; /* another connection has it */
	say(&w, SPAN(WITH("Authorization: Bearer a") GET("/data/x/small")), SIZE_MAX);
	CHECK_ROW("too many connections of one credential");
	statuses(buf_span(&w.got), seen);
	assert_string_equal(seen, "429 200 ");
	assert_non_null(memmem(w.got.p, w.got.n, "Retry-After", 11));
	world_end(&w);
	assert_int_equal(w.n_identities, 1);
}

/* What the gate is told of the sender. */
static void
senders(void **state)
{
	static const struct {
		const char *name, *in, *who;
		bool certificate;
	} is[] = {
		{"nobody", GET("/data/x/small"), "|||||", false},
		{"a proof", WITH("dpop:  ey.ey.x "), "ey.ey.x|||||", false},
		{"two proofs", WITH("DPoP: a\r\nDPoP: b"), "a|||||2", false},
		{"a proof that Connection names", WITH("Connection: dpop\r\nDPoP: a"), "a|||||",
			false},
		{"our cookies", WITH("Cookie: x=y; __Host-pan-session=s; __Host-pan-login=l"),
			"|s|l|||", false},
		{"two fields of cookies", WITH("Cookie: __Host-pan-session=s\r\nCookie: x=y"),
			"|||||", false},
		{"a cookie twice", WITH("Cookie: __Host-pan-session=s; __Host-pan-session=t"),
			"|||||", false},
		{"a page", WITH("Origin: https://h\r\nSec-Fetch-Site: same-origin"),
			"|||https://h|same-origin|", false},
		{"a certificate", GET("/data/x/small"), "|||||c", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
		struct world w;
		CHECK_ROW(is[i].name);
		world_begin(&w);
		((struct conn *)(void *)w.env.conns.next)->tls->certificate = is[i].certificate;
		w.keep = true;
		say(&w, span_of(is[i].in), SIZE_MAX);
		assert_int_equal(w.n_asks, 1);
		assert_string_equal(w.who, is[i].who);
		say(&w, span_of(is[i].in), SIZE_MAX);
		CHECK_ROW("and again: kept only for nobody, and for a page");
		bool kept = i == 0 || i == 5 || i == 6 || i == 7;
		assert_int_equal(w.n_asks, kept ? 1 : 2);
		world_end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges),
		cmocka_unit_test(continues),
		cmocka_unit_test(forgets_credentials),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(identities),
		cmocka_unit_test(senders),
	};
	return cmocka_run_group_tests_name("conn_requests", tests, NULL, NULL);
}
