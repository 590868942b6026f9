/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/carry.h"
#include "agent/base/err.h"
#include "agent/base/metric.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "agent/haul.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The transfers of the mover: each takes a granted file to another server (PUT, https 9.3), tells
 * its client of it through a pipe, and its gate of its end.  A client that leaves closes the pipe,
 * and the transfer ends.  It knows who asked for nothing; what it sends on besides the file is what
 * the client gave for the other side.
 */
struct mover;

struct mover_options {
	const struct settings_transfer *settings;
	struct span ca; /* absent: the system's authorities */
	/* Where this agent listens: with an address of this machine never a destination, whatever
	 * is allowed. */
	const uint16_t *ports;
	size_t n_ports;
	struct metrics *metrics;
	void *arg;
	/* One has ended; `link`: of mover_take. */
	void (*ended)(void *arg, unsigned link, const struct haul_ended *h);
};

/* Borrows all but the numbers. */
bool mover_new(const struct mover_options *o, struct carry *c, struct mover **ret, struct err *e);
void mover_free(struct mover *m); /* ends all; NULL is allowed */
/* Takes h->grant and *pipe, on failure too, which the client is told. */
void mover_take(struct mover *m, unsigned link, const struct haul *h, int *pipe, int64_t now_ms);
size_t mover_active(const struct mover *m);
/* The pipes, to be waited for with carry_turn; at most settings->parallel of them and those that
 * are ending. */
unsigned mover_poll(const struct mover *m, struct pollfd *p, unsigned max);
/* After it: who has left, markers, what takes too long.  p: as mover_poll filled it. */
void mover_tend(struct mover *m, const struct pollfd *p, unsigned n, int64_t now_ms);
#define MOVER_TICK_MS 500 /* so often at least, while any is active */
