/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "policy/grant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Rate classes carried out (policy language, obligation `rate:CLASS`): how many requests, how many
 * bodies at a time and how many bytes a second one identity has of a class, over all workers.  The
 * numbers come with each grant, so a reload changes them with the next one; what is kept here is
 * only how much was used.
 *
 * The table has a fixed size.  An identity that is at rest (nothing runs, a whole minute's requests
 * are allowed again) gives its place up, which loses nothing.  Identities that find no place share
 * one of their set with each other: a flood of them is limited together, and nobody else is.
 * Every call takes a short lock; who has no class never comes here.
 */
#define RATE_CELLS       16384U
#define RATE_CHUNK       4096 /* bytes: a body waits until it may send so many, or its last ones */
#define RATE_START_MS    100  /* a transfer after a rest begins with so much of its rate ... */
#define RATE_SAVED_MS    600  /* ... and later saves up so much, for timers are coarse */
#define RATE_STREAM_WAIT 5U   /* Retry-After where a body must end first: nobody knows when */

/* What has gathered at so many units a millisecond.  Pure. */
struct rate_bucket {
	int64_t level; /* at at_ms */
	int64_t at_ms;
};
/* Brings it to now_ms, at most `cap` units full; a clock that goes back adds nothing. */
void rate_bucket_fill(struct rate_bucket *b, int64_t per_ms, int64_t cap, int64_t now_ms);
/* Milliseconds until it holds `want` units; 0: it does now.  per_ms above 0. */
int64_t rate_bucket_wait(const struct rate_bucket *b, int64_t per_ms, int64_t want);

struct rate_table;

/* cells: 0 for RATE_CELLS. */
bool rate_table_new(size_t cells, struct rate_table **ret, struct err *e);
void rate_table_free(struct rate_table *t); /* NULL allowed */

/* What is left of the requests of a minute, for RateLimit and RateLimit-Policy. */
struct rate_quota {
	char name[GRANT_RATE_NAME]; /* of the class; "": it does not limit requests */
	uint32_t quota, left;
	unsigned reset_s; /* until all of it is there again; after a refusal: until the next one */
};
/*
 * One request more.  False: too many; ret->reset_s seconds from now the next one is allowed (if
 * nobody else of the identity takes it).  What is refused does not count.  *ret is left alone where
 * the class does not limit requests.
 */
bool rate_request(
	struct rate_table *t, const struct grant_rate *r, int64_t now_ms, struct rate_quota *ret);

/* One body under way; zero: none, or not limited.  Not to be copied. */
struct rate_use {
	struct rate_table *table;
	uint32_t cell;
	uint32_t mbit;
	int64_t window;         /* in which it asked last */
	struct rate_bucket own; /* its share of what all of them may send, in 1/1024 of a byte */
};
/* False: as many bodies as allowed are under way, and *u stays zero. */
bool rate_enter(
	struct rate_table *t, const struct grant_rate *r, int64_t now_ms, struct rate_use *u);
/* The same body under another grant: counted whatever the limit is. */
void rate_move(
	struct rate_table *t, const struct grant_rate *r, int64_t now_ms, struct rate_use *u);
/*
 * So many of `want` bytes may be sent now, and are counted.  0: none; ask again in *ret_wait_ms.
 * Each body that asks has an equal share.
 */
size_t rate_take(struct rate_use *u, size_t want, int64_t now_ms, int64_t *ret_wait_ms);
/* Of those, so many were not sent. */
void rate_give(struct rate_use *u, size_t n);
/* The body has ended.  Works on a zeroed one, leaves it zeroed. */
void rate_leave(struct rate_use *u);
/* Identities that hold a place now: those that are not at rest, and those nobody needed the place
 * of. */
size_t rate_table_count(struct rate_table *t);
