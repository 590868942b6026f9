/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/gate.h"

#include <stdbool.h>
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
/*
 * Takes what waits, at most GATE_TURN messages, and answers it.  False: the worker's end is closed.
 * Waits for a worker that does not take its answers, and as gate_answer does.
 */
bool gate_batch_serve(struct gate_batch *b);
