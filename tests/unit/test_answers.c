/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/answers.h"
#include "auth/answers_table.h"
#include "auth/peer_rate.h"
#include "tests/unit/check.h"

#include <pthread.h>

#define NOW 1000000000L /* milliseconds */

struct world {
	struct answers *a;
	struct arena mem;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_true(answers_new(3, &w->a, NULL));
	assert_true(arena_init(&w->mem, 1U << 20));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	answers_free(w->a);
	answers_free(NULL);
	arena_fini(&w->mem);
	free(w);
	return 0;
}

static struct claims
claims_of(const char *sub, double exp)
{
	return (struct claims){.life = {exp, 0},
		.subject = {.authenticated = true,
			.iss = SPAN("https://a.test"),
			.sub = span_of(sub),
			.expires = (int64_t)exp}};
}

static struct answers_found
ask(struct world *w, size_t issuer, const char *token, int64_t now_ms)
{
	struct answers_question q = {.issuer = issuer, .token = span_of(token)};
	struct answers_found f;

	answers_ask(w->a, &q, now_ms, &w->mem, &f);
	return f;
}

/* Ask, and have it answered. */
static void
good(struct world *w, const char *token, double exp, int64_t now_ms)
{
	struct claims c = claims_of(token, exp);
	struct answers_found f = ask(w, 0, token, now_ms);

	assert_int_equal(f.state, ANSWERS_NEW);
	answers_put_yes(w->a, f.id, &c, now_ms);
}

static void
refused(struct world *w, const char *token, enum err_code code, int64_t now_ms)
{
	struct answers_found f = ask(w, 0, token, now_ms);
	struct err e = {.code = ERR_NONE};

	assert_int_equal(f.state, ANSWERS_NEW);
	(void)err_set(&e, code, "RFC 7662 2.2", "token: %s", token);
	answers_put_no(w->a, f.id, &e, now_ms);
}

/* How long each kind of answer is kept. */
static void
lives(void **state)
{
	static const struct {
		const char *name;
		enum { GOOD, NO, TROUBLE, NOTHING } what;
		double exp;
		int64_t at; /* after the answer */
		enum answers_state want;
	} rows[] = {
		{"good, at once", GOOD, 2e6, 0, ANSWERS_YES},
		{"good, a minute later", GOOD, 2e6, 59999, ANSWERS_YES},
		{"good, not longer than that", GOOD, 2e6, 60000, ANSWERS_NEW},
		{"before exp", GOOD, 1000007, 6999, ANSWERS_YES},
		{"at exp", GOOD, 1000007, 7000, ANSWERS_NEW},
		{"exp with a fraction", GOOD, 1000007.5, 7499, ANSWERS_YES},
		{"at exp with a fraction", GOOD, 1000007.5, 7500, ANSWERS_NEW},
		{"refused", NO, 0, 4999, ANSWERS_NO},
		{"not refused for ever", NO, 0, 5000, ANSWERS_NEW},
		{"trouble", TROUBLE, 0, 1999, ANSWERS_TROUBLE},
		{"trouble is over", TROUBLE, 0, 2000, ANSWERS_NEW},
		{"no report yet", NOTHING, 0, 9999, ANSWERS_PENDING},
		{"no report at all", NOTHING, 0, 10000, ANSWERS_NEW},
	};
	struct world *w = *state;

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		char token[16];
		CHECK_ROW(rows[k].name);
		(void)snprintf(token, sizeof(token), "token%zu", k);
		if (rows[k].what == GOOD)
			good(w, token, rows[k].exp, NOW);
		else if (rows[k].what == NOTHING)
			assert_int_equal(ask(w, 0, token, NOW).state, ANSWERS_NEW);
		else
			refused(w, token, rows[k].what == NO ? ERR_UNAUTH : ERR_UPSTREAM, NOW);
		struct answers_found f = ask(w, 0, token, NOW + rows[k].at);
		assert_int_equal(f.state, rows[k].want);
		if (f.state == ANSWERS_YES)
			check_span(f.claims.subject.sub, token);
		if (f.state == ANSWERS_NO || f.state == ANSWERS_TROUBLE)
			check_span(span_skip(span_of(f.why.msg), 7), token);
		assert_int_equal(f.retry_after, f.state == ANSWERS_TROUBLE ? 2 : 0);
		answers_drop(w->a, f.id);
	}
}

