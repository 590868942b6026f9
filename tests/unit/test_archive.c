/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "agent/base/checksum.h"
#include "tests/unit/check.h"
#include "transfer/archive.h"
#include "transfer/tar.h"
#include "transfer/zip.h"

#define BYTES (1UL << 20)

/* Byte i of the data of a member. */
static char
datum(size_t entry, uint64_t i)
{
	return (char)('a' + (entry * 7 + i) % 26);
}

static const struct archive_member three[] = {
	{SPAN_INIT("a b.txt"), 5, 1000000000, 5, 0},
	{SPAN_INIT("empty"), 0, -1, 0, 0},
	{SPAN_INIT("sub/\xc3\xa4.h5"), 513, 1790000001, 0, 0},
};

static void
plan_write(enum archive_form form, bool crc, const struct archive_member *list, size_t n,
	struct buf *out)
{
	struct archive_top top = {form, SPAN("10.5072_abc"), SPAN("/data/10.5072/abc/")};
	struct archive_last last = {crc, SPAN("MANIFEST.json"), SPAN("{}\n"), 1700000000};

	archive_plan_start(out, &top);
	for (size_t i = 0; i < n; i++) {
		struct archive_member m = list[i];
		for (uint64_t k = 0; crc && k < m.size; k++) {
			char c = datum(i + 1, k);
			m.crc = checksum_crc32(m.crc, &c, 1);
		}
		archive_plan_member(out, &m);
	}
	archive_plan_end(out, &last);
	assert_true(buf_ok(out));
}

/* All bytes from `at` on, as a sender makes them. */
static void
render(const struct archive *a, uint64_t at, const uint32_t *found, struct buf *out)
{
	AUTO_BUF scratch = BUF_INIT(BYTES);
	struct archive_piece p;

	for (; at < archive_size(a); at += p.n) {
		archive_find(a, at, &p);
		if (p.part == ARCHIVE_DATA) {
			for (uint64_t i = 0; i < p.n; i++)
				buf_addc(out, datum(p.entry, p.from + i));
			continue;
		}
		struct span text = archive_text(a, &p, found, &scratch);
		assert_int_equal(text.n, p.n);
		buf_add(out, text);
	}
	assert_true(buf_ok(out));
}

static struct archive *
made(struct span plan)
{
	struct archive *a = NULL;
	struct err e = {0};

	if (!archive_new(plan, &a, &e))
		fail_msg("%s", e.msg);
	return a;
}

/* From every offset the same bytes follow as in the whole. */
static void
offsets(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		AUTO_BUF plan = BUF_INIT(BYTES);
		AUTO_BUF whole = BUF_INIT(BYTES);
		const uint32_t found[] = {1, 2, 3, 4};
		plan_write(k == 0 ? ARCHIVE_TAR : ARCHIVE_ZIP, k == 1, three, 3, &plan);
		struct archive *a = made(buf_span(&plan));
		render(a, 0, found, &whole);
		assert_int_equal(whole.n, archive_size(a));
		assert_int_equal(archive_late(a), k == 2);
		assert_int_equal(archive_entries(a), 4);
		for (uint64_t at = 0; at < archive_size(a); at++) {
			AUTO_BUF rest = BUF_INIT(BYTES);
			render(a, at, found, &rest);
			assert_true(span_eq(buf_span(&rest), span_skip(buf_span(&whole), at)));
		}
		archive_free(a);
	}
}

/* ---- the bytes, once by hand ---- */

static uint64_t
le(const struct buf *b, size_t at, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = n; i > 0; i--)
		v = v << 8 | (unsigned char)b->p[at + i - 1];
	return v;
}

