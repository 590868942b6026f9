/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/wish.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The gate's link to the indexer: wishes leave from any thread, reports come to the main thread,
 * which then wakes those who wait (as gate_courier.h).  A question that has made a wish waits with
 * gate_wait.wish until gate_indexer_over, and is asked again.
 */
struct gate_indexer;

#define GATE_INDEXER_WISHES 256U /* of all threads; more are not made */

bool gate_indexer_new(struct gate_indexer **ret, struct err *e);
void gate_indexer_free(struct gate_indexer *g); /* NULL allowed */
/* Takes *fd; the old link is closed, and what was wished over it is over. */
void gate_indexer_link(struct gate_indexer *g, int *fd);
int gate_indexer_fd(const struct gate_indexer *g); /* to be polled; -1: none */
/* Take what was reported; true: there was something.  Main thread. */
bool gate_indexer_serve(struct gate_indexer *g);
/* w->id is ignored.  The wish's number, or 0: the indexer is not there, or too many wait. */
uint64_t gate_indexer_wish(struct gate_indexer *g, const struct wish *w);
/* Reported, or never will be. */
bool gate_indexer_over(struct gate_indexer *g, uint64_t id);
/* Nobody waits for it any more; its number is void. */
void gate_indexer_forget(struct gate_indexer *g, uint64_t id);
