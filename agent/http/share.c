/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/share.h"

#include <pthread.h>
#include <stdlib.h>

#define WAYS       8U /* places of a set; one more is shared by those who find none */
#define SET        (WAYS + 1)
#define BYTES_MBIT INT64_C(125) /* bytes each millisecond at 1 Mbit/s */
#define NOWHERE    UINT32_MAX

struct cell {
	uint64_t who;
	uint32_t bodies;     /* under way; 0: the place is free */
	uint32_t next, prev; /* in the ring; NOWHERE: it does not want to send */
	int64_t credit;      /* bytes that it may send */
	int64_t due_ms;      /* when it will have asked again */
};

struct share {
	pthread_mutex_t lock;
	int64_t per_ms, burst; /* bytes */
	int64_t at_ms, swept_ms;
	int64_t pool;  /* bytes that are nobody's yet */
	int64_t given; /* sum of all credits */
	uint32_t turn; /* who is next in the ring; NOWHERE: it is empty */
	uint32_t n;    /* in the ring */
	size_t sets;
	struct cell cell[]; /* sets * SET */
};

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

bool
share_new(uint32_t mbit, size_t cells, struct share **ret, struct err *e)
{
	size_t sets = ((cells > 0 ? cells : SHARE_CELLS) + WAYS - 1) / WAYS;
	struct share *s = calloc(1, sizeof(*s) + sets * SET * sizeof(struct cell));

	if (s == NULL || pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s);
		return err_set(e, ERR_LIMIT, NULL, "no memory for the shares of the link");
	}
	s->per_ms = (int64_t)mbit * BYTES_MBIT;
	s->burst = larger(s->per_ms * SHARE_BURST_MS, SHARE_LEAST);
	s->pool = s->burst;
	s->at_ms = INT64_MIN;
	s->swept_ms = INT64_MIN;
	s->turn = NOWHERE;
	s->sets = sets;
	for (size_t i = 0; i < sets * SET; i++)
		s->cell[i].next = NOWHERE;
	*ret = s;
	return true;
}

