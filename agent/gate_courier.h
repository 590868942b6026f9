/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "auth/auth.h"
#include "auth/courier.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The gate's end of the link to the courier (agent/errand.h): errands leave from any thread,
 * reports are read by one and given to auth_report.  Neither ever waits: an errand that does not
 * fit into the socket has not left, and who waits for it is answered when its time is over.
 */
struct gate_courier;

#define GATE_COURIER_TURN 64U /* reports that are read at a time */

/* Borrows auth and has it send its errands here: before threads. */
bool gate_courier_new(struct auth *auth, struct gate_courier **ret, struct err *e);
void gate_courier_free(struct gate_courier *g); /* NULL is allowed; no thread may be sending */
/* Takes *fd, a non-blocking SOCK_SEQPACKET, in the place of the link that was there. */
void gate_courier_link(struct gate_courier *g, int *fd);
/* The descriptor to poll for reading; -1: the courier is away. */
int gate_courier_fd(const struct gate_courier *g);
/*
 * Reads what is there, at most GATE_COURIER_TURN reports.  True: something was reported, so what
 * waits may be ready.  A link that is closed, or says what is no report, is dropped.
 */
bool gate_courier_serve(struct gate_courier *g, int64_t now_ms);
/* An errand_fn; arg: the gate_courier. */
bool gate_courier_send(void *arg, const struct errand *r);
