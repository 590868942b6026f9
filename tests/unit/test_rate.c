/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/rate.h"

#include "tests/unit/check.h"

#include <pthread.h>

#define NOW    INT64_C(1000000)
#define MBIT   80U
#define PER_MS (MBIT * 125L) /* bytes */

static struct grant_rate
class_of(unsigned who, uint32_t streams, uint32_t mbit, uint32_t requests)
{
	struct grant_rate r = {
		.name = "bulk", .streams = streams, .mbit = mbit, .requests_per_min = requests};

	memcpy(r.who, &who, sizeof(who));
	return r;
}

static void
bucket(void **state)
{
	static const struct {
		const char *name;
		int64_t level, per_ms, cap, later_ms, want_level, want, want_wait;
	} rows[] = {
		{"nothing yet", 0, 10, 100, 0, 0, 1, 1},
		{"some", 0, 10, 100, 3, 30, 30, 0},
		{"a millisecond more for one unit more", 0, 10, 100, 3, 30, 31, 1},
		{"just full", 0, 10, 100, 10, 100, 100, 0},
		{"never more than full", 0, 10, 100, 1000000, 100, 101, 1},
		{"years later", 0, 125000000000, 75000000000000, 1L << 50, 75000000000000, 1, 0},
		{"the limit fell", 100, 10, 50, 0, 50, 50, 0},
		{"everything, of a new one", INT64_MAX, 10, 50, 0, 50, 50, 0},
		{"and later", INT64_MAX, 10, 50, 7, 50, 50, 0},
		{"a debt is paid first", -25, 10, 100, 2, -5, 5, 1},
		{"the clock went back", 20, 10, 100, -5, 20, 40, 2},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rate_bucket b = {.level = rows[i].level, .at_ms = NOW};
		CHECK_ROW(rows[i].name);
		rate_bucket_fill(&b, rows[i].per_ms, rows[i].cap, NOW + rows[i].later_ms);
		assert_int_equal(b.level, rows[i].want_level);
		assert_int_equal(
			rate_bucket_wait(&b, rows[i].per_ms, rows[i].want), rows[i].want_wait);
		if (rows[i].later_ms < 0)
			assert_int_equal(b.at_ms, NOW);
	}
}

/* A minute's requests at once, then as they come; the wait that is told is long enough and no
 * second longer. */
static void
requests(void **state)
{
	static const struct {
		uint32_t per_min;
		unsigned wait;
	} rows[] = {{1, 60}, {6, 10}, {7, 9}, {60, 1}, {1000, 1}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct grant_rate r = class_of(1, 0, 0, rows[i].per_min);
		struct rate_table *t = NULL;
		struct rate_quota q = {.quota = 0};
		assert_true(rate_table_new(0, &t, NULL));
		for (uint32_t k = 0; k < rows[i].per_min; k++)
			assert_true(rate_request(t, &r, NOW, &q));
		assert_string_equal(q.name, "bulk");
		assert_int_equal(q.quota, rows[i].per_min);
		assert_int_equal(q.left, 0);
		assert_int_equal(q.reset_s, 60);
		for (int k = 0; k < 3; k++) { /* what is refused does not count */
			assert_false(rate_request(t, &r, NOW, &q));
			assert_int_equal(q.reset_s, rows[i].wait);
		}
		int64_t then = NOW + (int64_t)q.reset_s * 1000;
		if (rows[i].per_min < 60)
			assert_false(rate_request(t, &r, then - 1000, &q));
		assert_true(rate_request(t, &r, then, &q));
		rate_table_free(t);
	}
}

