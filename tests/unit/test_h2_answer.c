/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/h2_answer.h"
#include "agent/http/respond.h"
#include "tests/unit/check.h"

static void
heads(void **state)
{
	static const struct {
		const char *name, *text;
		const char *want; /* "name=value;..." and what follows; NULL: refused */
	} rows[] = {
		{"plain", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
			":status=200;content-length=3;abc"},
		{"chunked", "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nX: Y\r\n\r\n",
			":status=202;x=Y;+"},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200",
			":status=100;HTTP/1.1 200"},
		{"secret", "HTTP/1.1 303 See Other\r\nSet-Cookie: a=b\r\nLocation: /x\r\n\r\n",
			":status=303;set-cookie=b!;location=/x!;"},
		{"colons in a value", "HTTP/1.1 200 OK\r\nLink: <https://x:1/>\r\n\r\n",
			":status=200;link=<https://x:1/>;"},
		{"no end", "HTTP/1.1 200 OK\r\nX: y\r\n", NULL},
		{"another version", "HTTP/1.0 200 OK\r\n\r\n", NULL},
		{"no status", "HTTP/1.1 2x0 OK\r\n\r\n", NULL},
		{"bare LF", "HTTP/1.1 200 OK\nX: y\n\n", NULL},
		{"no field", "HTTP/1.1 200 OK\r\nxyz\r\n\r\n", NULL},
		{"nothing", "", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256];
		struct h2_answer a;
		AUTO_BUF got = BUF_INIT(1024);
		CHECK_ROW(rows[i].name);
		assert_true(span_cstr(span_of(rows[i].text), text, sizeof(text)));
		bool ok = h2_answer_read(text, strlen(text), &a, NULL);
		assert_int_equal(ok, rows[i].want != NULL);
		for (size_t k = 0; ok && k < a.n; k++) {
			buf_add(&got, a.field[k].name);
			buf_addc(&got, '=');
			if (!span_eq(a.field[k].name, SPAN("set-cookie")))
				buf_add(&got, a.field[k].value);
			else
				buf_add(&got, span_skip(a.field[k].value, 2));
			buf_adds(&got, a.field[k].secret ? "!;" : ";");
		}
		if (ok) {
			buf_adds(&got, a.chunked ? "+" : "");
			buf_adds(&got, text + a.used);
			check_span(buf_span(&got), rows[i].want);
		}
	}
}

/* What the front writes by itself is read. */
static void
errors(void **state)
{
	static const unsigned statuses[] = {400, 404, 405, 408, 413, 416, 421, 429, 431, 503};
	struct respond_clock clock = {.n = 0};

	(void)state;
	respond_tick(&clock, 1795425849);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		AUTO_BUF text = BUF_INIT(8192);
		struct respond_error p = {.status = statuses[i], .minor = 1, .retry_after = 2};
		struct h2_answer a;
		respond_error(&text, &clock, &p);
		assert_true(h2_answer_read(text.p, text.n, &a, NULL));
		assert_int_equal(a.status, statuses[i]);
		assert_int_equal(text.p[a.used], '{');
		for (size_t k = 0; k < a.n; k++)
			assert_false(span_eq(a.field[k].name, SPAN("connection")));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(heads), cmocka_unit_test(errors)};

	return cmocka_run_group_tests_name("h2_answer", tests, NULL, NULL);
}