/* One errand for each token and issuer, however many ask. */
static void
single_flight(void **state)
{
	struct world *w = *state;
	struct answers_found first = ask(w, 0, "t", NOW);
	struct answers_found second = ask(w, 0, "t", NOW + 1);
	struct answers_found elsewhere = ask(w, 1, "t", NOW);
	struct claims c = claims_of("s", 2e6);

	assert_int_equal(first.state, ANSWERS_NEW);
	assert_int_equal(second.state, ANSWERS_PENDING);
	assert_true(second.id == first.id && first.id != 0);
	assert_int_equal(elsewhere.state, ANSWERS_NEW);
	assert_true(elsewhere.id != first.id);
	assert_false(answers_ready(w->a, first.id, NOW + ANSWERS_ASKED_MS - 1));
	assert_true(answers_ready(w->a, first.id, NOW + ANSWERS_ASKED_MS));
	assert_true(answers_ready(w->a, first.id + 1, NOW));
	answers_put_yes(w->a, first.id, &c, NOW + 2);
	assert_true(answers_ready(w->a, first.id, NOW + 2));
	assert_int_equal(ask(w, 0, "t", NOW + 3).state, ANSWERS_YES);
	assert_int_equal(ask(w, 1, "t", NOW + 3).state, ANSWERS_PENDING);
	c = claims_of("late", 2e6);
	answers_put_yes(w->a, first.id, &c, NOW + 4); /* a report twice changes nothing */
	check_span(ask(w, 0, "t", NOW + 5).claims.subject.sub, "s");
	answers_drop(w->a, elsewhere.id);
	struct answers_found again = ask(w, 1, "t", NOW + 6);
	assert_int_equal(again.state, ANSWERS_NEW);
	assert_true(again.id != elsewhere.id && again.id != first.id);
	assert_true(answers_ready(w->a, 0, NOW));
	assert_true(answers_ready(w->a, elsewhere.id, NOW + 6)); /* though its place is taken */
	assert_false(answers_ready(w->a, again.id, NOW + 6));
}

/* What the report is about, and the JWT that it completes. */
static void
asked(void **state)
{
	struct world *w = *state;
	struct answers_question q = {
		.issuer = 2, .token = SPAN("a.b.c"), .payload = SPAN("{\"sub\":\"s\"}")};
	struct answers_found f;
	struct span payload = SPAN("x");
	size_t issuer = 9;

	answers_ask(w->a, &q, NOW, &w->mem, &f);
	assert_int_equal(f.state, ANSWERS_NEW);
	assert_false(answers_asked(w->a, f.id + 1, &w->mem, &issuer, &payload));
	assert_false(answers_asked(w->a, 0, &w->mem, &issuer, &payload));
	assert_true(answers_asked(w->a, f.id, &w->mem, &issuer, &payload));
	assert_int_equal(issuer, 2);
	check_span(payload, "{\"sub\":\"s\"}");
	struct arena small = {0};
	assert_true(arena_init(&small, 4096));
	small.used = small.cap;
	assert_false(answers_asked(w->a, f.id, &small, &issuer, &payload));
	arena_fini(&small);
	f = ask(w, 1, "opaque", NOW);
	assert_true(answers_asked(w->a, f.id, &w->mem, &issuer, &payload));
	assert_int_equal(issuer, 1);
	assert_null(payload.p);
}

/* An issuer that answers slowly fills its own places alone. */
static void
full(void **state)
{
	struct world *w = *state;
	uint64_t last = 0;

	for (unsigned i = 0; i <= ANSWERS_ASKED_MAX; i++) {
		char token[16];
		(void)snprintf(token, sizeof(token), "token%u", i);
		struct answers_found f = ask(w, 1, token, NOW);
		assert_int_equal(f.state, i < ANSWERS_ASKED_MAX ? ANSWERS_NEW : ANSWERS_FULL);
		if (f.state == ANSWERS_NEW)
			last = f.id;
	}
	assert_int_equal(ask(w, 1, "token3", NOW).state, ANSWERS_PENDING);
	assert_int_equal(ask(w, 1, "more", NOW).retry_after, 2);
	assert_int_equal(ask(w, 0, "more", NOW).state, ANSWERS_NEW);
	assert_int_equal(ask(w, 2, "more", NOW).state, ANSWERS_NEW);
	answers_drop(w->a, last);
	assert_int_equal(ask(w, 1, "more", NOW).state, ANSWERS_NEW);
	assert_int_equal(ask(w, 1, "yet more", NOW).state, ANSWERS_FULL);
	assert_int_equal(ask(w, 1, "yet more", NOW + ANSWERS_ASKED_MS).state, ANSWERS_NEW);
}