void
share_free(struct share *s)
{
	if (s == NULL)
		return;
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- the ring ---- */

/* Behind all others: it is the last one to have a turn. */
static void
ring_put(struct share *s, uint32_t at)
{
	struct cell *x = &s->cell[at];

	s->n++;
	if (s->turn == NOWHERE) {
		x->next = at;
		x->prev = at;
		s->turn = at;
		return;
	}
	struct cell *first = &s->cell[s->turn];
	x->next = s->turn;
	x->prev = first->prev;
	s->cell[first->prev].next = at;
	first->prev = at;
}

/* It gives back what it has. */
static void
ring_drop(struct share *s, uint32_t at)
{
	struct cell *x = &s->cell[at];

	if (x->next == NOWHERE)
		return;
	s->pool += x->credit;
	s->given -= x->credit;
	x->credit = 0;
	s->cell[x->prev].next = x->next;
	s->cell[x->next].prev = x->prev;
	if (s->turn == at)
		s->turn = x->next == at ? NOWHERE : x->next;
	x->next = NOWHERE;
	s->n--;
}

/* ---- giving out ---- */

/* What the link took meanwhile; a clock that goes back adds nothing, for workers' clocks differ. */
static void
gather(struct share *s, int64_t now_ms)
{
	int64_t room = larger(s->burst - s->given, SHARE_QUANTUM) - s->pool;

	if (s->at_ms == INT64_MIN)
		s->at_ms = now_ms;
	if (now_ms <= s->at_ms)
		return;
	int64_t ms = now_ms - s->at_ms;
	s->at_ms = now_ms;
	if (room > 0)
		s->pool += ms > room / s->per_ms ? room : ms * s->per_ms;
}

/* What one identity may save up. */
static int64_t
most(const struct share *s)
{
	return larger(s->burst / 2 / (int64_t)s->n, INT64_C(2) * SHARE_QUANTUM);
}

/* Quanta in turn, until the pool is empty or nobody may save more. */
static void
give_out(struct share *s, int64_t now_ms)
{
	uint32_t idle = 0;

	while (s->pool >= SHARE_QUANTUM && s->turn != NOWHERE && idle < s->n) {
		uint32_t at = s->turn;
		struct cell *x = &s->cell[at];
		if (now_ms - x->due_ms > SHARE_STALL_MS) {
			ring_drop(s, at);
			continue;
		}
		int64_t n = smaller(most(s) - x->credit, SHARE_QUANTUM);
		s->turn = x->next;
		idle++;
		if (n <= 0)
			continue;
		idle = 0;
		x->credit += n;
		s->given += n;
		s->pool -= n;
	}
}

/* Those who do not ask hold what others could send. */
static void
drop_stalled(struct share *s, int64_t now_ms)
{
	if (s->swept_ms == now_ms)
		return; /* not for each of many that wait */
	s->swept_ms = now_ms;
	for (uint32_t left = s->n; left > 0; left--) {
		uint32_t at = s->turn;
		s->turn = s->cell[at].next;
		if (now_ms - s->cell[at].due_ms > SHARE_STALL_MS)
			ring_drop(s, at);
	}
}

/* A round of the ring brings it a quantum at the latest. */
static int64_t
wait_of(const struct share *s)
{
	int64_t round = (int64_t)s->n * SHARE_QUANTUM - s->pool;

	return larger((round + s->per_ms - 1) / s->per_ms, 1);
}

static size_t
take(struct share *s, uint32_t at, size_t want, int64_t now_ms, int64_t *ret_wait_ms)
{
	struct cell *x = &s->cell[at];
	int64_t least = want < SHARE_CHUNK ? (int64_t)want : SHARE_CHUNK;

	x->due_ms = larger(x->due_ms, now_ms);
	if (x->next == NOWHERE) {
		x->due_ms = now_ms;
		ring_put(s, at);
	}
	gather(s, now_ms);
	if (x->credit < least)
		give_out(s, now_ms);
	if (x->credit < least) {
		drop_stalled(s, now_ms);
		give_out(s, now_ms);
	}
	if (x->credit < least) {
		*ret_wait_ms = wait_of(s);
		x->due_ms = larger(x->due_ms, now_ms + *ret_wait_ms);
		return 0;
	}
	int64_t n = x->credit < (int64_t)want ? x->credit : (int64_t)want;
	x->credit -= n;
	s->given -= n;
	return (size_t)n;
}

/* ---- bodies ---- */

static uint32_t
find(struct share *s, uint64_t who)
{
	uint32_t first = (uint32_t)(who % s->sets * SET);
	uint32_t place = WAYS;

	for (uint32_t i = 0; i < WAYS; i++) {
		const struct cell *x = &s->cell[first + i];
		if (x->bodies > 0 && x->who == who)
			return first + i;
		if (place == WAYS && x->bodies == 0)
			place = i;
	}
	return first + place;
}

void
share_enter(struct share *s, uint64_t who, struct share_use *u)
{
	*u = (struct share_use){.share = NULL};
	if (s == NULL || who == 0)
		return;
	(void)pthread_mutex_lock(&s->lock);
	u->share = s;
	u->cell = find(s, who);
	s->cell[u->cell].who = who;
	s->cell[u->cell].bodies++;
	(void)pthread_mutex_unlock(&s->lock);
}

size_t
share_take(struct share_use *u, size_t want, int64_t now_ms, int64_t *ret_wait_ms)
{
	if (u->share == NULL || want == 0)
		return want;
	(void)pthread_mutex_lock(&u->share->lock);
	size_t n = take(u->share, u->cell, want, now_ms, ret_wait_ms);
	(void)pthread_mutex_unlock(&u->share->lock);
	return n;
}

void
share_give(struct share_use *u, size_t n)
{
	struct share *s = u->share;

	if (s == NULL || n == 0)
		return;
	(void)pthread_mutex_lock(&s->lock);
	struct cell *x = &s->cell[u->cell];
	if (x->next == NOWHERE) {
		s->pool += (int64_t)n;
	} else {
		x->credit += (int64_t)n;
		s->given += (int64_t)n;
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void
share_leave(struct share_use *u)
{
	struct share *s = u->share;

	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	if (--s->cell[u->cell].bodies == 0)
		ring_drop(s, u->cell);
	(void)pthread_mutex_unlock(&s->lock);
	*u = (struct share_use){.share = NULL};
}

size_t
share_count(struct share *s)
{
	(void)pthread_mutex_lock(&s->lock);
	size_t n = s->n;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}
