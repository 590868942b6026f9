/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/rate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS       8U /* places of a set; one more is shared by those who find none */
#define SET        (WAYS + 1)
#define REQUEST    INT64_C(60000) /* units: requests_per_min of them come each millisecond */
#define BYTES_MBIT INT64_C(125)   /* bytes each millisecond at 1 Mbit/s */
#define FINE       INT64_C(1024)  /* of a byte, in the shares of bodies: or rounding were unfair */
#define REST_MS    1000
#define WINDOW_MS  512 /* who has asked in this one or in the last has a share */

struct cell {
	uint8_t who[16];
	bool used;
	uint32_t streams;          /* under way */
	int64_t window;            /* number of the current one */
	uint32_t asking, asked;    /* bodies that want bytes in it, in the one before */
	uint32_t requests_per_min; /* as it was last */
	struct rate_bucket bytes, requests;
};

struct rate_table {
	pthread_mutex_t lock;
	size_t sets;
	struct cell cell[]; /* sets * SET */
};

/* ---- buckets ---- */

void
rate_bucket_fill(struct rate_bucket *b, int64_t per_ms, int64_t cap, int64_t now_ms)
{
	int64_t ms = now_ms - b->at_ms;

	if (ms > 0)
		b->at_ms = now_ms;
	/* No more than what is missing, so that no product grows too large. */
	if (b->level >= cap || (ms > 0 && ms > (cap - b->level) / per_ms))
		b->level = cap;
	else if (ms > 0)
		b->level += ms * per_ms;
}

int64_t
rate_bucket_wait(const struct rate_bucket *b, int64_t per_ms, int64_t want)
{
	return b->level >= want ? 0 : (want - b->level + per_ms - 1) / per_ms;
}

/* ---- the table ---- */

bool
rate_table_new(size_t cells, struct rate_table **ret, struct err *e)
{
	size_t sets = ((cells > 0 ? cells : RATE_CELLS) + WAYS - 1) / WAYS;
	struct rate_table *t = calloc(1, sizeof(*t) + sets * SET * sizeof(struct cell));

	if (t == NULL || pthread_mutex_init(&t->lock, NULL) != 0) {
		free(t);
		return err_set(e, ERR_LIMIT, NULL, "no memory for the table of rates");
	}
	t->sets = sets;
	*ret = t;
	return true;
}

