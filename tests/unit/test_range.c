/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"
#include "transfer/range.h"

static const struct {
	const char *name, *in;
	uint64_t size;
	enum range_use use;
	size_t n;
	struct range r[3];
} rows[] = {
	{"first byte", "bytes=0-0", 10, RANGE_PARTS, 1, {{0, 0}}},
	{"last byte", "bytes=9-9", 10, RANGE_PARTS, 1, {{9, 9}}},
	{"whole", "bytes=0-", 10, RANGE_PARTS, 1, {{0, 9}}},
	{"open", "bytes=4-", 10, RANGE_PARTS, 1, {{4, 9}}},
	{"end clipped", "bytes=4-10", 10, RANGE_PARTS, 1, {{4, 9}}},
	{"end beyond 2^64", "bytes=4-99999999999999999999", 10, RANGE_PARTS, 1, {{4, 9}}},
	{"suffix", "bytes=-3", 10, RANGE_PARTS, 1, {{7, 9}}},
	{"suffix of the size", "bytes=-10", 10, RANGE_PARTS, 1, {{0, 9}}},
	{"suffix past size", "bytes=-99999", 10, RANGE_PARTS, 1, {{0, 9}}},
	{"suffix beyond 2^64", "bytes=-18446744073709551616", 10, RANGE_PARTS, 1, {{0, 9}}},
	{"suffix of zero", "bytes=-0", 10, RANGE_OUTSIDE, 0, {{0, 0}}},
	{"start at the end", "bytes=10-", 10, RANGE_OUTSIDE, 0, {{0, 0}}},
	{"start past the end", "bytes=11-12", 10, RANGE_OUTSIDE, 0, {{0, 0}}},
	{"start beyond 2^64", "bytes=18446744073709551616-", 10, RANGE_OUTSIDE, 0, {{0, 0}}},
	{"empty object", "bytes=0-", 0, RANGE_OUTSIDE, 0, {{0, 0}}},
	{"suffix of an empty object", "bytes=-5", 0, RANGE_IGNORE, 0, {{0, 0}}},
	{"largest object", "bytes=-1", INT64_MAX, RANGE_PARTS, 1, {{INT64_MAX - 1, INT64_MAX - 1}}},
	{"unit in upper case", "BYTES=0-0", 10, RANGE_PARTS, 1, {{0, 0}}},
	{"another unit", "items=0-0", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"reversed", "bytes=5-4", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"reversed past the end", "bytes=50-40", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"empty set", "bytes=", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"no set", "bytes", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"dash only", "bytes=-", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"no dash", "bytes=5", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"negative start", "bytes=-5-9", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"two dashes", "bytes=1--2", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"plus", "bytes=+1-2", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"hex", "bytes=0x1-2", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"space inside", "bytes=1 -2", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"space after the equals sign", "bytes= 1-2", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"space before the equals sign", "bytes =1-2", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"two parts", "bytes=0-1, 4-5", 10, RANGE_PARTS, 2, {{0, 1}, {4, 5}}},
	{"parts in another order", "bytes=-2,0-1,3-3", 10, RANGE_PARTS, 3,
		{{8, 9}, {0, 1}, {3, 3}}},
	{"parts side by side", "bytes=0-1,2-3", 10, RANGE_PARTS, 2, {{0, 1}, {2, 3}}},
	{"one of two outside", "bytes=20-,0-1", 10, RANGE_PARTS, 1, {{0, 1}}},
	{"both outside", "bytes=20-,-0", 10, RANGE_OUTSIDE, 0, {{0, 0}}},
	{"overlapping by one byte", "bytes=0-4,4-5", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"overlapping by one byte, backwards", "bytes=4-5,0-4", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"one within another", "bytes=0-9,4-5", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"equal parts", "bytes=0-1,0-1", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"one of two malformed", "bytes=0-1,x", 10, RANGE_IGNORE, 0, {{0, 0}}},
	{"empty element", "bytes=0-1,,4-5", 10, RANGE_IGNORE, 0, {{0, 0}}},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct range_set set = {.n = 77};
		uint64_t sum = 0;
		CHECK_ROW(rows[i].name);
		assert_int_equal(range_parse(span_of(rows[i].in), rows[i].size, &set), rows[i].use);
		if (rows[i].use != RANGE_PARTS) {
			assert_int_equal(set.n, 77);
			continue;
		}
		assert_int_equal(set.n, rows[i].n);
		for (size_t k = 0; k < set.n; k++) {
			assert_int_equal(set.r[k].first, rows[i].r[k].first);
			assert_int_equal(set.r[k].last, rows[i].r[k].last);
			sum += range_length(&set.r[k]);
		}
		assert_int_equal(set.bytes, sum);
	}
	assert_int_equal(range_parse(SPAN_NONE, 10, NULL), RANGE_IGNORE);
}

static enum range_use
many(unsigned n)
{
	struct range_set set;
	AUTO_BUF b = BUF_INIT(1U << 16);

	for (unsigned i = 0; i < n; i++)
		buf_addf(&b, "%s%u-%u", i == 0 ? "bytes=" : ",", 2 * i, 2 * i);
	return range_parse(buf_span(&b), 1000, &set);
}

static void
limit(void **state)
{
	(void)state;
	assert_int_equal(many(RANGE_MAX), RANGE_PARTS);
	assert_int_equal(many(RANGE_MAX + 1), RANGE_IGNORE);
	assert_int_equal(many(1001), RANGE_IGNORE);
}

static void
writing(void **state)
{
	const struct range r = {0, 9};
	AUTO_BUF b = BUF_INIT(1024);

	(void)state;
	assert_int_equal(range_length(&r), 10);
	range_write(&b, &r, 100);
	check_span(buf_span(&b), "bytes 0-9/100");
	buf_reset(&b);
	range_write(&b, NULL, 100);
	check_span(buf_span(&b), "bytes */100");
	buf_reset(&b);
	range_write_part(&b, SPAN("BB"), SPAN("text/plain"), &r, 100);
	range_write_end(&b, SPAN("BB"));
	check_span(buf_span(&b), "\r\n--BB\r\nContent-Type: text/plain\r\n"
				 "Content-Range: bytes 0-9/100\r\n\r\n\r\n--BB--\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(limit),
		cmocka_unit_test(writing),
	};
	return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