static void
tar_bytes(void **state)
{
	AUTO_BUF b = BUF_INIT(BYTES);
	const struct tar_entry plain = {SPAN("d"), SPAN("a.txt"), 5, 1000000000};
	const struct tar_entry large = {SPAN("d"), SPAN("a"), 1ULL << 33, -5};
	unsigned sum = 0;

	(void)state;
	tar_write_head(&b, &plain);
	assert_int_equal(b.n, TAR_BLOCK);
	assert_int_equal(tar_head_size(&plain), TAR_BLOCK);
	assert_string_equal(b.p, "d/a.txt");
	assert_string_equal(b.p + 124, "00000000005");
	assert_string_equal(b.p + 136, "07346545000");
	assert_memory_equal(b.p + 257, "ustar\00000", 8);
	for (size_t i = 0; i < b.n; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)b.p[i];
	assert_int_equal(strtoul(b.p + 148, NULL, 8), sum);
	buf_reset(&b);
	tar_write_head(&b, &large);
	assert_int_equal(b.n, 3 * TAR_BLOCK);
	assert_int_equal(tar_head_size(&large), b.n);
	assert_int_equal(b.p[156], 'x');
	assert_memory_equal(b.p + TAR_BLOCK, "19 size=8589934592\n12 mtime=-5\n", 31);
	assert_string_equal(b.p + 2 * TAR_BLOCK + 124, "00000000000");
}

/* The length of a pax record counts its own digits. */
static void
tar_long(void **state)
{
	char name[ARCHIVE_PATH_MAX + 1];

	(void)state;
	memset(name, 'n', sizeof(name));
	for (size_t n = 90; n < ARCHIVE_PATH_MAX; n = n < 1100 ? n + 1 : n + 97) {
		AUTO_BUF b = BUF_INIT(BYTES);
		const struct tar_entry m = {SPAN("d"), {name, n}, 1, 0};
		tar_write_head(&b, &m);
		assert_int_equal(tar_head_size(&m), b.n);
		assert_int_equal(b.n % TAR_BLOCK, 0);
		if (n + 2 <= 100) {
			assert_int_equal(b.n, TAR_BLOCK);
			continue;
		}
		unsigned long record = strtoul(b.p + TAR_BLOCK, NULL, 10);
		assert_int_equal(strtoul(b.p + 124, NULL, 8), record);
		assert_int_equal(b.p[TAR_BLOCK + record - 1], '\n');
		if (record % TAR_BLOCK != 0)
			assert_int_equal(b.p[TAR_BLOCK + record], '\0');
	}
}

static void
zip_bytes(void **state)
{
	AUTO_BUF b = BUF_INIT(BYTES);
	/* 2024-05-31 12:34:57 */
	struct zip_entry m = {SPAN("d"), SPAN("a"), 5, 1717158897, 0x12345678, false, 77};

	(void)state;
	zip_write_local(&b, &m);
	assert_int_equal(b.n, zip_local_size(&m));
	assert_int_equal(le(&b, 4, 2), 20);
	assert_int_equal(le(&b, 6, 2), 0x800);
	assert_int_equal(le(&b, 10, 2), 12U << 11 | 34U << 5 | 28U);
	assert_int_equal(le(&b, 12, 2), 44U << 9 | 5U << 5 | 31U);
	assert_int_equal(le(&b, 14, 4), 0x12345678);
	assert_int_equal(le(&b, 30 + 3 + 5, 4), 1717158897);
	assert_int_equal(zip_tail_size(&m), 0);
	m.late = true;
	buf_reset(&b);
	zip_write_local(&b, &m);
	assert_int_equal(le(&b, 6, 2), 0x808);
	assert_int_equal(le(&b, 14, 4), 0);
	buf_reset(&b);
	zip_write_tail(&b, &m);
	assert_int_equal(b.n, zip_tail_size(&m));
	assert_int_equal(le(&b, 4, 4), 0x12345678);
	buf_reset(&b);
	zip_write_central(&b, &m);
	assert_int_equal(b.n, zip_central_size(&m));
	assert_int_equal(le(&b, 42, 4), 77);
}

/* Each number alone makes it zip64, and only where it does not fit. */
static const struct wide_row {
	const char *name;
	uint64_t size, at;
	size_t local, tail, central; /* bytes beyond the usual */
} wide[] = {
	{"the largest without", 0xfffffffe, 0xfffffffe, 0, 0, 0},
	{"size", 0xffffffff, 0, 20, 8, 20},
	{"offset", 0, 0xffffffff, 0, 0, 12},
	{"both", 1ULL << 40, 1ULL << 50, 20, 8, 28},
};