static void
one_identity_each(void **state)
{
	struct grant_rate a = class_of(1, 0, 0, 1);
	struct grant_rate b = class_of(2, 0, 0, 1);
	struct grant_rate none = {.streams = 1};
	struct rate_table *t = NULL;
	struct rate_use u;
	struct rate_quota q = {.quota = 0};

	(void)state;
	assert_true(rate_table_new(0, &t, NULL));
	assert_true(rate_request(t, &a, NOW, &q));
	assert_false(rate_request(t, &a, NOW, &q));
	assert_true(rate_request(t, &b, NOW, &q));
	assert_int_equal(rate_table_count(t), 2);
	/* A reload gave more: what has gathered is under the new number. */
	a.requests_per_min = 60;
	assert_true(rate_request(t, &a, NOW + 1000, &q));
	/* No class, no table: nothing is looked up. */
	for (int i = 0; i < 3; i++) {
		assert_true(rate_request(t, &none, NOW, &q) && rate_enter(t, &none, NOW, &u));
		assert_true(rate_request(NULL, &b, NOW, &q) && rate_enter(NULL, &b, NOW, &u));
		assert_null(u.table);
		assert_int_equal(rate_take(&u, 9, NOW, NULL), 9);
		rate_leave(&u);
	}
	assert_int_equal(rate_table_count(t), 2);
	rate_table_free(t);
}

static void
streams(void **state)
{
	struct grant_rate r = class_of(1, 2, 0, 0);
	struct rate_table *t = NULL;
	struct rate_use u[4] = {{.table = NULL}};

	(void)state;
	assert_true(rate_table_new(0, &t, NULL));
	assert_true(rate_enter(t, &r, NOW, &u[0]) && rate_enter(t, &r, NOW, &u[1]));
	assert_false(rate_enter(t, &r, NOW, &u[2]));
	rate_leave(&u[2]);
	assert_false(rate_enter(t, &r, NOW, &u[2]));
	rate_leave(&u[0]);
	rate_leave(&u[0]);
	assert_true(rate_enter(t, &r, NOW, &u[2]));
	assert_false(rate_enter(t, &r, NOW, &u[3]));
	assert_int_equal(rate_take(&u[2], 1 << 20, NOW, NULL), 1 << 20);
	/* Under another grant the body stays, whatever is allowed now. */
	r.streams = 1;
	rate_move(t, &r, NOW, &u[2]);
	assert_non_null(u[2].table);
	rate_leave(&u[1]);
	assert_false(rate_enter(t, &r, NOW, &u[3]));
	r.name[0] = '\0';
	rate_move(t, &r, NOW, &u[2]);
	assert_null(u[2].table);
	r.name[0] = 'b';
	assert_true(rate_enter(t, &r, NOW, &u[3]));
	rate_leave(&u[3]);
	rate_table_free(t);
}

/*
 * n bodies for `ms`, woken every `step` ms as by the timers of a loop; `active` of them ask. sum[i]
 * is what each was given.
 */
static void
drive(struct rate_use *u, int active, int64_t ms, int64_t step, int64_t *sum)
{
	for (int64_t at = 0; at < ms; at += step) {
		for (int i = 0; i < active; i++) {
			int64_t wait = 0;
			size_t n = 1;
			while (n > 0) {
				n = rate_take(&u[i], 60000, NOW + at, &wait);
				sum[i] += (int64_t)n;
			}
			assert_true(wait > 0 && wait < 2000);
		}
	}
}

static void
speed(void **state)
{
	static const struct {
		const char *name;
		uint32_t mbit;
		int n, active;
		int64_t step;
		double fair; /* largest share over smallest */
	} rows[] = {
		{"one", 80, 1, 1, 250, 1},
		{"one, in small steps", 80, 1, 1, 7, 1},
		{"one, with late timers", 80, 1, 1, 500, 1},
		{"three", 80, 3, 3, 250, 1.05},
		{"three at a slow rate", 1, 3, 3, 250, 1.3},
		{"many at a slow rate", 1, 32, 32, 250, 1.3},
		{"two do not ask: the others have it all", 80, 4, 2, 250, 1.2},
		{"fast", 100000, 2, 2, 250, 1.05},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct grant_rate r = class_of(1, 0, rows[i].mbit, 0);
		struct rate_table *t = NULL;
		struct rate_use u[32];
		int64_t sum[32] = {0};
		int64_t all = 0;
		int64_t least = INT64_MAX;
		int64_t most = 0;
		CHECK_ROW(rows[i].name);
		assert_true(rate_table_new(0, &t, NULL));
		for (int k = 0; k < rows[i].n; k++)
			assert_true(rate_enter(t, &r, NOW, &u[k]));
		drive(u, rows[i].active, 20000, rows[i].step, sum);
		for (int k = 0; k < rows[i].active; k++) {
			all += sum[k];
			least = sum[k] < least ? sum[k] : least;
			most = sum[k] > most ? sum[k] : most;
		}
		double of = (double)all / (20000.0 * rows[i].mbit * 125);
		print_message("        %.3f of the rate, shares 1:%.3f\n", of,
			(double)most / (double)least);
		assert_true(of > 0.9 && of < 1.01 + 600.0 / 20000);
		assert_true((double)most <= rows[i].fair * (double)least);
		for (int k = 0; k < rows[i].n; k++)
			rate_leave(&u[k]);
		rate_table_free(t);
	}
}

