/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/respond.h"
#include "tests/unit/check.h"

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static void
heads(void **state)
{
	struct respond_clock c = {0};
	AUTO_BUF b = BUF_INIT(4096);

	(void)state;
	respond_tick(&c, 784111777);
	respond_start(&b, 206, &c);
	respond_field(&b, "ETag", SPAN("\"a\""));
	respond_length(&b, 12);
	respond_end(&b, true, 1);
	check_span(buf_span(&b), "HTTP/1.1 206 Partial Content\r\n" DATE
				 "ETag: \"a\"\r\nContent-Length: 12\r\n\r\n");
	buf_reset(&b);
	respond_start(&b, 799, &c);
	respond_end(&b, false, 1);
	check_span(buf_span(&b), "HTTP/1.1 799 Unknown\r\n" DATE "Connection: close\r\n\r\n");
	buf_reset(&b);
	respond_end(&b, true, 0);
	check_span(buf_span(&b), "Connection: keep-alive\r\n\r\n");
	buf_reset(&b);
	respond_continue(&b);
	check_span(buf_span(&b), "HTTP/1.1 100 Continue\r\n\r\n");
	respond_tick(&c, 784111778);
	check_span(span_of(c.line), "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
}

static void
injection(void **state)
{
	static const struct span bad[] = {
		SPAN_INIT("a\rb"), SPAN_INIT("a\nb"), SPAN_INIT("a\0b"), SPAN_INIT("\r\n")};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_BUF b = BUF_INIT(4096);
		respond_field(&b, "X", bad[i]);
		assert_false(buf_ok(&b));
		assert_int_equal(b.n, 0);
	}
}

static void
errors(void **state)
{
	const uint64_t size = 10;
	struct respond_clock c = {0};
	struct err e = {0};
	struct respond_error p = {.status = 400, .err = &e, .keep = false, .minor = 1};
	AUTO_BUF b = BUF_INIT(4096);

	(void)state;
	respond_tick(&c, 784111777);
	(void)err_set(&e, ERR_SYNTAX, "RFC 9112 3.2", "the request has \"no\" Host field\r\n<b>");
	respond_error(&b, &c, &p);
	check_span(buf_span(&b),
		"HTTP/1.1 400 Bad Request\r\n" DATE "Content-Type: application/problem+json\r\n"
		"X-Content-Type-Options: nosniff\r\nCache-Control: private, no-store\r\n"
		"Content-Length: 151\r\nConnection: close\r\n\r\n"
		"{\"type\":\"urn:pan-agent:problem:bad-request\",\"title\":\"Bad Request\","
		"\"status\":400,\"detail\":\"the request has \\\"no\\\" Host field\\u000d\\n<b> "
		"(RFC 9112 3.2)\"}\n");
	buf_reset(&b);
	p = (struct respond_error){
		.status = 405, .allow = "GET, HEAD", .head = true, .keep = true, .minor = 1};
	respond_error(&b, &c, &p);
	check_span(buf_span(&b),
		"HTTP/1.1 405 Method Not Allowed\r\n" DATE
		"Content-Type: application/problem+json\r\n"
		"X-Content-Type-Options: nosniff\r\nCache-Control: private, no-store\r\n"
		"Allow: GET, HEAD\r\nContent-Length: 148\r\n\r\n");
	buf_reset(&b);
	p = (struct respond_error){.status = 429, .retry_after = 5, .minor = 1};
	struct rate_quota q = {.name = "bulk", .quota = 100, .left = 0, .reset_s = 5};
	p.quota = &q;
	respond_error(&b, &c, &p);
	assert_non_null(memmem(b.p, b.n, "\r\nRetry-After: 5\r\n", 18));
	static const char want[] = "\r\nRateLimit-Policy: \"bulk\";q=100;w=60\r\n"
				   "RateLimit: \"bulk\";r=0;t=5\r\n";
	assert_non_null(memmem(b.p, b.n, want, sizeof(want) - 1));
	buf_reset(&b);
	q.name[0] = '\0'; /* no class */
	respond_error(&b, &c, &p);
	assert_null(memmem(b.p, b.n, "RateLimit", 9));
	buf_reset(&b);
	p = (struct respond_error){.status = 416, .size = &size, .minor = 1, .keep = true};
	respond_error(&b, &c, &p);
	assert_non_null(memmem(b.p, b.n, "\r\nContent-Range: bytes */10\r\n", 29));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads),
		cmocka_unit_test(injection),
		cmocka_unit_test(errors),
	};
	return cmocka_run_group_tests_name("respond", tests, NULL, NULL);
}
