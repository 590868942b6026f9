/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Questions that wait for somebody else's answer (GATE_WAITS), as state of the thread that serves
 * their front worker: nothing blocks, and nothing is recorded before they are decided.  Each is a
 * copy of its message and holds a credential, so it is wiped when it ends.  For one thread.
 */
struct gate_parked;

#define GATE_PARKED_MAX   1024U         /* questions of one thread: a stranger can start them */
#define GATE_PARKED_BYTES (16UL << 20U) /* of them all */

/* One that is asked again, with what it waited for. */
struct gate_question {
	struct http_ask ask;
	struct gate_wait wait;
	size_t n; /* bytes of the message, which the ask's spans lie in */
	char msg[];
};

/* The desk is borrowed. */
bool gate_parked_new(struct gate_desk *d, struct gate_parked **ret, struct err *e);
void gate_parked_free(struct gate_parked *p); /* forgets all that wait; NULL is allowed */
size_t gate_parked_count(const struct gate_parked *p);
/* msg: WIRE_ASK, as it came, and what came with it or -1; *landed and *wait are taken on success.
 * False: no room, or no such message. */
bool gate_parked_add(
	struct gate_parked *p, struct span msg, int *landed, struct gate_wait *wait, struct err *e);
/* Something was answered: look at all of them. */
void gate_parked_wake(struct gate_parked *p);
/* Milliseconds until gate_parked_take may have something, at most GATE_WAIT_MS; -1: never. */
int gate_parked_timeout(const struct gate_parked *p, int64_t now_ms);
/* Up to `max` that are to be asked again, the oldest first; each is given back with
 * gate_parked_back or gate_parked_end. */
size_t gate_parked_take(
	struct gate_parked *p, int64_t now_ms, struct gate_question **ret, size_t max);
/* It waits again, for *wait; its place was kept. */
void gate_parked_back(struct gate_parked *p, struct gate_question *q, const struct gate_wait *wait);
/* It was answered. */
void gate_parked_end(struct gate_parked *p, struct gate_question *q);
