/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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

/* The spans of a subject that are single texts. */
static void
texts(struct subject *s, struct span *ret[6])
{
	ret[0] = &s->iss;
	ret[1] = &s->sub;
	ret[2] = &s->client;
	ret[3] = &s->jti;
	ret[4] = &s->acr;
	ret[5] = &s->local_user;
}

static size_t
list_size(const struct span *list, size_t n)
{
	size_t total = n * sizeof(*list);

	for (size_t i = 0; i < n; i++)
		total += list[i].n;
	return total;
}

/* Bytes that copy() needs. */
static size_t
subject_size(struct subject *s)
{
	struct span *text[6];
	size_t total = list_size(s->entitlements, s->n_entitlements) +
		       list_size(s->read_paths, s->n_read_paths);

	texts(s, text);
	for (size_t i = 0; i < 6; i++)
		total += text[i]->n;
	return total;
}

static struct span
copy_text(struct span s, char **at)
{
	struct span to = {*at, s.n};

	if (s.p == NULL)
		return s;
	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return to;
}

static const struct span *
copy_list(const struct span *list, size_t n, struct span **room, char **at)
{
	struct span *to = *room;

	for (size_t i = 0; i < n; i++)
		to[i] = copy_text(list[i], at);
	*room += n;
	return to;
}

/* A copy of *s whose spans all lie in `to`, which is aligned and of subject_size bytes. */
static struct subject
copy_subject(const struct subject *s, void *to)
{
	struct subject c = *s;
	struct span *room = to;
	char *at = (char *)(room + s->n_entitlements + s->n_read_paths);
	struct span *text[6];

	texts(&c, text);
	for (size_t i = 0; i < 6; i++)
		*text[i] = copy_text(*text[i], &at);
	c.entitlements = copy_list(s->entitlements, s->n_entitlements, &room, &at);
	c.read_paths = copy_list(s->read_paths, s->n_read_paths, &room, &at);
	return c;
}

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
		ret->claims.subject = copy_subject(&at->entry.claims.subject, to);
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
	size_t n = subject_size(&e.claims.subject);
	char *store = n <= TOKEN_CACHE_ENTRY_MAX ? malloc(n + 1) : NULL;
	struct shard *s = shard_of(c, key);

	if (store == NULL)
		return;
	e.claims.subject = copy_subject(&e.claims.subject, store);
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
