/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/seats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct seat {
	bool taken, counted; /* counted: for its address */
	uint8_t peer[16];
};

struct seats {
	pthread_mutex_t lock;
	struct seat seat[][SEATS_ISSUER];
};

bool
seats_new(size_t n_issuers, struct seats **ret, struct err *e)
{
	struct seats *s = calloc(1, sizeof(*s) + (n_issuers + 1) * sizeof(s->seat[0]));

	if (s == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "issuers: no memory");
	(void)pthread_mutex_init(&s->lock, NULL);
	*ret = s;
	return true;
}

void
seats_free(struct seats *s)
{
	if (s == NULL)
		return;
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

bool
seats_same_peer(const uint8_t a[16], const uint8_t b[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(a, mapped, sizeof(mapped)) == 0;

	return memcmp(a, b, v4 ? 16 : 8) == 0;
}

/* A free one of the row, or NULL; *mine: how many this address holds. */
static struct seat *
look(struct seat row[SEATS_ISSUER], const uint8_t *peer, unsigned *mine)
{
	struct seat *found = NULL;

	*mine = 0;
	for (unsigned i = 0; i < SEATS_ISSUER; i++) {
		if (!row[i].taken && found == NULL)
			found = &row[i];
		*mine += row[i].taken && row[i].counted && peer != NULL &&
			 seats_same_peer(row[i].peer, peer);
	}
	return found;
}

bool
seats_take(struct seats *s, size_t issuer, const uint8_t *peer, unsigned *ret)
{
	unsigned mine = 0;

	(void)pthread_mutex_lock(&s->lock);
	struct seat *at = look(s->seat[issuer], peer, &mine);
	bool ok = at != NULL && mine < SEATS_PEER;
	if (ok) {
		*at = (struct seat){.taken = true, .counted = peer != NULL};
		if (peer != NULL)
			memcpy(at->peer, peer, sizeof(at->peer));
		*ret = (unsigned)(at - s->seat[issuer]);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return ok;
}

void
seats_leave(struct seats *s, size_t issuer, unsigned seat)
{
	(void)pthread_mutex_lock(&s->lock);
	s->seat[issuer][seat % SEATS_ISSUER].taken = false;
	(void)pthread_mutex_unlock(&s->lock);
}
