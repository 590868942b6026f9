/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "transfer/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The readers: one question at a time for each, with a deadline.  A reader that overruns it is
 * killed, one that dies is noticed; either way the supervisor sends a link to its successor.
 */
#define POOL_READERS 16U

enum indexer_pool_end {
	POOL_ANSWER,
	POOL_DIED,    /* it took the question, and its end of the link is gone */
	POOL_OVERRAN, /* no answer within READING_DEADLINE: ended, by itself or by us */
	POOL_MISSED,  /* it went away before it took the question: ask another */
};

struct indexer_pool_calls {
	void *ctx;
	/* `text` is the answer, for POOL_ANSWER alone; valid during the call. */
	void (*done)(void *ctx, void *ticket, enum indexer_pool_end how, struct span text);
	void (*kill)(void *ctx, unsigned slot);
};

struct indexer_pool_slot {
	int fd;            /* -1: no reader */
	void *ticket;      /* NULL: idle */
	uint64_t deadline; /* monotonic ms */
};

struct indexer_pool {
	struct indexer_pool_calls calls;
	struct indexer_pool_slot slot[POOL_READERS];
	uint64_t seen; /* monotonic ms: when a reader was there last */
	char answer[READING_MAX + 1];
};

void indexer_pool_init(struct indexer_pool *p);
/* Who is told of ends from now on. */
void indexer_pool_serve(struct indexer_pool *p, const struct indexer_pool_calls *calls);
void indexer_pool_fini(struct indexer_pool *p);
/* Takes fd.  A question that the old link still had ends as POOL_DIED. */
void indexer_pool_link(struct indexer_pool *p, unsigned slot, int fd);
/* Ask an idle reader about the file; false: there is none now.  fd stays the caller's. */
bool indexer_pool_ask(struct indexer_pool *p, int fd, void *ticket);
bool indexer_pool_idle(const struct indexer_pool *p);
size_t indexer_pool_busy(const struct indexer_pool *p);
/* Milliseconds since a reader was there last; 0 while one is. */
uint64_t indexer_pool_bereft(const struct indexer_pool *p);
/*
 * Take what has come, end what is overdue.  Waits at most timeout_ms for a reader or for `other` (a
 * descriptor, -1: none) to have something to read.
 */
void indexer_pool_wait(struct indexer_pool *p, int other, int timeout_ms);