/* 20 MB at 80 Mbit/s are two seconds, and never less than 1.6. */
static void
duration(void **state)
{
	struct grant_rate r = class_of(1, 0, MBIT, 0);
	struct rate_table *t = NULL;
	struct rate_use u;
	int64_t left = 20000000;
	int64_t at = NOW;

	(void)state;
	assert_true(rate_table_new(0, &t, NULL));
	assert_true(rate_enter(t, &r, at, &u));
	assert_int_equal(u.own.level, PER_MS * RATE_START_MS * 1024);
	while (left > 0) {
		int64_t wait = 0;
		size_t n = rate_take(&u, left < 65536 ? (size_t)left : 65536, at, &wait);
		left -= (int64_t)n;
		at += n > 0 ? 0 : wait + 250;
	}
	assert_in_range(at - NOW, 1600, 2500);
	rate_leave(&u);
	/* A rest saves no more than a start. */
	assert_true(rate_enter(t, &r, at + 3600000, &u));
	int64_t wait = 0;
	size_t first = 0;
	for (size_t n = 1; n > 0; first += n)
		n = rate_take(&u, 65536, at + 3600000, &wait);
	assert_in_range(first, PER_MS * RATE_START_MS - RATE_CHUNK, PER_MS * RATE_START_MS);
	rate_leave(&u);
	rate_table_free(t);
}

/* The end of a body is smaller than a chunk; what was not sent is given back. */
static void
ends(void **state)
{
	struct grant_rate r = class_of(1, 0, 1, 0);
	struct rate_table *t = NULL;
	struct rate_use u;
	int64_t wait = 0;

	(void)state;
	assert_true(rate_table_new(0, &t, NULL));
	assert_true(rate_enter(t, &r, NOW, &u));
	assert_int_equal(rate_take(&u, 65536, NOW, &wait), 12500);
	assert_int_equal(rate_take(&u, 300, NOW, &wait), 0);
	assert_int_equal(wait, 3);
	assert_int_equal(rate_take(&u, 300, NOW + 2, &wait), 0);
	assert_int_equal(rate_take(&u, 300, NOW + 3, &wait), 300);
	rate_give(&u, 300);
	assert_int_equal(rate_take(&u, 300, NOW + 3, &wait), 300);
	rate_leave(&u);
	rate_table_free(t);
}

/* The clocks of workers are a millisecond apart: no window comes back, nobody is divided by none.
 */
static void
clocks_apart(void **state)
{
	struct grant_rate r = class_of(1, 0, MBIT, 0);
	struct rate_table *t = NULL;
	struct rate_use u[2] = {{.table = NULL}};
	const int64_t edge = NOW / 512 * 512; /* where one window ends */
	int64_t sum[2] = {0};

	(void)state;
	assert_true(rate_table_new(0, &t, NULL));
	assert_true(rate_enter(t, &r, edge, &u[0]) && rate_enter(t, &r, edge, &u[1]));
	for (int64_t at = 0; at < 2000; at++)
		for (int i = 0; i < 2; i++) {
			int64_t wait = 0;
			sum[i] += (int64_t)rate_take(&u[i], 60000, edge + at - i, &wait);
		}
	assert_true(sum[0] > 0 && sum[1] > 0);
	assert_true(sum[0] + sum[1] <= 2000 * PER_MS * 3 / 2);
	rate_leave(&u[0]);
	rate_leave(&u[1]);
	rate_table_free(t);
}