static void
zip_wide(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		const struct wide_row *r = &wide[i];
		struct zip_entry m = {SPAN("d"), SPAN("a"), r->size, INT64_MAX, 1, true, r->at};
		AUTO_BUF b = BUF_INIT(BYTES);

		CHECK_ROW(r->name);
		zip_write_local(&b, &m);
		assert_int_equal(b.n, 33 + r->local);
		assert_int_equal(zip_local_size(&m), b.n);
		buf_reset(&b);
		zip_write_tail(&b, &m);
		assert_int_equal(b.n, 16 + r->tail);
		buf_reset(&b);
		zip_write_central(&b, &m);
		assert_int_equal(b.n, 49 + r->central);
		assert_int_equal(zip_central_size(&m), b.n);
		assert_int_equal(le(&b, 42, 4), r->at < 0xffffffff ? r->at : 0xffffffff);
		if (r->at >= 0xffffffff)
			assert_int_equal(le(&b, b.n - 8, 8), r->at);
	}
}

static const struct end_row {
	const char *name;
	struct zip_end z;
	size_t n;
} ends[] = {
	{"small", {65534, 0xfffffffe, 0xfffffffe}, 22},
	{"members", {65535, 1, 1}, 98},
	{"offset", {1, 0xffffffff, 1}, 98},
	{"size", {1, 1, 0xffffffff}, 98},
};

static void
zip_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		AUTO_BUF b = BUF_INIT(BYTES);

		CHECK_ROW(ends[i].name);
		zip_write_end(&b, &ends[i].z);
		assert_int_equal(b.n, ends[i].n);
		assert_int_equal(zip_end_size(&ends[i].z), b.n);
	}
}

/* ---- what is no plan ---- */

static const struct bad_row {
	const char *name, *first, *second;
	uint64_t size;
	uint32_t ns;
} bad[] = {
	{"empty name", "", "b", 1, 0},
	{"from the root", "/a", "b", 1, 0},
	{"upwards", "a/../../x", "b", 1, 0},
	{"a dot", "./a", "b", 1, 0},
	{"a folder", "a/", "b", 1, 0},
	{"an empty segment", "a//b", "b", 1, 0},
	{"a backslash", "a\\b", "b", 1, 0},
	{"a control character", "a\nb", "b", 1, 0},
	{"not UTF-8", "a\xff", "b", 1, 0},
	{"twice", "a", "a", 1, 0},
	{"not in order", "b", "a", 1, 0},
	{"the name of the text", "A", "MANIFEST.json", 1, 0},
	{"size beyond 2^63", "a", "b", 1ULL << 63, 0},
	{"sizes that add up beyond 2^63", "a", "b", INT64_MAX, 0},
	{"no part of a second", "a", "b", 1, 1000000000},
};

static void
refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad_row *r = &bad[i];
		const struct archive_member list[] = {{span_of(r->first), r->size, 0, r->ns, 0},
			{span_of(r->second), r->size, 0, r->ns, 0}};
		AUTO_BUF plan = BUF_INIT(BYTES);
		struct archive *a = NULL;

		CHECK_ROW(r->name);
		plan_write(ARCHIVE_TAR, false, list, 2, &plan);
		assert_false(archive_new(buf_span(&plan), &a, NULL));
	}
}

/* Cut anywhere, or with a byte more, it is no plan. */
static void
cut(void **state)
{
	AUTO_BUF plan = BUF_INIT(BYTES);
	struct archive *a = NULL;

	(void)state;
	plan_write(ARCHIVE_ZIP, true, three, 3, &plan);
	for (size_t n = 0; n < plan.n; n++)
		assert_false(archive_new(span_first(buf_span(&plan), n), &a, NULL));
	buf_addc(&plan, 'z');
	assert_false(archive_new(buf_span(&plan), &a, NULL));
}

static const struct dir_row {
	const char *pid, *dir;
} dirs[] = {
	{"10.5072/ma6021-tomo_01", "10.5072_ma6021-tomo_01"},
	{"../x", "_._x"},
	{"a b:c\xc3\xa9", "a_b_c__"},
};

static void
directory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		AUTO_BUF b = BUF_INIT(BYTES);

		CHECK_ROW(dirs[i].pid);
		archive_dir(span_of(dirs[i].pid), &b);
		check_span(buf_span(&b), dirs[i].dir);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets),
		cmocka_unit_test(tar_bytes),
		cmocka_unit_test(tar_long),
		cmocka_unit_test(zip_bytes),
		cmocka_unit_test(zip_wide),
		cmocka_unit_test(zip_ends),
		cmocka_unit_test(refused),
		cmocka_unit_test(cut),
		cmocka_unit_test(directory),
	};
	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
