/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_indexer.h"
#include "agent/indexer_wishes.h"

#include "agent/base/fdpass.h"
#include "tests/unit/check.h"

#include <unistd.h>

static const struct wish full = {.kind = WISH_DIGESTS,
	.id = 7,
	.root = SPAN_INIT("central"),
	.folder = SPAN_INIT("2026/scan \xc3\xbc"),
	.path = SPAN_INIT("raw/a.h5")};

static void
round_trip(void **state)
{
	struct wish r = {0};
	AUTO_BUF b = BUF_INIT(4096);

	(void)state;
	wish_write(&full, &b);
	assert_true(wish_read(buf_span(&b), &r, NULL));
	assert_int_equal(r.kind, WISH_DIGESTS);
	assert_int_equal(r.id, 7);
	check_span(r.root, "central");
	assert_true(span_eq(r.folder, full.folder));
	check_span(r.path, "raw/a.h5");
	for (size_t n = 0; n < b.n; n++)
		assert_false(wish_read(span_first(buf_span(&b), n), &r, NULL));
	buf_addc(&b, 'x');
	assert_false(wish_read(buf_span(&b), &r, NULL));
}

static void
refused(void **state)
{
	static const struct {
		const char *name;
		struct wish w;
		bool want;
	} rows[] = {
		{"a whole root", {WISH_INDEX, 1, SPAN_INIT("r"), SPAN_INIT(""), {NULL, 0}}, true},
		{"no number", {WISH_INDEX, 0, SPAN_INIT("r"), SPAN_INIT("a"), {NULL, 0}}, false},
		{"no root", {WISH_INDEX, 1, SPAN_INIT(""), SPAN_INIT("a"), {NULL, 0}}, false},
		{"no folder", {WISH_INDEX, 1, SPAN_INIT("r"), {NULL, 0}, {NULL, 0}}, false},
		{"absolute", {WISH_INDEX, 1, SPAN_INIT("r"), SPAN_INIT("/a"), {NULL, 0}}, false},
		{"upwards", {WISH_INDEX, 1, SPAN_INIT("r"), SPAN_INIT("a/../.."), {NULL, 0}},
			false},
		{"doubled", {WISH_INDEX, 1, SPAN_INIT("r"), SPAN_INIT("a//b"), {NULL, 0}}, false},
		{"not UTF-8", {WISH_INDEX, 1, SPAN_INIT("r"), SPAN_INIT("\xff"), {NULL, 0}}, false},
		{"path upwards", {WISH_DIGESTS, 1, SPAN_INIT("r"), SPAN_INIT("a"), SPAN_INIT("..")},
			false},
		{"kind 0", {(enum wish_kind)0, 1, SPAN_INIT("r"), SPAN_INIT("a"), {NULL, 0}},
			false},
		{"kind 3", {(enum wish_kind)3, 1, SPAN_INIT("r"), SPAN_INIT("a"), {NULL, 0}},
			false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wish r;
		AUTO_BUF b = BUF_INIT(4096);
		CHECK_ROW(rows[i].name);
		wish_write(&rows[i].w, &b);
		assert_int_equal(wish_read(buf_span(&b), &r, NULL), rows[i].want);
	}
}

static void
reports(void **state)
{
	(void)state;
	for (unsigned k = 0; k <= 4; k++) {
		const struct wish_report w = {.id = 9, .result = (enum wish_result)k};
		struct wish_report r = {0};
		AUTO_BUF b = BUF_INIT(64);
		wish_write_report(&w, &b);
		assert_int_equal(wish_read_report(buf_span(&b), &r, NULL), k >= 1 && k <= 3);
		if (k >= 1 && k <= 3)
			assert_true(r.id == 9 && r.result == w.result);
		assert_false(wish_read_report(span_first(buf_span(&b), b.n - 1), &r, NULL));
	}
}

struct both {
	struct gate_indexer *gate;
	struct indexer_wishes *indexer;
};

static void
begin(struct both *x)
{
	int sv[2];

	assert_true(gate_indexer_new(&x->gate, NULL));
	assert_true(indexer_wishes_new(&x->indexer, NULL));
	assert_true(fdpass_pair(sv, true, NULL));
	gate_indexer_link(x->gate, &sv[0]);
	indexer_wishes_link(x->indexer, sv[1]);
}

static void
end(struct both *x)
{
	gate_indexer_free(x->gate);
	indexer_wishes_free(x->indexer);
}

/* What wishes the same is granted with it; what comes later is not. */
static void
granted(void **state)
{
	struct both x;
	struct wish other = full;
	struct wish got;

	(void)state;
	begin(&x);
	other.folder = SPAN("2026/other");
	uint64_t first = gate_indexer_wish(x.gate, &full);
	uint64_t second = gate_indexer_wish(x.gate, &other);
	uint64_t same = gate_indexer_wish(x.gate, &full);
	assert_true(first != 0 && second != 0 && same != 0);
	indexer_wishes_take(x.indexer);
	assert_int_equal(indexer_wishes_count(x.indexer), 3);
	assert_true(indexer_wishes_next(x.indexer, full.kind, &got));
	assert_true(span_eq(got.folder, full.folder));
	uint64_t later = gate_indexer_wish(x.gate, &full);
	indexer_wishes_done(x.indexer, full.kind, true);
	assert_int_equal(indexer_wishes_count(x.indexer), 1);
	assert_true(gate_indexer_serve(x.gate));
	assert_true(gate_indexer_over(x.gate, first) && gate_indexer_over(x.gate, same));
	assert_false(gate_indexer_over(x.gate, second) || gate_indexer_over(x.gate, later));
	indexer_wishes_take(x.indexer);
	assert_int_equal(indexer_wishes_count(x.indexer), 2);
	assert_true(indexer_wishes_next(x.indexer, full.kind, &got));
	assert_true(span_eq(got.folder, other.folder));
	end(&x);
}

/* Whoever waits for an indexer that died is told so, and one that is not there takes nothing. */
static void
gone(void **state)
{
	struct both x;

	(void)state;
	begin(&x);
	uint64_t id = gate_indexer_wish(x.gate, &full);
	assert_false(gate_indexer_over(x.gate, id));
	indexer_wishes_free(x.indexer);
	x.indexer = NULL;
	assert_true(gate_indexer_serve(x.gate));
	assert_true(gate_indexer_over(x.gate, id));
	assert_int_equal(gate_indexer_wish(x.gate, &full), 0);
	assert_int_equal(gate_indexer_wish(NULL, &full), 0);
	assert_true(gate_indexer_over(NULL, 5));
	end(&x);
}

static void
limits(void **state)
{
	struct both x;
	struct wish w = full;
	uint64_t last = 0;

	(void)state;
	begin(&x);
	w.kind = WISH_INDEX;
	w.path = SPAN_NONE;
	for (unsigned i = 0; i < GATE_INDEXER_WISHES; i++) {
		last = gate_indexer_wish(x.gate, &w);
		assert_true(last != 0);
		indexer_wishes_take(x.indexer);
	}
	assert_int_equal(gate_indexer_wish(x.gate, &w), 0);
	gate_indexer_forget(x.gate, last);
	uint64_t more = gate_indexer_wish(x.gate, &w);
	assert_true(more != 0);
	indexer_wishes_take(x.indexer); /* the indexer has no room for one more, and says so */
	assert_int_equal(indexer_wishes_count(x.indexer), INDEXER_WISHES);
	assert_true(gate_indexer_serve(x.gate));
	assert_true(gate_indexer_over(x.gate, more));
	end(&x);
}

/* What anybody can ask for leaves room for those who added files. */
static void
limits_of_digests(void **state)
{
	struct both x;
	struct wish w = full;

	(void)state;
	begin(&x);
	for (unsigned i = 0; i <= INDEXER_LATE; i++)
		assert_true(gate_indexer_wish(x.gate, &full) != 0);
	w.kind = WISH_INDEX;
	w.path = SPAN_NONE;
	assert_true(gate_indexer_wish(x.gate, &w) != 0);
	indexer_wishes_take(x.indexer);
	assert_int_equal(indexer_wishes_count_of(x.indexer, WISH_DIGESTS), INDEXER_LATE);
	assert_int_equal(indexer_wishes_count_of(x.indexer, WISH_INDEX), 1);
	end(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refused),
		cmocka_unit_test(reports),
		cmocka_unit_test(granted),
		cmocka_unit_test(gone),
		cmocka_unit_test(limits),
		cmocka_unit_test(limits_of_digests),
	};
	return cmocka_run_group_tests_name("wish", tests, NULL, NULL);
}