void
rate_table_free(struct rate_table *t)
{
	if (t == NULL)
		return;
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

/* All that could be gathered was gathered again: a new cell would start no poorer. */
static bool
at_rest(const struct cell *x, int64_t now_ms)
{
	struct rate_bucket requests = x->requests;
	int64_t cap = REQUEST * (int64_t)x->requests_per_min;

	if (!x->used)
		return true;
	if (x->streams > 0 || now_ms - x->bytes.at_ms < REST_MS ||
		now_ms - requests.at_ms < REST_MS)
		return false;
	if (cap == 0)
		return true;
	rate_bucket_fill(&requests, (int64_t)x->requests_per_min, cap, now_ms);
	return requests.level >= cap;
}

/* `who` is a hash with a secret key: its bytes are evenly spread. */
static uint32_t
find(struct rate_table *t, const uint8_t who[16], int64_t now_ms)
{
	uint64_t h = 0;
	uint32_t rested = WAYS;

	memcpy(&h, who, sizeof(h));
	uint32_t first = (uint32_t)(h % t->sets * SET);
	struct cell *set = &t->cell[first];
	for (uint32_t i = 0; i < WAYS; i++) {
		if (set[i].used && memcmp(set[i].who, who, 16) == 0)
			return first + i;
		if (rested == WAYS && at_rest(&set[i], now_ms))
			rested = i;
	}
	struct cell *x = &set[rested];
	if (rested < WAYS || at_rest(x, now_ms)) {
		*x = (struct cell){.used = true,
			.bytes = {.level = INT64_MAX, .at_ms = now_ms},
			.requests = {.level = INT64_MAX, .at_ms = now_ms}};
		memcpy(x->who, who, 16);
	}
	return first + rested;
}

/* The numbers of the grant hold from now on, for what has gathered, too. */
static struct cell *
cell_of(struct rate_table *t, const struct grant_rate *r, int64_t now_ms, uint32_t *ret)
{
	uint32_t at = find(t, r->who, now_ms);
	struct cell *x = &t->cell[at];

	x->requests_per_min = r->requests_per_min;
	if (r->requests_per_min > 0)
		rate_bucket_fill(&x->requests, (int64_t)r->requests_per_min,
			REQUEST * (int64_t)r->requests_per_min, now_ms);
	if (ret != NULL)
		*ret = at;
	return x;
}

/* What the cell says of it now. */
static void
quota_of(const struct cell *x, bool ok, const struct grant_rate *r, struct rate_quota *ret)
{
	int64_t per_min = r->requests_per_min;
	int64_t want = ok ? REQUEST * per_min : REQUEST;

	memcpy(ret->name, r->name, sizeof(ret->name));
	ret->quota = r->requests_per_min;
	ret->left = (uint32_t)(x->requests.level / REQUEST);
	ret->reset_s = (unsigned)((rate_bucket_wait(&x->requests, per_min, want) + 999) / 1000);
}

bool
rate_request(
	struct rate_table *t, const struct grant_rate *r, int64_t now_ms, struct rate_quota *ret)
{
	if (t == NULL || r->name[0] == '\0' || r->requests_per_min == 0)
		return true;
	(void)pthread_mutex_lock(&t->lock);
	struct cell *x = cell_of(t, r, now_ms, NULL);
	bool ok = x->requests.level >= REQUEST;
	if (ok)
		x->requests.level -= REQUEST;
	quota_of(x, ok, r, ret);
	(void)pthread_mutex_unlock(&t->lock);
	return ok;
}

/* ---- bodies ---- */

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What all bodies of an identity may save up together. */
static int64_t
saved_of(const struct rate_use *u, int64_t asking)
{
	return larger(
		(int64_t)u->mbit * BYTES_MBIT * RATE_SAVED_MS, INT64_C(2) * RATE_CHUNK * asking);
}

static void
start(struct rate_table *t, const struct grant_rate *r, int64_t now_ms, struct rate_use *u)
{
	struct cell *x = cell_of(t, r, now_ms, &u->cell);
	int64_t per_ms = (int64_t)r->mbit * BYTES_MBIT;
	int64_t first = larger(per_ms * RATE_START_MS, RATE_CHUNK);

	u->table = t;
	u->mbit = r->mbit;
	if (per_ms > 0 && x->streams == 0)
		rate_bucket_fill(&x->bytes, per_ms, first, now_ms);
	x->streams++;
	u->own = (struct rate_bucket){.level = first * FINE / (int64_t)x->streams, .at_ms = now_ms};
}

bool
rate_enter(struct rate_table *t, const struct grant_rate *r, int64_t now_ms, struct rate_use *u)
{
	bool ok = true;

	*u = (struct rate_use){.table = NULL};
	if (t == NULL || r->name[0] == '\0')
		return true;
	(void)pthread_mutex_lock(&t->lock);
	ok = r->streams == 0 || cell_of(t, r, now_ms, NULL)->streams < r->streams;
	if (ok)
		start(t, r, now_ms, u);
	(void)pthread_mutex_unlock(&t->lock);
	return ok;
}

void
rate_move(struct rate_table *t, const struct grant_rate *r, int64_t now_ms, struct rate_use *u)
{
	rate_leave(u);
	if (t == NULL || r->name[0] == '\0')
		return;
	(void)pthread_mutex_lock(&t->lock);
	start(t, r, now_ms, u);
	(void)pthread_mutex_unlock(&t->lock);
}

/*
 * How many bodies want bytes, at least one: those that wait for their clients leave their shares to
 * the others.  The windows go forward alone, for the workers' clocks are not one.
 */
static int64_t
count_asking(struct cell *x, struct rate_use *u, int64_t now_ms)
{
	int64_t window = now_ms / WINDOW_MS;

	if (window > x->window) {
		x->asked = x->window == window - 1 ? x->asking : 0;
		x->asking = 0;
		x->window = window;
	}
	if (u->window != x->window) {
		u->window = x->window;
		x->asking++;
	}
	return larger(larger(x->asking, x->asked), 1);
}

/* What `u` may send now, of what is in the buckets. */
static int64_t
allowed(const struct rate_use *u, const struct cell *x, int64_t asking, int64_t saved)
{
	int64_t spare = x->bytes.level - saved / 2; /* the others do not use it */
	int64_t mine = larger(u->own.level / FINE, spare);

	if (asking <= 1)
		return x->bytes.level;
	return mine < x->bytes.level ? mine : x->bytes.level;
}

static size_t
take(struct rate_use *u, struct cell *x, size_t want, int64_t now_ms, int64_t *ret_wait_ms)
{
	int64_t per_ms = (int64_t)u->mbit * BYTES_MBIT;
	int64_t asking = count_asking(x, u, now_ms);
	int64_t share = larger(per_ms * FINE / asking, 1);
	int64_t saved = saved_of(u, asking);
	int64_t least = want < RATE_CHUNK ? (int64_t)want : RATE_CHUNK;

	rate_bucket_fill(&x->bytes, per_ms, saved, now_ms);
	rate_bucket_fill(&u->own, share, saved * FINE / asking, now_ms);
	int64_t may = allowed(u, x, asking, saved);
	if (may < least) {
		int64_t wait = rate_bucket_wait(&x->bytes, per_ms, least);
		if (asking > 1)
			wait = larger(wait, rate_bucket_wait(&u->own, share, least * FINE));
		*ret_wait_ms = larger(wait, 1);
		return 0;
	}
	if ((uint64_t)may > want)
		may = (int64_t)want;
	x->bytes.level -= may;
	u->own.level = larger(u->own.level - may * FINE, 0); /* what was spare is not owed */
	return (size_t)may;
}

size_t
rate_take(struct rate_use *u, size_t want, int64_t now_ms, int64_t *ret_wait_ms)
{
	size_t n = want;

	if (u->table == NULL || u->mbit == 0 || want == 0)
		return want;
	(void)pthread_mutex_lock(&u->table->lock);
	n = take(u, &u->table->cell[u->cell], want, now_ms, ret_wait_ms);
	(void)pthread_mutex_unlock(&u->table->lock);
	return n;
}

void
rate_give(struct rate_use *u, size_t n)
{
	if (u->table == NULL || u->mbit == 0 || n == 0)
		return;
	(void)pthread_mutex_lock(&u->table->lock);
	u->table->cell[u->cell].bytes.level += (int64_t)n;
	(void)pthread_mutex_unlock(&u->table->lock);
	u->own.level += (int64_t)n * FINE;
}

void
rate_leave(struct rate_use *u)
{
	struct rate_table *t = u->table;

	if (t == NULL)
		return;
	(void)pthread_mutex_lock(&t->lock);
	t->cell[u->cell].streams--;
	(void)pthread_mutex_unlock(&t->lock);
	*u = (struct rate_use){.table = NULL};
}

size_t
rate_table_count(struct rate_table *t)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->sets * SET; i++)
		n += t->cell[i].used ? 1 : 0;
	(void)pthread_mutex_unlock(&t->lock);
	return n;
}