/* However many bad tokens come, the good ones stay; of the bad ones the oldest goes. */
static void
flood(void **state)
{
	struct world *w = *state;
	char token[16];

	good(w, "good", 2e6, NOW);
	for (unsigned i = 0; i <= ANSWERS_ENTRIES; i++) {
		(void)snprintf(token, sizeof(token), "bad%u", i);
		refused(w, token, ERR_UNAUTH, NOW + 1);
	}
	assert_int_equal(ask(w, 0, "good", NOW + 2).state, ANSWERS_YES);
	assert_int_equal(ask(w, 0, "bad0", NOW + 2).state, ANSWERS_NEW);
	assert_int_equal(ask(w, 0, "bad1", NOW + 2).state, ANSWERS_NO);
	assert_int_equal(ask(w, 0, token, NOW + 2).state, ANSWERS_NO);
}

/* An answer that is too large for the table is trouble, not a question without end. */
static void
large(void **state)
{
	static char text[ANSWERS_ENTRY_MAX];
	struct world *w = *state;

	memset(text, 'x', sizeof(text));
	for (unsigned more = 0; more <= 1; more++) {
		struct answers_found f = ask(w, more, "t", NOW);
		struct claims c = claims_of("s", 2e6);
		c.subject.acr = (struct span){text, sizeof(text) - c.subject.iss.n - 2 + more};
		c.subject.sub = SPAN("s");
		c.subject.jti = SPAN("j");
		answers_put_yes(w->a, f.id, &c, NOW);
		f = ask(w, more, "t", NOW);
		assert_int_equal(f.state, more ? ANSWERS_TROUBLE : ANSWERS_YES);
		assert_int_equal(f.why.code, more ? ERR_LIMIT : ERR_NONE);
	}
	w->mem.used = w->mem.cap;
	assert_int_equal(ask(w, 0, "t", NOW).state, ANSWERS_TROUBLE);
	assert_int_equal(ask(w, 0, "t", NOW).why.code, ERR_LIMIT);
}

/* INT-6: unknown tokens are counted by address, known ones and those under way are not. */
static void
peers(void **state)
{
	struct world *w = *state;
	const uint8_t peer[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [15] = 1};
	struct answers_question q = {.issuer = 0, .token = SPAN("first"), .peer = peer};
	struct answers_found f;

	for (unsigned i = 0; i < 100; i++) {
		answers_ask(w->a, &q, NOW, &w->mem, &f);
		assert_int_equal(f.state, i == 0 ? ANSWERS_NEW : ANSWERS_PENDING);
	}
	for (unsigned i = 1; i <= ANSWERS_RATE; i++) {
		char token[16];
		(void)snprintf(token, sizeof(token), "token%u", i);
		q.token = span_of(token);
		answers_ask(w->a, &q, NOW, &w->mem, &f);
		assert_int_equal(f.state, i < ANSWERS_RATE ? ANSWERS_NEW : ANSWERS_TOO_MANY);
	}
	assert_int_equal(f.retry_after, 1);
	assert_int_equal(f.why.code, ERR_LIMIT);
	q.token = SPAN("token1");
	answers_ask(w->a, &q, NOW, &w->mem, &f);
	assert_int_equal(f.state, ANSWERS_PENDING);
	q.token = SPAN("another");
	q.peer = NULL;
	answers_ask(w->a, &q, NOW, &w->mem, &f);
	assert_int_equal(f.state, ANSWERS_NEW);
}

/* One address may have so many questions under way, however slowly it asks them. */
static void
peers_share(void **state)
{
	struct world *w = *state;
	const uint8_t peer[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [15] = 1};
	const uint8_t other[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [15] = 2};
	struct claims c = claims_of("s", 2e6);
	struct answers_question q = {.issuer = 0, .peer = peer};
	struct answers_found f;
	uint64_t first = 0;
	char token[16];

	for (unsigned i = 0; i <= ANSWERS_PEER_MAX; i++) {
		(void)snprintf(token, sizeof(token), "token%u", i);
		q.token = span_of(token);
		answers_ask(w->a, &q, NOW + i * 100L, &w->mem, &f);
		first = i == 0 ? f.id : first;
		assert_int_equal(f.state, i < ANSWERS_PEER_MAX ? ANSWERS_NEW : ANSWERS_TOO_MANY);
	}
	q.peer = other;
	answers_ask(w->a, &q, NOW + 4000, &w->mem, &f);
	assert_int_equal(f.state, ANSWERS_NEW);
	answers_put_yes(w->a, first, &c, NOW + 4000);
	q = (struct answers_question){.issuer = 0, .peer = peer, .token = SPAN("one more")};
	answers_ask(w->a, &q, NOW + 4000, &w->mem, &f);
	assert_int_equal(f.state, ANSWERS_NEW);
}

