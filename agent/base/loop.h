/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/*
 * The event loop of one worker thread: epoll, coarse timers, and tasks for the end of a turn.  The
 * watchers, timers and tasks stand in their owners' structs and must be taken away (loop_del,
 * loop_timer_stop, loop_task_stop) before those go; it is safe to do so inside any callback.
 */
#define LOOP_TICK_MS 250U /* a timer fires up to one tick late, never early */
#define LOOP_SLOTS   512U /* 128 s; a later timer goes round again */
#define LOOP_BATCH   256U

typedef void loop_fd_fn(void *arg, uint32_t events); /* events: EPOLL* of epoll_ctl(2) */
typedef void loop_fn(void *arg);

struct loop_fd {
	int fd; /* -1: not watched; the owner closes it */
	loop_fd_fn *fn;
	void *arg;
};

struct loop_link {
	struct loop_link *next, *prev;
};

struct loop_timer {
	struct loop_link link; /* next NULL: stopped */
	int64_t due;           /* ms of the loop's clock */
	int64_t slotted;       /* when the slot it stands in fires; at most due */
	loop_fn *fn;
	void *arg;
};

struct loop_task {
	struct loop_link link; /* next NULL: not waiting */
	loop_fn *fn;
	void *arg;
};

struct loop {
	int epfd;
	int64_t now; /* ms, monotonic, taken once a turn */
	int64_t utc; /* seconds since the epoch, taken once a turn */
	int64_t tick;
	struct loop_link slots[LOOP_SLOTS];
	struct loop_link soon; /* fine timers, the first one first */
	struct loop_link tasks;
	struct epoll_event batch[LOOP_BATCH];
	int at, n; /* position in batch */
};

bool loop_init(struct loop *l, struct err *e);
void loop_fini(struct loop *l);
/* One turn: wait at most `ms` (negative: until something happens), call what is due. */
bool loop_turn(struct loop *l, int ms, struct err *e);

bool loop_add(struct loop *l, struct loop_fd *w, uint32_t events, struct err *e);
bool loop_mod(struct loop *l, struct loop_fd *w, uint32_t events, struct err *e);
void loop_del(struct loop *l, struct loop_fd *w); /* before close(2); w->fd becomes -1 */

/* Fires once, `ms` from now.  Moving a timer to later costs nothing: call it as often as you like.
 */
void loop_timer(struct loop *l, struct loop_timer *t, int64_t ms);
/*
 * The same to the millisecond, for a wait of a few: costs a look at the fine timers behind it, and
 * a turn of the loop of its own.
 */
void loop_timer_soon(struct loop *l, struct loop_timer *t, int64_t ms);
void loop_timer_stop(struct loop_timer *t);
static inline bool
loop_timer_runs(const struct loop_timer *t)
{
	return t->link.next != NULL;
}

/*
 * Runs after the descriptors of this turn; asked by a task or a timer, in the next turn, which then
 * does not wait.  Asking twice runs it once.
 */
void loop_task(struct loop *l, struct loop_task *t);
void loop_task_stop(struct loop_task *t);
