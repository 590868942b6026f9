/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/chunk.h"
#include "tests/unit/check.h"

static const struct {
	const char *name;
	struct span in;
	const char *want; /* data; NULL: refused */
	size_t left;      /* bytes behind the body */
	unsigned status;
} rows[] = {
	{"one", SPAN_INIT("3\r\nabc\r\n0\r\n\r\n"), "abc", 0, 0},
	{"two", SPAN_INIT("3\r\nabc\r\n1\r\nd\r\n0\r\n\r\nGET /"), "abcd", 5, 0},
	{"empty", SPAN_INIT("0\r\n\r\n"), "", 0, 0},
	{"sixteen digits", SPAN_INIT("0000000000000003\r\nabc\r\n000\r\n\r\n"), "abc", 0, 0},
	{"seventeen digits", SPAN_INIT("00000000000000003\r\nabc\r\n0\r\n\r\n"), NULL, 0, 400},
	{"hex in both cases", SPAN_INIT("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
		"01234567890123456789", 0, 0},
	{"largest digits", SPAN_INIT("9\r\n123456789\r\n0a\r\n0123456789\r\n0\r\n\r\n"),
		"1234567890123456789", 0, 0},
	{"F", SPAN_INIT("F\r\n0123456789abcde\r\n0\r\n\r\n"), "0123456789abcde", 0, 0},
	{"f", SPAN_INIT("f\r\n0123456789abcde\r\n0\r\n\r\n"), "0123456789abcde", 0, 0},
	{"G", SPAN_INIT("G\r\n"), NULL, 0, 400},
	{"extension", SPAN_INIT("3;a=\"b\tc\";d\r\nabc\r\n0;x\r\n\r\n"), "abc", 0, 0},
	{"trailers", SPAN_INIT("1\r\na\r\n0\r\nX: y\r\nContent-Length: 5\r\n\r\nz"), "a", 1, 0},
	{"data of CRLF", SPAN_INIT("2\r\n\r\n\r\n0\r\n\r\n"), "\r\n", 0, 0},
	{"at the limit", SPAN_INIT("14\r\n01234567890123456789\r\n0\r\n\r\n"),
		"01234567890123456789", 0, 0},
	{"above the limit", SPAN_INIT("15\r\n"), NULL, 0, 413},
	{"above the limit in sum", SPAN_INIT("14\r\n01234567890123456789\r\n1\r\n"), NULL, 0, 413},
	{"size of all ones", SPAN_INIT("ffffffffffffffff\r\n"), NULL, 0, 413},
	{"sum overflows", SPAN_INIT("2\r\nab\r\nffffffffffffffff\r\n"), NULL, 0, 413},
	{"sign", SPAN_INIT("-5\r\n"), NULL, 0, 400},
	{"plus", SPAN_INIT("+3\r\n"), NULL, 0, 400},
	{"0x", SPAN_INIT("0x3\r\n"), NULL, 0, 400},
	{"no size", SPAN_INIT("\r\n"), NULL, 0, 400},
	{"no size but extension", SPAN_INIT(";a\r\n"), NULL, 0, 400},
	{"space before", SPAN_INIT(" 3\r\n"), NULL, 0, 400},
	{"space after", SPAN_INIT("3 \r\n"), NULL, 0, 400},
	{"LF after the size", SPAN_INIT("3\nabc"), NULL, 0, 400},
	{"LF in an extension", SPAN_INIT("3;a\nabc"), NULL, 0, 400},
	{"CR in an extension", SPAN_INIT("3;a\rb\r\n"), NULL, 0, 400},
	{"NUL in an extension", SPAN_INIT("3;a\0\r\n"), NULL, 0, 400},
	{"data too long", SPAN_INIT("3\r\nabcd\r\n"), NULL, 0, 400},
	{"data too short", SPAN_INIT("4\r\nabc\r\n0\r\n"), NULL, 0, 400},
	{"LF after the data", SPAN_INIT("3\r\nabc\n"), NULL, 0, 400},
	{"CR without LF after the data", SPAN_INIT("3\r\nabc\r0"), NULL, 0, 400},
	{"LF as the last line", SPAN_INIT("0\r\n\n"), NULL, 0, 400},
	{"CR X as the last line", SPAN_INIT("0\r\n\rX"), NULL, 0, 400},
	{"control in a trailer", SPAN_INIT("0\r\na: \1\r\n\r\n"), NULL, 0, 400},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 2; i++) {
		struct span in = rows[i / 2].in;
		size_t piece = i % 2 == 0 ? in.n : 1;
		AUTO_BUF out = BUF_INIT(64);
		struct chunk c;
		struct err e = {0};
		enum step s = STEP_READ;
		CHECK_ROW(rows[i / 2].name);
		chunk_init(&c, 20);
		while (s == STEP_READ && in.n > 0) {
			size_t used = 0;
			s = chunk_feed(&c, span_first(in, piece), &out, &used, &e);
			in = span_skip(in, used);
		}
		assert_int_equal(c.status, rows[i / 2].status);
		assert_int_equal(e.code, c.status == 413   ? ERR_LIMIT
					 : c.status == 400 ? ERR_SYNTAX
							   : ERR_NONE);
		assert_int_equal(s, rows[i / 2].want != NULL ? STEP_DONE : STEP_FAIL);
		if (s == STEP_DONE) {
			check_span(buf_span(&out), rows[i / 2].want);
			assert_int_equal(in.n, rows[i / 2].left);
			assert_int_equal(c.total, out.n);
		}
	}
}