/* Who has used nothing, and whoever rests, makes room; the rest share one place. */
static void
full(void **state)
{
	struct rate_table *t = NULL;
	struct rate_quota q = {.quota = 0};

	(void)state;
	assert_true(rate_table_new(8, &t, NULL));
	for (unsigned i = 0; i < 8; i++) {
		struct grant_rate r = class_of(i, 0, 0, 2);
		assert_true(rate_request(t, &r, NOW, &q));
	}
	struct grant_rate a = class_of(100, 0, 0, 2);
	struct grant_rate b = class_of(200, 0, 0, 2);
	assert_true(rate_request(t, &a, NOW, &q) && rate_request(t, &b, NOW, &q));
	assert_false(rate_request(t, &a, NOW, &q));
	assert_false(rate_request(t, &b, NOW, &q));
	assert_int_equal(rate_table_count(t), 9);
	struct grant_rate first = class_of(0, 0, 0, 2);
	assert_true(rate_request(t, &first, NOW, &q)); /* who was there is not hurt */
	/* 30 s later all but the first are at rest. */
	assert_true(rate_request(t, &b, NOW + 30000, &q));
	assert_true(rate_request(t, &b, NOW + 30000, &q));
	assert_true(rate_request(t, &a, NOW + 30000, &q));
	assert_int_equal(rate_table_count(t), 9);
	/* A body under way keeps its place. */
	struct rate_use u[9];
	for (unsigned i = 0; i < 8; i++) {
		struct grant_rate r = class_of(300 + i, 1, 0, 0);
		assert_true(rate_enter(t, &r, NOW + 900000, &u[i]));
		assert_false(rate_enter(t, &r, NOW + 1900000, &u[8]));
	}
	for (unsigned i = 0; i < 8; i++)
		rate_leave(&u[i]);
	rate_table_free(t);
}

/* Workers share the table: never more than two bodies at a time, and not a byte too many. */
#define WORKERS 4U
#define ROUNDS  20000U

struct shared {
	struct rate_table *table;
	struct grant_rate rate;
	unsigned under_way, entered;
	uint64_t bytes;
	bool broken;
};

static void *
work(void *arg)
{
	struct shared *s = arg;
	int64_t wait = 0;
	struct rate_quota q;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct rate_use u;
		(void)rate_request(s->table, &s->rate, NOW, &q);
		if (!rate_enter(s->table, &s->rate, NOW, &u))
			continue;
		if (__atomic_add_fetch(&s->under_way, 1, __ATOMIC_SEQ_CST) > 2)
			__atomic_store_n(&s->broken, true, __ATOMIC_SEQ_CST);
		size_t n = rate_take(&u, 1000, NOW, &wait);
		rate_give(&u, n / 2);
		__atomic_add_fetch(&s->bytes, n - n / 2, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&s->entered, 1, __ATOMIC_SEQ_CST);
		__atomic_sub_fetch(&s->under_way, 1, __ATOMIC_SEQ_CST);
		rate_leave(&u);
	}
	return NULL;
}

static void
threads(void **state)
{
	struct shared s = {.rate = class_of(1, 2, MBIT, 1000)};
	pthread_t thread[WORKERS];

	(void)state;
	assert_true(rate_table_new(0, &s.table, NULL));
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work, &s), 0);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_false(s.broken);
	assert_true(s.entered > ROUNDS / 2);
	/* No time has passed: there was what a start gives, and no more. */
	assert_in_range(s.bytes, PER_MS * RATE_START_MS - 1000, PER_MS * RATE_START_MS);
	rate_table_free(s.table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bucket),
		cmocka_unit_test(requests),
		cmocka_unit_test(one_identity_each),
		cmocka_unit_test(streams),
		cmocka_unit_test(speed),
		cmocka_unit_test(duration),
		cmocka_unit_test(ends),
		cmocka_unit_test(clocks_apart),
		cmocka_unit_test(full),
		cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
