/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/qr.h"
#include "tests/unit/check.h"

#define FIRST "  \033[30;107m"
#define LAST  "\033[0m"

/* Modules of one drawn line: '1' dark, '0' light; upper and lower. */
static size_t
line_modules(struct span line, char *up, char *low)
{
	size_t n = 0;

	while (line.n > 0) {
		static const struct {
			struct span is;
			char up, low;
		} signs[] = {{SPAN_INIT("\u2588"), '1', '1'}, {SPAN_INIT("\u2580"), '1', '0'},
			{SPAN_INIT("\u2584"), '0', '1'}, {SPAN_INIT(" "), '0', '0'}};
		size_t k = 0;
		while (k < 4 && !span_starts(line, signs[k].is))
			k++;
		assert_true(k < 4);
		up[n] = signs[k].up;
		low[n++] = signs[k].low;
		line = span_skip(line, signs[k].is.n);
	}
	return n;
}

/* A small code (version 2: 25 modules) has its three finders, a quiet zone, and nothing else. */
static void
drawing(void **state)
{
	static const char *const finder[] = {
		"1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"};
	static const size_t corners[][2] = {{2, 2}, {20, 2}, {2, 20}};
	AUTO_BUF out = BUF_INIT(65536);
	char rows[64][128] = {{0}};
	size_t y = 0;

	(void)state;
	assert_true(qr_draw(SPAN("https://i.test/device?a=b"), &out));
	struct span rest = buf_span(&out);
	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');
		assert_true(span_starts(line, SPAN(FIRST)) && span_ends(line, SPAN(LAST)));
		line = span_skip(line, sizeof(FIRST) - 1);
		line.n -= sizeof(LAST) - 1;
		assert_int_equal(line_modules(line, rows[y], rows[y + 1]), 29);
		y += 2;
	}
	assert_int_equal(y, 30);
	for (size_t c = 0; c < 3; c++)
		for (size_t i = 0; i < 7; i++)
			assert_memory_equal(&rows[corners[c][1] + i][corners[c][0]], finder[i], 7);
	for (size_t i = 0; i < 29; i++)
		assert_true(rows[0][i] == '0' && rows[1][i] == '0' && rows[i][0] == '0' &&
			    rows[i][28] == '0' && rows[27][i] == '0');
}

static void
refused(void **state)
{
	static char text[QR_TEXT_MAX + 1];
	AUTO_BUF out = BUF_INIT(65536);
	AUTO_BUF small = BUF_INIT(100);

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_true(qr_draw((struct span){text, QR_TEXT_MAX}, &out));
	buf_reset(&out);
	assert_false(qr_draw((struct span){text, QR_TEXT_MAX + 1}, &out));
	assert_false(qr_draw(SPAN_NONE, &out));
	assert_false(qr_draw(SPAN("a\0b"), &out));
	assert_int_equal(out.n, 0);
	assert_false(qr_draw(SPAN("abc"), &small));
	assert_int_equal(small.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drawing),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests_name("qr", tests, NULL, NULL);
}
