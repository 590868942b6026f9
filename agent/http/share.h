/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One link shared fairly (limits.link_mbit): all workers' bodies together send no more than it
 * takes, and when it is full each identity has an equal share, however many connections it has.
 *
 * Deficit round robin: what the link takes gathers in a pool and is given out in quanta, one
 * identity after the other, to all that want to send; what an identity was given it may send at
 * once.  Who does not ask for a while (its clients are slow, or it has ended) gives back what it
 * has, so an idle share is the others'.  In any time t no more than rate * t + SHARE_BURST_MS of
 * the rate leaves (at least SHARE_LEAST, and two quanta for each identity that sends).
 *
 * The table has a fixed size.  Identities that find no place share one of their set, as in rate.h.
 * Every call takes a short lock; without a limit nothing comes here.
 */
#define SHARE_CELLS    8192U
#define SHARE_QUANTUM  16384 /* bytes: one TLS record */
#define SHARE_CHUNK    4096  /* a body waits until it may send so many, or its last ones */
#define SHARE_BURST_MS 100
#define SHARE_LEAST    262144 /* bytes of the burst, for links that are slow */
#define SHARE_STALL_MS 50     /* who has not asked for so long has nothing to send */

struct share;

/* cells: 0 for SHARE_CELLS. */
bool share_new(uint32_t mbit, size_t cells, struct share **ret, struct err *e);
void share_free(struct share *s); /* NULL allowed */

/* One body under way; zero: none, or the link has no limit.  Not to be copied. */
struct share_use {
	struct share *share;
	uint32_t cell;
};
/* `who`: a keyed hash of the identity, evenly spread.  s NULL: *u stays zero. */
void share_enter(struct share *s, uint64_t who, struct share_use *u);
/* So many of `want` bytes may be sent now, and are counted.  0: none; ask again in *ret_wait_ms. */
size_t share_take(struct share_use *u, size_t want, int64_t now_ms, int64_t *ret_wait_ms);
/* Of those, so many were not sent. */
void share_give(struct share_use *u, size_t n);
/* The body has ended.  Works on a zeroed one, leaves it zeroed. */
void share_leave(struct share_use *u);
/* Identities that want to send now. */
size_t share_count(struct share *s);
