/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/claims_copy.h"

#define WAYS   4U
#define SETS   (TOKEN_CACHE_ENTRIES / WAYS)
#define SHARDS 64U /* one lock for SETS / SHARDS sets: threads seldom meet */

struct slot {
	uint8_t key[32];
	uint64_t used; /* the shard's counter at the last use; 0: empty */
	struct token_cached entry;
	char *store; /* what the spans of the entry point into */
	size_t n_store;
};

struct shard {
	pthread_mutex_t lock;
	uint64_t tick;
	struct slot slot[TOKEN_CACHE_ENTRIES / SHARDS];
};

struct token_cache {
	struct shard shard[SHARDS];
};

struct token_cache *
token_cache_new(void)
{
	struct token_cache *c = calloc(1, sizeof(*c));

	for (size_t i = 0; c != NULL && i < SHARDS; i++)
		(void)pthread_mutex_init(&c->shard[i].lock, NULL);
	return c;
}

void
token_cache_free(struct token_cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		for (size_t k = 0; k < TOKEN_CACHE_ENTRIES / SHARDS; k++)
			free(c->shard[i].slot[k].store);
		(void)pthread_mutex_destroy(&c->shard[i].lock);
	}
	free(c);
}

static struct shard *
shard_of(struct token_cache *c, const uint8_t key[32])
{
	return &c->shard[key[0] % SHARDS];
}

/* The first of the WAYS slots where the key may be. */
static struct slot *
set_of(struct shard *s, const uint8_t key[32])
{
	return &s->slot[(size_t)(key[1] % (SETS / SHARDS)) * WAYS];
}

bool
token_cache_get(
	struct token_cache *c, const uint8_t key[32], struct arena *mem, struct token_cached *ret)
{
	struct shard *s = shard_of(c, key);
	bool hit = false;

	(void)pthread_mutex_lock(&s->lock);
	struct slot *set = set_of(s, key);
	for (size_t i = 0; i < WAYS && !hit; i++) {
		struct slot *at = &set[i];
		if (at->used == 0 || memcmp(at->key, key, sizeof(at->key)) != 0)
			continue;
		void *to = arena_alloc(mem, at->n_store);
		if (to == NULL)
			break;
		*ret = at->entry;
		ret->claims = claims_copy_to(&at->entry.claims, to);
		at->used = ++s->tick;
		hit = true;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return hit;
}

void
token_cache_put(struct token_cache *c, const uint8_t key[32], const struct token_cached *entry)
{
	struct token_cached e = *entry;
	size_t n = claims_copy_size(&e.claims);
	char *store = n <= TOKEN_CACHE_ENTRY_MAX ? malloc(n + 1) : NULL;
	struct shard *s = shard_of(c, key);

	if (store == NULL)
		return;
	e.claims = claims_copy_to(&e.claims, store);
	(void)pthread_mutex_lock(&s->lock);
	struct slot *set = set_of(s, key);
	struct slot *oldest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].used != 0 && memcmp(set[i].key, key, sizeof(set[i].key)) == 0) {
			oldest = &set[i];
			break;
		}
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	char *old = oldest->store;
	memcpy(oldest->key, key, sizeof(oldest->key));
	oldest->used = ++s->tick;
	oldest->entry = e;
	oldest->store = store;
	oldest->n_store = n;
	(void)pthread_mutex_unlock(&s->lock);
	free(old);
}
