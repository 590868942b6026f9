/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/peer_rate.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/crypto.h"
#include "agent/base/siphash.h"

#define WAYS      4U
#define SECOND_MS 1000

struct cell {
	uint64_t hash;   /* of the address */
	int64_t busy_ms; /* until then its allowance is not whole again (a bucket of tokens, as one
			    instant); in the past: as if it had never come */
};

struct peer_rate {
	uint64_t key[2];
	int64_t step_ms; /* what one use costs */
	size_t sets;
	struct cell cell[];
};

struct peer_rate *
peer_rate_new(size_t addresses, unsigned per_second)
{
	size_t sets = (addresses + WAYS - 1) / WAYS;
	struct peer_rate *r = calloc(1, sizeof(*r) + sets * WAYS * sizeof(struct cell));

	if (r == NULL || !crypto_random(r->key, sizeof(r->key), NULL)) {
		free(r);
		return NULL;
	}
	r->step_ms = SECOND_MS / (int64_t)per_second;
	r->sets = sets;
	return r;
}

void
peer_rate_free(struct peer_rate *r)
{
	if (r != NULL)
		explicit_bzero(r->key, sizeof(r->key));
	free(r);
}

static uint64_t
hash_of(const struct peer_rate *r, const uint8_t peer[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(peer, mapped, sizeof(mapped)) == 0;

	return siphash(r->key, (struct span){(const char *)peer, v4 ? 16 : 8});
}

/* The address's own cell, or the one of its set that has rested longest. */
static struct cell *
cell_of(struct peer_rate *r, uint64_t hash)
{
	struct cell *set = &r->cell[hash % r->sets * WAYS];
	struct cell *rested = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (set[i].busy_ms < rested->busy_ms)
			rested = &set[i];
	}
	*rested = (struct cell){.hash = hash};
	return rested;
}

bool
peer_rate_allow(struct peer_rate *r, const uint8_t peer[16], int64_t now_ms)
{
	struct cell *c = cell_of(r, hash_of(r, peer));
	int64_t most = now_ms + SECOND_MS; /* also when the clock was set back */
	int64_t busy = c->busy_ms > now_ms ? c->busy_ms : now_ms;

	busy = busy < most ? busy : most;
	bool ok = busy + r->step_ms <= most;
	c->busy_ms = ok ? busy + r->step_ms : busy;
	return ok;
}
