/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What waits on the link from one front worker, taken and answered in one turn of the desk
 * (gate.h): one audit write for all of its decisions, one for all of its closings.
 */
struct gate_batch;

/* Desk, link and epoch are borrowed; the epoch moves when closings cannot be recorded. */
bool gate_batch_new(
	struct gate_desk *d, int link, uint64_t *epoch, struct gate_batch **ret, struct err *e);
void gate_batch_free(struct gate_batch *b);
/* How many of its questions wait for somebody else's answer (gate_parked.h). */
size_t gate_batch_parked(const struct gate_batch *b);
/*
 * Blocks until there is something for gate_batch_serve: on the link, or since `wake` was written to
 * (an eventfd: an answer came that questions may wait for; -1: none), or because such a question
 * has waited long enough.  False: it was interrupted, or poll failed.
 */
bool gate_batch_wait(struct gate_batch *b, int wake);
/*
 * Takes the questions whose answer has come and what waits on the link, together at most GATE_TURN,
 * and answers all of it.  False: the worker's end is closed.  Waits for a worker that does not take
 * its answers, and as gate_answer does.
 */
bool gate_batch_serve(struct gate_batch *b);
