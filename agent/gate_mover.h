/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/metric.h"
#include "agent/haul.h"
#include "policy/audit.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The gate's end of the link to the mover (agent/haul.h): hauls leave from any thread, the ends of
 * transfers are read by one and written into the audit log, as what left under the decision that
 * permitted it.  Neither ever waits.
 */
struct gate_mover;

#define GATE_MOVER_TURN 64U /* reports that are read at a time */

/* Borrows the log. */
bool gate_mover_new(
	struct audit *audit, struct metrics *metrics, struct gate_mover **ret, struct err *e);
void gate_mover_free(struct gate_mover *g); /* NULL is allowed; no thread may be sending */
/* Takes *fd, a non-blocking SOCK_SEQPACKET, in the place of the link that was there. */
void gate_mover_link(struct gate_mover *g, int *fd);
/* The descriptor to poll for reading; -1: the mover is away. */
int gate_mover_fd(const struct gate_mover *g);
/* Reads what is there, at most GATE_MOVER_TURN reports; now_ms: of the audit log. */
void gate_mover_serve(struct gate_mover *g, int64_t now_ms);
/* file: the grant's descriptor; pipe: the end that is written to.  Both stay the caller's.  False:
 * the mover is not there, or has too much to do. */
bool gate_mover_send(struct gate_mover *g, const struct haul *h, int file, int pipe);
