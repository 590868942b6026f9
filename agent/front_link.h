/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/loop.h"
#include "agent/http/conn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A worker's side of its socketpair to the gate: many questions in flight, told apart by number;
 * everything that one turn of the loop brings leaves in one system call, notes in common messages.
 * Each question is kept until it is answered: when the gate dies, all of them wait for the next
 * one, at most FRONT_LINK_DOWN_MS, and are sent again; but not those that may change something and
 * had been sent (conn_unanswered).
 */
#define FRONT_LINK_ASKS    16384U /* questions in flight; more are refused */
#define FRONT_LINK_NOTES   65536U /* notes that wait for the gate; more are lost, and counted */
#define FRONT_LINK_NOTED   (16UL << 20) /* bytes of those */
#define FRONT_LINK_DOWN_MS 5000
#define FRONT_LINK_ASK_MS  30000 /* a gate that lives and does not answer */
#define FRONT_LINK_BATCH   32U   /* messages in one sendmmsg(2) */
#define FRONT_LINK_SHORT   64U   /* descriptors to be given up at once, at least */

struct front_link;

bool front_link_new(struct loop *loop, struct front_link **ret, struct err *e);
void front_link_free(struct front_link *l);
/* The services of a connection (conn_gate: ask, forget, done); arg: the link. */
bool front_link_ask(void *arg, struct conn *c, struct http_ask *q);
void front_link_forget(void *arg, uint64_t id);
void front_link_done(void *arg, const struct http_done *d);
/*
 * How many: what is given up leaves holes that are filled first, so a number this high is not seen
 * again before that many were taken.  The further above, the more, or they would all be used up.
 */
static inline size_t
front_link_give_up(int fd, int high)
{
	return FRONT_LINK_SHORT + (size_t)(fd - high);
}

/* Called with how many descriptors should be given up, where a granted one is number `high` or
 * above, or did not fit any more.  A question whose answer did not fit is asked again in a moment.
 */
void front_link_short(struct front_link *l, int high, void (*fn)(void *arg, size_t n), void *arg);
/* Takes fd: the gate is there (again). */
void front_link_up(struct front_link *l, int fd);
bool front_link_is_up(const struct front_link *l);
/* Send what waits now; a note otherwise goes with the next question, or after a moment. */
void front_link_push(struct front_link *l);
/* Nothing waits to be sent or answered. */
bool front_link_quiet(const struct front_link *l);
uint64_t front_link_lost(const struct front_link *l); /* notes that could not be kept */
