/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The time that policy goes by (policy language 13.1): the wall clock, held against the clock that
 * counts since the boot and against the largest time that was seen before.  It never goes back, so
 * nothing that was open closes and no event gets an earlier stamp; and it never follows a step of
 * more than five minutes ahead, so nothing opens too early, until a new gate (a reload, a start)
 * takes the wall clock as it is.  Tokens, sessions and proofs keep the wall clock.
 */
#define TRUSTED_STEP_MS INT64_C(300000) /* a larger step is an alarm; none ahead is followed */

/* ---- the core: pure ---- */

struct trusted_core {
	int64_t first, first_boot; /* the time at the start, and the boot clock then */
	int64_t base, base_boot;   /* the last time that was set, and the boot clock then */
	enum {
		TRUSTED_STEADY, /* it is the wall clock's */
		TRUSTED_BEHIND, /* the wall clock is behind: it runs at half speed until that has
				   caught up */
		TRUSTED_AHEAD,  /* the wall clock is too far ahead: it runs by the boot clock */
	} state;
	int64_t told_ms; /* how far the wall clock was away at the last alarm; 0: none stands */
};

/* All in milliseconds; wall and stored UTC, boot since the boot; stored 0: none. */
void trusted_core_start(struct trusted_core *c, int64_t wall, int64_t boot, int64_t stored);
/*
 * The time to use.  boot never falls.  *step: not 0 once for each alarm, by how much the wall clock
 * is away from what was expected, below zero when it is behind.
 */
int64_t trusted_core_now(struct trusted_core *c, int64_t wall, int64_t boot, int64_t *step);

/*
 * The largest time in a kept file, or 0: two lines "TIME TIME", milliseconds UTC in 20 digits,
 * which are written in turn, so that one of them is whole whatever happens to the other.
 */
#define TRUSTED_LINE 42U
int64_t trusted_kept_read(struct span text);
void trusted_kept_line(int64_t time, char out[TRUSTED_LINE + 1]);

/* ---- with clocks and a file, for threads ---- */

struct trusted_time;

#define TRUSTED_FILE "clock" /* in the folder of the audit log */

/*
 * dir: the folder where the largest time is kept, or -1: nowhere; borrowed for this call.  A file
 * that cannot be opened or made is an error; one without a readable time in it counts as new.  Call
 * it before confinement.
 */
bool trusted_time_new(int dir, struct trusted_time **ret, struct err *e);
void trusted_time_free(struct trusted_time *t); /* NULL allowed */
/* Milliseconds UTC.  Thread-safe, never below what it said before. */
int64_t trusted_time_ms(struct trusted_time *t);
/* The same, with other clocks than the machine's. */
int64_t trusted_time_at(struct trusted_time *t, int64_t wall_ms, int64_t boot_ms);
/*
 * The step of an alarm that was not taken yet, and the time that is used instead of the wall
 * clock's; false: none.
 */
bool trusted_time_alarm(struct trusted_time *t, int64_t *step_ms, int64_t *used_ms);
/* Call it each second or so: keeps the time on disk twice a minute; and at a checkpoint with
 * `now`. Blocks for the disk. */
bool trusted_time_keep(struct trusted_time *t, bool now, struct err *e);
