/* SPDX-License-Identifier: Apache-2.0 */
/* The shared link in virtual time: never more than it takes, equal shares, and none idle. */
#include "agent/http/share.h"

#include "tests/unit/check.h"

#include <pthread.h>

#define NOW     INT64_C(1000000)
#define MAX_IDS 40U
#define BODIES  400U

/* A body and its client: `chunk` bytes at most every `every_ms` (0: as fast as it may). */
struct body {
	struct share_use use;
	unsigned id;
	size_t chunk;
	int64_t every_ms, next_ms;
};

struct sim {
	struct share *s;
	uint32_t mbit;
	uint64_t random;
	int64_t now;
	unsigned n_ids, n_bodies;
	struct body body[BODIES];
	uint64_t got[MAX_IDS], all;
	uint64_t most_over; /* bytes above rate * t, over all windows from whole seconds on */
};

static uint64_t
draw(struct sim *m, uint64_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return m->random % below;
}

static void
sim_begin(struct sim *m, uint32_t mbit, uint64_t seed)
{
	*m = (struct sim){.mbit = mbit, .random = seed * 0x9e3779b97f4a7c15U | 1, .now = NOW};
	assert_true(share_new(mbit, 64, &m->s, NULL));
}

static void
sim_end(struct sim *m)
{
	for (unsigned i = 0; i < m->n_bodies; i++)
		share_leave(&m->body[i].use);
	assert_int_equal(share_count(m->s), 0);
	share_free(m->s);
}

static void
add(struct sim *m, unsigned id, unsigned bodies, size_t chunk, int64_t every_ms)
{
	for (unsigned i = 0; i < bodies; i++) {
		struct body *b = &m->body[m->n_bodies++];
		*b = (struct body){
			.id = id, .chunk = chunk, .every_ms = every_ms, .next_ms = m->now};
		share_enter(m->s, (id + 1) * 0x9e3779b97f4a7c15U, &b->use);
	}
	m->n_ids = id + 1 > m->n_ids ? id + 1 : m->n_ids;
}

/* One client's turn, as conn_stream.c has it: up to 256 KiB, then the others. */
static void
turn(struct sim *m, struct body *b, int64_t now)
{
	size_t sent = 0;

	while (sent < 262144) {
		int64_t wait = 0;
		size_t n = share_take(&b->use, b->chunk, now, &wait);
		if (n == 0) { /* timers come late */
			assert_true(wait > 0);
			b->next_ms = now + wait + (int64_t)draw(m, 6);
			return;
		}
		assert_true(n <= b->chunk);
		if (draw(m, 16) == 0) { /* the file had less than that */
			share_give(&b->use, n / 2);
			n -= n / 2;
		}
		sent += n;
		m->got[b->id] += n;
		m->all += n;
		if (b->every_ms > 0) {
			b->next_ms = now + b->every_ms;
			return;
		}
	}
	b->next_ms = now;
}

static void
run(struct sim *m, int64_t ms)
{
	uint64_t marks[64] = {0};

	for (int64_t t = 0; t < ms; t++) {
		unsigned from = (unsigned)draw(m, m->n_bodies);
		if (t % 1000 == 0)
			marks[t / 1000] = m->all;
		for (unsigned i = 0; i < m->n_bodies; i++) {
			struct body *b = &m->body[(from + i) % m->n_bodies];
			if (b->next_ms <= m->now + t)
				turn(m, b, m->now + t);
		}
		for (int64_t k = 0; k <= t / 1000; k++) {
			uint64_t may = (uint64_t)(t - k * 1000 + 1) * m->mbit * 125;
			uint64_t did = m->all - marks[k];
			if (did > may && did - may > m->most_over)
				m->most_over = did - may;
		}
	}
	m->now += ms;
}

static uint64_t
burst(const struct sim *m)
{
	uint64_t b = (uint64_t)m->mbit * 125 * SHARE_BURST_MS;

	return (b > SHARE_LEAST ? b : SHARE_LEAST) + (2UL * m->n_ids + 1) * SHARE_QUANTUM;
}

