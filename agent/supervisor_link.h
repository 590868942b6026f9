/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/supervisor.h"

/*
 * Joining roles by socketpairs.  Whenever one end is a new process, both ends get a new pair as
 * ROLE_LINK: one for each front worker with the gate, one for each reader with the indexer, one for
 * each gate that lives with the courier, with the mover, and with the indexer.
 */

/* A seat has a new process: join it with those of its peers that are there. */
void supervisor_link_started(struct supervisor *s, enum seat seat);
/* The gate in force became ready: join every front worker with it. */
void supervisor_link_gate(struct supervisor *s);
/* The gate of this seat became ready, in force or not: join it with courier and mover, where they
 * are, and with the indexer. */
void supervisor_link_helpers(struct supervisor *s, enum seat seat);