/* A clock that goes back lengthens nothing: no answer's life, and no question's. */
static void
clock_goes_back(void **state)
{
	struct world *w = *state;
	const int64_t before = NOW - 3600L * 1000;

	good(w, "t", 2e6, NOW);
	assert_int_equal(ask(w, 0, "t", NOW).state, ANSWERS_YES);
	assert_int_equal(ask(w, 0, "t", before).state, ANSWERS_NEW);
	struct answers_found f = ask(w, 0, "u", NOW);
	assert_int_equal(f.state, ANSWERS_NEW);
	assert_true(answers_ready(w->a, f.id, before));
	assert_int_equal(ask(w, 0, "u", before).state, ANSWERS_NEW);
}

static void
rates(void **state)
{
	static const struct {
		const char *name;
		uint8_t last; /* byte of an IPv6 address */
		uint8_t net;  /* and of its /64 */
		int64_t at;   /* milliseconds after the flood */
		unsigned asks, want;
	} rows[] = {
		{"nothing left", 1, 1, 0, 5, 0},
		{"a neighbour in the same /64", 2, 1, 0, 5, 0},
		{"another /64", 1, 2, 0, 25, 20},
		{"the next one after 50 ms", 1, 1, 50, 5, 1},
		{"ten after half a second", 1, 1, 550, 25, 10},
		{"twenty after a second", 1, 1, 1550, 25, 20},
		{"not more after an hour", 1, 1, 3600000, 25, 20},
		{"a clock that was set back does not lock out", 1, 1, 1000, 5, 0},
		{"for longer than a second", 1, 1, 2000, 25, 20},
	};
	struct peer_rate *r = peer_rate_new(ANSWERS_PEERS, ANSWERS_RATE);

	(void)state;
	assert_non_null(r);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		const uint8_t peer[16] = {0x20, 1, [7] = rows[k].net, [15] = rows[k].last};
		unsigned got = 0;
		CHECK_ROW(rows[k].name);
		for (unsigned i = 0; k == 0 && i < 30; i++)
			(void)peer_rate_allow(r, peer, NOW);
		for (unsigned i = 0; i < rows[k].asks; i++)
			got += peer_rate_allow(r, peer, NOW + rows[k].at);
		assert_int_equal(got, rows[k].want);
	}
	peer_rate_free(r);
	peer_rate_free(NULL);
}

/* IPv4 addresses count one by one. */
static void
rates_v4(void **state)
{
	struct peer_rate *r = peer_rate_new(ANSWERS_PEERS, 1);
	uint8_t peer[16] = {[10] = 0xff, [11] = 0xff, [12] = 192};

	(void)state;
	for (uint8_t i = 0; i < 200; i++) {
		peer[15] = i;
		assert_true(peer_rate_allow(r, peer, NOW));
		assert_false(peer_rate_allow(r, peer, NOW));
	}
	peer_rate_free(r);
}

/* More addresses than cells: each still gets in, and one that asks all the time stays known. */
static void
many_peers(void **state)
{
	struct peer_rate *r = peer_rate_new(8, ANSWERS_RATE);
	uint8_t peer[16] = {0x20, 1};
	const uint8_t greedy[16] = {0x20, 2};
	unsigned got = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		peer[6] = (uint8_t)(i >> 8);
		peer[7] = (uint8_t)i;
		assert_true(peer_rate_allow(r, peer, NOW + i));
		for (unsigned k = 0; k < 3; k++)
			got += peer_rate_allow(r, greedy, NOW + i);
	}
	assert_in_range(got, 20, 41);
	peer_rate_free(r);
}

