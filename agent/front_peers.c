/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front_peers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct peer {
	uint8_t key[16];
	unsigned n;
	struct peer *chain;
};

struct front_peers {
	pthread_mutex_t lock;
	unsigned in_all, per_address, n;
	size_t mask;
	uint64_t seed;
	struct peer **bucket;
};

bool
front_peers_new(unsigned in_all, unsigned per_address, struct front_peers **ret, struct err *e)
{
	struct front_peers *p = calloc(1, sizeof(*p));
	size_t buckets = 256;

	while (buckets < in_all && buckets < 65536)
		buckets *= 2;
	if (p != NULL)
		p->bucket = calloc(buckets, sizeof(struct peer *));
	if (p == NULL || p->bucket == NULL ||
		getrandom(&p->seed, sizeof(p->seed), 0) != sizeof(p->seed) ||
		pthread_mutex_init(&p->lock, NULL) != 0) {
		front_peers_free(p);
		return err_set(e, ERR_LIMIT, NULL, "no memory for the table of addresses");
	}
	p->in_all = in_all;
	p->per_address = per_address;
	p->mask = buckets - 1;
	*ret = p;
	return true;
}

void
front_peers_free(struct front_peers *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; p->bucket != NULL && i <= p->mask; i++) {
		while (p->bucket[i] != NULL) {
			struct peer *x = p->bucket[i];
			p->bucket[i] = x->chain;
			free(x);
		}
	}
	free((void *)p->bucket);
	free(p);
}

static void
key_of(const uint8_t peer[16], uint8_t key[16])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	memcpy(key, peer, 16);
	if (memcmp(peer, mapped, sizeof(mapped)) != 0)
		memset(key + 8, 0, 8);
}

static struct peer **
find(struct front_peers *p, const uint8_t key[16])
{
	uint64_t half[2];

	memcpy(half, key, 16);
	uint64_t h = (half[0] ^ p->seed) * 0x9e3779b97f4a7c15U;
	h = (h ^ h >> 32 ^ half[1]) * 0xbf58476d1ce4e5b9U;
	struct peer **at = &p->bucket[(h ^ h >> 29) & p->mask];
	while (*at != NULL && memcmp((*at)->key, key, 16) != 0)
		at = &(*at)->chain;
	return at;
}

static bool
enter(struct front_peers *p, const uint8_t key[16])
{
	struct peer **at = find(p, key);

	if (p->n >= p->in_all)
		return false;
	if (*at == NULL) {
		struct peer *x = calloc(1, sizeof(*x));
		if (x == NULL)
			return false;
		memcpy(x->key, key, 16);
		*at = x;
	}
	if ((*at)->n >= p->per_address)
		return false;
	(*at)->n++;
	p->n++;
	return true;
}

bool
front_peers_enter(struct front_peers *p, const uint8_t peer[16])
{
	uint8_t key[16];

	key_of(peer, key);
	(void)pthread_mutex_lock(&p->lock);
	bool ok = enter(p, key);
	(void)pthread_mutex_unlock(&p->lock);
	return ok;
}

void
front_peers_leave(struct front_peers *p, const uint8_t peer[16])
{
	uint8_t key[16];

	key_of(peer, key);
	(void)pthread_mutex_lock(&p->lock);
	struct peer **at = find(p, key);
	if (*at != NULL && --(*at)->n == 0) {
		struct peer *x = *at;
		*at = x->chain;
		free(x);
	}
	p->n--;
	(void)pthread_mutex_unlock(&p->lock);
}
