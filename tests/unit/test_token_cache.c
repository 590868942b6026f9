/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token_cache.h"
#include "tests/unit/check.h"

#include <pthread.h>

/* Keys with equal first two bytes share one set of four. */
static void
key_of(unsigned i, uint8_t ret[32])
{
	memset(ret, 0, 32);
	ret[31] = (uint8_t)i;
}

static struct token_cached
entry_of(const char *sub, const struct span *groups, size_t n)
{
	struct token_cached e = {.issuer = 3, .claims.life = {5, 1}};

	e.claims.binding.x5t = SPAN("certificate");
	e.claims.subject = (struct subject){.authenticated = true,
		.sub = span_of(sub),
		.jti = SPAN(""),
		.entitlements = groups,
		.n_entitlements = n,
		.read_paths = groups,
		.n_read_paths = n > 1 ? 1 : 0,
		.proposals = groups,
		.n_proposals = n,
		.scopes = n > 1 ? &groups[1] : NULL,
		.n_scopes = n > 1 ? 1 : 0,
		.incomplete = true,
		.expires = 5};
	return e;
}

static void
copies(void **state)
{
	const struct span groups[] = {SPAN("one"), SPAN("two")};
	struct token_cached e = entry_of("alice", groups, 2);
	struct token_cached got;
	struct token_cache *c = token_cache_new();
	uint8_t key[32];
	AUTO_ARENA mem = {0};

	(void)state;
	assert_non_null(c);
	assert_true(arena_init(&mem, 4096));
	key_of(1, key);
	assert_false(token_cache_get(c, key, &mem, &got));
	token_cache_put(c, key, &e);
	e.claims.subject.sub = SPAN("later");
	token_cache_put(c, key, &e); /* the same key again takes the place of the old one */
	for (int i = 0; i < 2; i++) {
		assert_true(token_cache_get(c, key, &mem, &got));
		assert_int_equal(got.issuer, 3);
		assert_true(got.claims.life.exp > 4.9 && got.claims.life.nbf < 1.1);
		check_span(got.claims.subject.sub, "later");
		assert_null(got.claims.subject.acr.p);
		assert_null(got.claims.binding.jkt.p);
		check_span(got.claims.binding.x5t, "certificate");
		assert_ptr_not_equal(got.claims.binding.x5t.p, e.claims.binding.x5t.p);
		assert_non_null(got.claims.subject.jti.p);
		check_span(got.claims.subject.entitlements[1], "two");
		check_span(got.claims.subject.read_paths[0], "one");
		check_span(got.claims.subject.proposals[0], "one");
		check_span(got.claims.subject.proposals[1], "two");
		assert_int_equal(got.claims.subject.n_scopes, 1);
		check_span(got.claims.subject.scopes[0], "two");
		assert_true(got.claims.subject.incomplete);
		assert_ptr_not_equal(got.claims.subject.entitlements, groups);
		assert_ptr_not_equal(got.claims.subject.proposals, groups);
		token_cache_put(c, key, &got); /* from its own copy, while the old store goes */
	}
	mem.cap = mem.used;
	assert_false(token_cache_get(c, key, &mem, &got)); /* a full arena is a miss */
	token_cache_free(c);
	token_cache_free(NULL);
}

static void
oldest_goes(void **state)
{
	struct token_cached e = entry_of("x", NULL, 0);
	struct token_cached got;
	struct token_cache *c = token_cache_new();
	uint8_t key[32];
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (unsigned i = 1; i <= 4; i++) {
		key_of(i, key);
		token_cache_put(c, key, &e);
	}
	key_of(1, key);
	assert_true(token_cache_get(c, key, &mem, &got)); /* 2 is the oldest now */
	key_of(5, key);
	token_cache_put(c, key, &e);
	for (unsigned i = 1; i <= 5; i++) {
		key_of(i, key);
		assert_int_equal(token_cache_get(c, key, &mem, &got), i != 2);
	}
	token_cache_free(c);
}

/* A subject above the limit is not kept, and pushes nothing out. */
static void
bounded(void **state)
{
	static char text[TOKEN_CACHE_ENTRY_MAX + 1];
	struct token_cached e = entry_of("x", NULL, 0);
	struct token_cached got;
	struct token_cache *c = token_cache_new();
	uint8_t key[32];
	AUTO_ARENA mem = {0};

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_true(arena_init(&mem, 65536));
	for (unsigned more = 0; more <= 1; more++) {
		key_of(more, key);
		e.claims.subject.sub =
			(struct span){text, TOKEN_CACHE_ENTRY_MAX - e.claims.binding.x5t.n + more};
		token_cache_put(c, key, &e);
		assert_int_equal(token_cache_get(c, key, &mem, &got), more == 0);
	}
	token_cache_free(c);
}

struct user {
	struct token_cache *cache;
	unsigned seed, wrong;
};

static void *
use(void *arg)
{
	struct user *u = arg;
	const struct span groups[] = {SPAN("one"), SPAN("two")};
	AUTO_ARENA mem = {0};

	u->wrong += !arena_init(&mem, 1U << 20);
	for (unsigned i = 0; i < 2000; i++) {
		unsigned which =
			(i * 7 + u->seed) % 6; /* six keys for the four places of one set */
		const char sub[] = {(char)('a' + which), '\0'};
		struct token_cached got = entry_of(sub, groups, 2);
		uint8_t key[32];
		key_of(which, key);
		if (token_cache_get(u->cache, key, &mem, &got))
			u->wrong += !span_is(got.claims.subject.sub, sub) ||
				    !span_is(got.claims.subject.entitlements[1], "two");
		else
			token_cache_put(u->cache, key, &got);
	}
	return NULL;
}

static void
threads(void **state)
{
	struct token_cache *c = token_cache_new();
	pthread_t id[4];
	struct user user[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		user[i] = (struct user){.cache = c, .seed = i};
		assert_int_equal(pthread_create(&id[i], NULL, use, &user[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(id[i], NULL), 0);
		assert_int_equal(user[i].wrong, 0);
	}
	token_cache_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(oldest_goes),
		cmocka_unit_test(bounded),
		cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests_name("token_cache", tests, NULL, NULL);
}