static enum step
repeat(const char *before, const char *unit, size_t n, const char *after)
{
	struct chunk c;
	size_t used = 0;
	AUTO_BUF in = BUF_INIT(1U << 20);

	buf_adds(&in, before);
	for (size_t i = 0; i < n; i++)
		buf_adds(&in, unit);
	buf_adds(&in, after);
	chunk_init(&c, 100);
	return chunk_feed(&c, buf_span(&in), NULL, &used, NULL);
}

static void
limits(void **state)
{
	(void)state;
	assert_int_equal(repeat("1;", "e", CHUNK_LINE_MAX - 4, "\r\na\r\n0\r\n\r\n"), STEP_DONE);
	assert_int_equal(repeat("1;", "e", CHUNK_LINE_MAX - 3, "\r\na\r\n0\r\n\r\n"), STEP_FAIL);
	assert_int_equal(repeat("0\r\n", "a: b\r\n", 1000, "\r\n"), STEP_DONE);
	assert_int_equal(repeat("0\r\n", "a", CHUNK_TRAILERS_MAX - 2, "\r\n\r\n"), STEP_DONE);
	assert_int_equal(repeat("0\r\n", "a", CHUNK_TRAILERS_MAX - 1, "\r\n\r\n"), STEP_FAIL);
	assert_int_equal(repeat("0\r\n", "a: b\r\n", 10000, "\r\n"), STEP_FAIL);
}

static void
ends(void **state)
{
	struct chunk c;
	size_t used = 9;
	AUTO_BUF small = BUF_INIT(2);

	(void)state;
	chunk_init(&c, 100);
	assert_int_equal(chunk_feed(&c, SPAN("0\r\n\r\n"), NULL, &used, NULL), STEP_DONE);
	assert_int_equal(chunk_feed(&c, SPAN("more"), NULL, &used, NULL), STEP_DONE);
	assert_int_equal(used, 0);
	chunk_init(&c, 100); /* a buffer smaller than the limit is a limit too */
	assert_int_equal(chunk_feed(&c, SPAN("3\r\nabc"), &small, &used, NULL), STEP_FAIL);
	assert_int_equal(c.status, 413);
	assert_int_equal(chunk_feed(&c, SPAN("\r\n"), &small, &used, NULL), STEP_FAIL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(limits),
		cmocka_unit_test(ends),
	};
	return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
