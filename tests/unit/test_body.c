/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/body.h"

#include "agent/base/buf.h"
#include "tests/unit/granted.h"

#define NOW (GRANTED_EXPIRES - 1)

/* Everything that the body gives, in steps of `step` bytes. */
static enum body_step
drink(struct body *b, size_t step, struct buf *out)
{
	char *p = malloc(step);
	enum body_step s = BODY_MORE;

	assert_non_null(p);
	while (s == BODY_MORE) {
		size_t n = 0;
		s = body_fill(b, p, step, NOW, GRANTED_EPOCH, &n);
		assert_true(n <= step);
		buf_add(out, (struct span){p, n});
	}
	free(p);
	return s;
}

static void
is_bytes(struct span got, uint64_t first)
{
	for (size_t i = 0; i < got.n; i++) {
		if (got.p[i] != granted_byte((size_t)first + i))
			fail_msg("byte %zu differs", i);
	}
}

static void
single(void **state)
{
	static const struct {
		const char *name;
		size_t size;
		uint64_t first, last; /* last < first: whole */
		size_t step;
	} rows[] = {
		{"empty file", 0, 1, 0, 4096},
		{"one byte", 1, 1, 0, 4096},
		{"whole in one fill", 4096, 1, 0, 4096},
		{"whole in many fills", 200000, 1, 0, 65536},
		{"one byte at a time", 300, 1, 0, 1},
		{"first byte", 1000, 0, 0, 4096},
		{"last byte", 1000, 999, 999, 4096},
		{"middle", 200000, 70000, 140001, 30000},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct granted g = granted_make(rows[i].size);
		struct buf out = BUF_INIT(1 << 20);
		struct body b;
		bool whole = rows[i].last < rows[i].first;
		struct range r = {rows[i].first, rows[i].last};

		CHECK_ROW(rows[i].name);
		if (whole)
			body_whole(&b, g.grant);
		else
			body_range(&b, g.grant, &r);
		uint64_t length = body_length(&b);
		assert_int_equal(length, whole ? rows[i].size : range_length(&r));
		assert_int_equal(drink(&b, rows[i].step, &out), BODY_END);
		assert_int_equal(out.n, length);
		assert_int_equal(b.put, length);
		is_bytes(buf_span(&out), whole ? 0 : r.first);
		body_fini(&b);
		buf_fini(&out);
		granted_end(&g);
	}
}

static void
parts(void **state)
{
	static const size_t steps[] = {BODY_PART_MAX, 600, 65536};
	struct granted g = granted_make(100000);
	struct range_set set = {.n = 2, .r = {{0, 9}, {50000, 99999}}, .bytes = 50010};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct buf out = BUF_INIT(1 << 20);
		struct body b;
		assert_true(body_parts(&b, g.grant, &set, SPAN("B"), SPAN("a/b")));
		uint64_t length = body_length(&b);
		assert_int_equal(drink(&b, steps[i], &out), BODY_END);
		assert_int_equal(out.n, length);
		assert_int_equal(b.put, 50010);
		struct span rest = buf_span(&out);
		CHECK_ROW("delimiter, fields, bytes, delimiter, fields, bytes, end");
		assert_true(span_starts(rest,
			SPAN("\r\n--B\r\nContent-Type: a/b\r\nContent-Range: bytes 0-9/100000")));
		assert_true(span_ends(rest, SPAN("\r\n--B--\r\n")));
		const char *blank = memmem(rest.p, rest.n, "\r\n\r\n", 4);
		assert_non_null(blank);
		is_bytes((struct span){blank + 4, 10}, 0);
		body_fini(&b);
		buf_fini(&out);
	}
	granted_end(&g);
}

static void
ends_short(void **state)
{
	enum what { TRUNCATED, WRITTEN, GROWN, EXPIRED, REVOKED };
	static const struct {
		const char *name;
		enum what what;
		enum body_step want;
	} rows[] = {
		{"truncated under us", TRUNCATED, BODY_BROKEN},
		{"written to under us", WRITTEN, BODY_BROKEN},
		{"grown under us", GROWN, BODY_BROKEN},
		{"expired", EXPIRED, BODY_CUT},
		{"revoked by the epoch", REVOKED, BODY_CUT},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t size = 4 * BODY_HELD;
		struct granted g = granted_make(size);
		static char buf[BODY_HELD];
		struct body b;
		size_t n = 0;
		size_t sum = 0;
		enum what what = rows[i].what;

		CHECK_ROW(rows[i].name);
		body_whole(&b, g.grant);
		assert_int_equal(
			body_fill(&b, buf, sizeof(buf), NOW, GRANTED_EPOCH, &n), BODY_MORE);
		assert_int_equal(n, sizeof(buf));
		sum = n;
		if (what == TRUNCATED)
			assert_int_equal(ftruncate(g.fd, (off_t)size - 1), 0);
		if (what == WRITTEN)
			assert_int_equal(pwrite(g.fd, "x", 1, 5), 1);
		if (what == GROWN)
			assert_int_equal(pwrite(g.fd, "x", 1, (off_t)size), 1);
		enum body_step s = BODY_MORE;
		while (s == BODY_MORE) {
			s = body_fill(&b, buf, sizeof(buf), what == EXPIRED ? GRANTED_EXPIRES : NOW,
				GRANTED_EPOCH + (what == REVOKED ? 1 : 0), &n);
			sum += n;
		}
		assert_int_equal(s, rows[i].want);
		assert_int_equal(n, 0);
		assert_true(sum <= size - BODY_HELD); /* the last 64 KiB never left */
		body_fini(&b);
		granted_end(&g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single),
		cmocka_unit_test(parts),
		cmocka_unit_test(ends_short),
	};
	return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