/* The bytes of a table are bounded as well as its entries. */
static void
table_bytes(void **state)
{
	struct answers_table *t = answers_table_new(100, 64);
	struct claims c = {.subject.sub = SPAN("0123456789abcdef0123456789abcdef")};
	struct answers_entry e = {.until_ms = NOW + 100, .claims = c};
	uint8_t key[ANSWERS_KEY_SIZE] = {0};

	(void)state;
	for (uint8_t i = 0; i < 3; i++) {
		key[31] = i; /* one bucket for all */
		assert_true(answers_table_put(t, key, &e, NOW));
	}
	assert_int_equal(answers_table_count(t), 2);
	for (uint8_t i = 0; i < 3; i++) {
		key[31] = i;
		assert_int_equal(answers_table_get(t, key, NOW) != NULL, i != 0);
	}
	e.claims.subject.jti = SPAN("0123456789abcdef0123456789abcdef");
	assert_true(answers_table_put(t, key, &e, NOW));
	assert_int_equal(answers_table_count(t), 1);
	e.claims.subject.acr = SPAN("!");
	assert_false(answers_table_put(t, key, &e, NOW));
	assert_non_null(answers_table_get(t, key, NOW + 99));
	assert_null(answers_table_get(t, key, NOW + 100));
	assert_int_equal(answers_table_count(t), 0);
	answers_table_free(t);
}

/* What is over goes without being asked for. */
static void
table_sweep(void **state)
{
	struct answers_table *t = answers_table_new(100, 4096);
	struct answers_entry e = {.until_ms = NOW + 100, .claims.subject.sub = SPAN("s")};
	uint8_t key[ANSWERS_KEY_SIZE] = {0};

	(void)state;
	for (uint8_t i = 0; i < 10; i++) {
		key[0] = i;
		assert_true(answers_table_put(t, key, &e, NOW));
	}
	assert_true(answers_table_put(t, key, &e, NOW)); /* the same key again */
	key[0] = 99;
	assert_null(answers_table_get(t, key, NOW + 99));
	assert_int_equal(answers_table_count(t), 10);
	assert_null(answers_table_get(t, key, NOW + 100));
	assert_int_equal(answers_table_count(t), 8);
	key[0] = 5; /* from the middle */
	answers_table_drop(t, key);
	answers_table_drop(t, key);
	assert_int_equal(answers_table_count(t), 7);
	assert_true(answers_table_put(t, key, &e, NOW + 100));
	assert_int_equal(answers_table_count(t), 1);
	answers_table_free(t);
	answers_table_free(NULL);
}

struct user {
	struct answers *a;
	unsigned seed, wrong, yes;
};

/* Each asks for the same few tokens; whoever is told to ask the issuer plays the issuer. */
static void *
use(void *arg)
{
	struct user *u = arg;
	AUTO_ARENA mem = {0};

	u->wrong += !arena_init(&mem, 65536);
	for (unsigned i = 0; i < 4000; i++) {
		unsigned which = (i * 7 + u->seed) % 13;
		const char token[] = {(char)('a' + which), '\0'};
		int64_t now_ms = NOW + i * 40;
		struct answers_question q = {.issuer = which % 2, .token = span_of(token)};
		struct answers_found f;
		struct claims c = claims_of(token, 2e6);
		struct err why = {.code = ERR_UNAUTH};
		answers_ask(u->a, &q, now_ms, &mem, &f);
		if (f.state == ANSWERS_NEW && which % 3 == 0)
			answers_put_no(u->a, f.id, &why, now_ms);
		else if (f.state == ANSWERS_NEW)
			answers_put_yes(u->a, f.id, &c, now_ms);
		else if (f.state == ANSWERS_PENDING)
			(void)answers_ready(u->a, f.id, now_ms);
		u->wrong += f.state == ANSWERS_YES && !span_is(f.claims.subject.sub, token);
		u->wrong += f.state == ANSWERS_YES && which % 3 == 0;
		u->wrong += f.state == ANSWERS_NO && which % 3 != 0;
		u->yes += f.state == ANSWERS_YES;
		arena_reset(&mem);
	}
	return NULL;
}

static void
threads(void **state)
{
	struct world *w = *state;
	pthread_t id[4];
	struct user user[4];

	for (unsigned i = 0; i < 4; i++) {
		user[i] = (struct user){.a = w->a, .seed = i};
		assert_int_equal(pthread_create(&id[i], NULL, use, &user[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(id[i], NULL), 0);
		assert_int_equal(user[i].wrong, 0);
		assert_true(user[i].yes > 1000);
	}
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(lives),
		WITH_WORLD(single_flight),
		WITH_WORLD(asked),
		WITH_WORLD(full),
		WITH_WORLD(flood),
		WITH_WORLD(large),
		WITH_WORLD(peers),
		WITH_WORLD(threads),
		WITH_WORLD(peers_share),
		WITH_WORLD(clock_goes_back),
		cmocka_unit_test(rates),
		cmocka_unit_test(rates_v4),
		cmocka_unit_test(many_peers),
		cmocka_unit_test(table_bytes),
		cmocka_unit_test(table_sweep),
	};
	return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
