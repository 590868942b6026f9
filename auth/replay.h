/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which DPoP proofs were used already (RFC 9449 11.1): a bounded table of keyed hashes of (key
 * thumbprint, jti), each kept for as long as its proof could be sent again, and never forgotten
 * before.  It lies in shared memory that outlives a gate, so that neither a reload nor the death of
 * a gate opens it for the proofs of the last minutes; the locks survive a process that dies with
 * one.  Any number of threads and processes.  No proof, jti or key stands in it.
 *
 * A new table remembers nothing of before: whoever asks it must refuse proofs that may have been
 * used earlier, which replay_born tells.
 */
struct replay;

/*
 * One key finds its place in an eighth of the table alone: a client that makes proofs by the
 * thousand fills its own eighth (more than 200 proofs a second for five minutes), and most others
 * do not notice.  Memory is taken as it is used, 8 MiB at most.
 */
#define REPLAY_ENTRIES 524288U
#define REPLAY_WAYS    32U /* places where one proof may lie; all of them in use: full */
#define REPLAY_SHARES  8U

/* An empty table as a descriptor to hand on; -1 after a failure. `now`: seconds UTC. */
int replay_create(int64_t now, struct err *e);
/* The table behind such a descriptor, which stays the caller's. */
bool replay_map(int fd, struct replay **ret, struct err *e);
/* One of this process alone. */
bool replay_new(int64_t now, struct replay **ret, struct err *e);
void replay_free(struct replay *r); /* NULL is allowed; a shared table stays for the others */

/* Seconds UTC when the table was made. */
int64_t replay_born(const struct replay *r);

enum replay_answer {
	REPLAY_NEW,  /* and remembered from now on */
	REPLAY_SEEN, /* it was there */
	REPLAY_FULL  /* not remembered: do not accept the proof */
};
/* `until`: the first second in which the proof is too old anyway. */
enum replay_answer replay_add(
	struct replay *r, struct span jkt, struct span jti, int64_t until, int64_t now);