/* Any mix of numbers of connections: equal shares within a tenth, the link full, never more. */
static void
equal(void **state)
{
	static const uint32_t rates[] = {20, 100, 1000, 10000};

	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		struct sim m;
		int64_t ms = 8000;
		sim_begin(&m, rates[seed % 4], seed);
		unsigned ids = 2 + (unsigned)draw(&m, 7);
		for (unsigned i = 0; i < ids; i++)
			add(&m, i, i == 0 ? 50 : 1 + (unsigned)draw(&m, 30), 65536, 0);
		run(&m, ms);
		uint64_t fair = m.all / ids;
		for (unsigned i = 0; i < ids; i++)
			if (m.got[i] < fair - fair / 10 || m.got[i] > fair + fair / 10)
				fail_msg("seed %llu: %u of %u has %llu, fair is %llu",
					(unsigned long long)seed, i, ids,
					(unsigned long long)m.got[i], (unsigned long long)fair);
		assert_true(m.all > (uint64_t)ms * m.mbit * 125 / 100 * 95);
		if (m.most_over > burst(&m))
			fail_msg("seed %llu: %llu too many", (unsigned long long)seed,
				(unsigned long long)(m.most_over - burst(&m)));
		sim_end(&m);
	}
}

/* Who wants less than an equal share has it all, and the others share what is left. */
static void
idle_share(void **state)
{
	static const int64_t every[] = {5, 20, 45, 200};

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		struct sim m;
		uint64_t asked = 8000 / (uint64_t)every[k] * 16384;
		sim_begin(&m, 100, k + 1);
		add(&m, 0, 1, every[k] == 5 ? 4096 : 16384, every[k]);
		add(&m, 1, 50, 65536, 0);
		add(&m, 2, 1, 65536, 0);
		if (every[k] == 5)
			asked = 8000 / 5 * 4096;
		run(&m, 8000);
		assert_true(m.got[0] > asked / 100 * 85);
		assert_true(m.got[1] > m.got[2] / 10 * 9 && m.got[1] < m.got[2] / 10 * 11);
		assert_true(m.all > 8000UL * 100 * 125 / 100 * 95);
		assert_true(m.most_over <= burst(&m));
		sim_end(&m);
	}
}

/* Alone it has the link, and one that comes later has half of it soon. */
static void
comes_later(void **state)
{
	struct sim m;

	(void)state;
	sim_begin(&m, 100, 7);
	add(&m, 0, 50, 65536, 0);
	run(&m, 1000);
	assert_true(m.got[0] > 1000UL * 100 * 125 / 100 * 95);
	uint64_t before = m.got[0];
	add(&m, 1, 1, 65536, 0);
	run(&m, 1000);
	assert_true(m.got[1] > 1000UL * 100 * 125 / 100 * 40);
	assert_true(m.got[0] - before > 1000UL * 100 * 125 / 100 * 40);
	sim_end(&m);
}

/* Many more identities than places: those of a set share one, nobody starves. */
static void
crowded(void **state)
{
	struct sim m;

	(void)state;
	sim_begin(&m, 100, 9);
	share_free(m.s);
	assert_true(share_new(100, 8, &m.s, NULL));
	for (unsigned i = 0; i < MAX_IDS; i++)
		add(&m, i, 1, 65536, 0);
	run(&m, 8000);
	for (unsigned i = 0; i < 8; i++)
		assert_true(m.got[i] > m.all / 9 / 10 * 8);
	for (unsigned i = 8; i < MAX_IDS; i++)
		assert_true(m.got[i] > 0);
	sim_end(&m);
}

static void
none(void **state)
{
	struct share_use u = {.cell = 1};
	struct share *s = NULL;

	(void)state;
	share_enter(NULL, 1, &u);
	assert_null(u.share);
	assert_int_equal(share_take(&u, 9, NOW, NULL), 9);
	share_give(&u, 3);
	share_leave(&u);
	assert_true(share_new(1, 0, &s, NULL));
	share_enter(s, 0, &u); /* nobody: not limited */
	assert_null(u.share);
	share_free(s);
	share_free(NULL);
}

#define THREADS 4

static void *
hammer(void *arg)
{
	for (unsigned i = 0; i < 20000; i++) {
		struct share_use u;
		int64_t wait = 0;
		share_enter(arg, i % 7 + 1, &u);
		size_t n = share_take(&u, 10000, NOW + i / 10, &wait);
		share_give(&u, n / 2);
		share_leave(&u);
	}
	return NULL;
}

static void
threads(void **state)
{
	pthread_t t[THREADS];
	struct share *s = NULL;

	(void)state;
	assert_true(share_new(1000, 0, &s, NULL));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer, s), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(share_count(s), 0);
	share_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal),
		cmocka_unit_test(idle_share),
		cmocka_unit_test(comes_later),
		cmocka_unit_test(crowded),
		cmocka_unit_test(none),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
