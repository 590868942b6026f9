/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/h2_head.h"
#include "agent/http/parse.h"
#include "tests/unit/check.h"

#define PSEUDO ":method|GET\n:scheme|https\n:authority|h\n:path|/a\n"

/* Fields as lines "name|value\n".  False: refused. */
static bool
feed(struct h2_head *h, const char *fields, bool body, struct err *e)
{
	struct span rest = span_of(fields);

	h2_head_init(h);
	while (rest.n > 0) {
		struct span value = span_cut(&rest, '\n');
		struct span name = span_cut(&value, '|');
		if (!h2_head_field(h, name, value, e))
			return false;
	}
	return h2_head_end(h, body, e);
}

static void
good(void **state)
{
	static const struct {
		const char *name, *fields;
		bool body;
		const char *want;
	} rows[] = {
		{"plain", PSEUDO "accept|*/*\n", false,
			"GET /a HTTP/1.1\r\nhost: h\r\naccept: */*\r\nconnection: close\r\n\r\n"},
		{"pseudo-headers in another order",
			":path|/a\n:authority|h\n:scheme|https\n:method|HEAD\n", false,
			"HEAD /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"},
		{"Host instead of :authority", ":method|GET\n:scheme|https\n:path|/a\nhost|h\n",
			false, "GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"},
		{"Host as :authority", PSEUDO "host|H\n", false,
			"GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"},
		{"no host at all: the parser says 400", ":method|GET\n:scheme|https\n:path|/a\n",
			false, "GET /a HTTP/1.1\r\nconnection: close\r\n\r\n"},
		{"asterisk", ":method|OPTIONS\n:scheme|https\n:authority|h\n:path|*\n", false,
			"OPTIONS * HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"},
		{"crumbs of a cookie", PSEUDO "cookie|a=1\nx|y\ncookie|b=2\n", false,
			"GET /a HTTP/1.1\r\nhost: h\r\nx: y\r\ncookie: a=1; b=2\r\n"
			"connection: close\r\n\r\n"},
		{"an empty value", PSEUDO "x|\n", false,
			"GET /a HTTP/1.1\r\nhost: h\r\nx: \r\nconnection: close\r\n\r\n"},
		{"te: trailers", PSEUDO "te|trailers\n", false,
			"GET /a HTTP/1.1\r\nhost: h\r\nte: trailers\r\nconnection: close\r\n\r\n"},
		{"a body of known length", PSEUDO "content-length|5\n", true,
			"GET /a HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n"
			"connection: close\r\n\r\n"},
		{"no body, and its length", PSEUDO "content-length|0\n", false,
			"GET /a HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n"
			"connection: close\r\n\r\n"},
		{"a body of unknown length", PSEUDO, true,
			"GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"
			"transfer-encoding: chunked\r\n\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct h2_head h;
		CHECK_ROW(rows[i].name);
		assert_true(feed(&h, rows[i].fields, rows[i].body, NULL));
		check_span(buf_span(&h.text), rows[i].want);
		h2_head_fini(&h);
	}
}

static void
malformed(void **state)
{
	static const struct {
		const char *name, *fields;
		bool body;
	} rows[] = {
		{"nothing", "", false},
		{"no :method", ":scheme|https\n:authority|h\n:path|/a\n", false},
		{"no :scheme", ":method|GET\n:authority|h\n:path|/a\n", false},
		{"no :path", ":method|GET\n:scheme|https\n:authority|h\n", false},
		{"an empty :path", ":method|GET\n:scheme|https\n:authority|h\n:path|\n", false},
		{"an empty :method", ":method|\n:scheme|https\n:authority|h\n:path|/\n", false},
		{"an empty :authority", ":method|GET\n:scheme|https\n:authority|\n:path|/\n",
			false},
		{"CONNECT", ":method|CONNECT\n:authority|h:1\n", false},
		{"CONNECT with fields", ":method|CONNECT\n:authority|h:1\nx|y\n", false},
		{":method twice", PSEUDO ":method|GET\n", false},
		{":path twice", PSEUDO ":path|/a\n", false},
		{":authority twice", PSEUDO ":authority|h\n", false},
		{":scheme twice", PSEUDO ":scheme|https\n", false},
		{"http", ":method|GET\n:scheme|http\n:authority|h\n:path|/a\n", false},
		{":status", PSEUDO ":status|200\n", false},
		{":protocol", PSEUDO ":protocol|websocket\n", false},
		{"a pseudo-header behind a field",
			":method|GET\n:scheme|https\n:path|/a\nx|y\n:authority|h\n", false},
		{"a blank in the method", ":method|GET /b HTTP/1.1\n:scheme|https\n:path|/a\n",
			false},
		{"a blank in the path", ":method|GET\n:scheme|https\n:path|/a b\n", false},
		{"CR in the path", ":method|GET\n:scheme|https\n:path|/a\rb\n", false},
		{"a tab in the path", ":method|GET\n:scheme|https\n:path|/a\tb\n", false},
		{"the absolute form", ":method|GET\n:scheme|https\n:path|https://x/a\n", false},
		{"a path without slash", ":method|GET\n:scheme|https\n:path|a\n", false},
		{"a blank in :authority", ":method|GET\n:scheme|https\n:path|/\n:authority|h x\n",
			false},
		{"another Host", PSEUDO "host|i\n", false},
		{"a blank in Host", ":method|GET\n:scheme|https\n:path|/\nhost|h x\n", false},
		{"a capital letter in a name", PSEUDO "Accept|x\n", false},
		{"a blank in a name", PSEUDO "a b|x\n", false},
		{"a colon in a name", PSEUDO "a:b|x\n", false},
		{"CR in a name", PSEUDO "a\rb|x\n", false},
		{"no name", PSEUDO "|x\n", false},
		{"CR in a value", PSEUDO "a|x\ry\n", false},
		{"a control character in a value", PSEUDO "a|x\001y\n", false},
		{"a blank at the beginning of a value", PSEUDO "a| x\n", false},
		{"a tab at the end of a value", PSEUDO "a|x\t\n", false},
		{"Connection", PSEUDO "connection|close\n", false},
		{"Proxy-Connection", PSEUDO "proxy-connection|close\n", false},
		{"Keep-Alive", PSEUDO "keep-alive|5\n", false},
		{"Transfer-Encoding", PSEUDO "transfer-encoding|chunked\n", true},
		{"Upgrade", PSEUDO "upgrade|h2c\n", false},
		{"TE", PSEUDO "te|gzip\n", false},
		{"TE, both", PSEUDO "te|trailers, gzip\n", false},
		{"Content-Length twice", PSEUDO "content-length|5\ncontent-length|5\n", true},
		{"a signed Content-Length", PSEUDO "content-length|+5\n", true},
		{"a list of Content-Lengths", PSEUDO "content-length|5, 5\n", true},
		{"an empty Content-Length", PSEUDO "content-length|\n", true},
		{"a Content-Length of 20 digits", PSEUDO "content-length|00000000000000000005\n",
			true},
		{"a Content-Length of 2^63", PSEUDO "content-length|9223372036854775808\n", true},
		{"a Content-Length without a body", PSEUDO "content-length|5\n", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {.code = ERR_NONE};
		struct h2_head h;
		CHECK_ROW(rows[i].name);
		assert_false(feed(&h, rows[i].fields, rows[i].body, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		h2_head_fini(&h);
	}
}

/* LF and NUL, which the table cannot say. */
static void
control(void **state)
{
	static const struct span bad[] = {SPAN_INIT("x\ny"), SPAN_INIT("x\0y"), SPAN_INIT("\r\n")};
	static const struct span where[] = {
		SPAN_INIT(":method"), SPAN_INIT(":path"), SPAN_INIT(":authority"), SPAN_INIT("x")};
	struct h2_head h;

	(void)state;
	for (size_t i = 0; i < 12; i++) {
		assert_true(feed(&h, PSEUDO, false, NULL));
		h.begun = i / 3 == 3;
		h.method.n = 0;
		h.path.n = 0;
		h.authority.n = 0;
		assert_false(h2_head_field(&h, where[i / 3], bad[i % 3], NULL));
		h2_head_fini(&h);
	}
}

/* Too large for HTTP/1.1: 431 of the parser.  Without end: an error of the connection. */
static void
large(void **state)
{
	static char value[8000];
	struct http_parse p = {0};
	struct http_head head;
	struct err e = {.code = ERR_NONE};
	struct h2_head h;
	size_t used = 0;

	(void)state;
	memset(value, 'v', sizeof(value));
	h2_head_init(&h);
	for (unsigned i = 0; i < 4; i++)
		assert_true(h2_head_field(&h,
			(struct span[]){SPAN(":method"), SPAN(":scheme"), SPAN(":authority"),
				SPAN(":path")}[i],
			(struct span[]){SPAN("GET"), SPAN("https"), SPAN("h"), SPAN("/")}[i], &e));
	for (unsigned i = 0; i < 3; i++)
		assert_true(h2_head_field(&h, SPAN("x"), (struct span){value, sizeof(value)}, &e));
	assert_true(h2_head_end(&h, false, &e));
	assert_int_equal(http_parse(&p, buf_span(&h.text), &head, &used, NULL), STEP_FAIL);
	assert_int_equal(p.status, 431);
	for (unsigned i = 0; i < 5; i++)
		assert_true(h2_head_field(&h, SPAN("x"), (struct span){value, sizeof(value)}, &e));
	assert_false(h2_head_field(&h, SPAN("x"), (struct span){value, sizeof(value)}, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	h2_head_fini(&h);
}

static void
many(void **state)
{
	struct http_parse p = {0};
	struct http_head head;
	struct h2_head h;
	size_t used = 0;

	(void)state;
	for (unsigned n = 96; n <= 97; n++) { /* and the four that every request has */
		struct http_parse each = p;
		assert_true(feed(&h, PSEUDO, false, NULL));
		h2_head_fini(&h);
		h2_head_init(&h);
		for (unsigned i = 0; i < 4; i++)
			assert_true(h2_head_field(&h,
				(struct span[]){SPAN(":method"), SPAN(":scheme"),
					SPAN(":authority"), SPAN(":path")}[i],
				(struct span[]){
					SPAN("GET"), SPAN("https"), SPAN("h"), SPAN("/")}[i],
				NULL));
		for (unsigned i = 0; i < n; i++)
			assert_true(h2_head_field(&h, SPAN("x"), SPAN("y"), NULL));
		assert_true(h2_head_end(&h, true, NULL));
		assert_int_equal(http_parse(&each, buf_span(&h.text), &head, &used, NULL),
			n == 96 ? STEP_DONE : STEP_FAIL);
		assert_int_equal(each.status, n == 96 ? 0 : 431);
		h2_head_fini(&h);
	}
}

static void
trailers(void **state)
{
	(void)state;
	assert_true(h2_head_trailer(SPAN("x"), SPAN("y"), NULL));
	assert_false(h2_head_trailer(SPAN(":path"), SPAN("/"), NULL));
	assert_false(h2_head_trailer(SPAN("x"), SPAN("a\nb"), NULL));
	assert_false(h2_head_trailer(SPAN("transfer-encoding"), SPAN("chunked"), NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(malformed),
		cmocka_unit_test(control),
		cmocka_unit_test(large),
		cmocka_unit_test(many),
		cmocka_unit_test(trailers),
	};
	return cmocka_run_group_tests_name("h2_head", tests, NULL, NULL);
}
