/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/cli/oauth.h"

#include <stdint.h>

/*
 * The polling of the device flow (RFC 8628 3.4, 3.5) as a value that is fed with answers: when to
 * ask the token endpoint again, and when to stop.  Pure; the caller has the clock (milliseconds
 * that never jump back), the network and the patience.
 */
struct device {
	int64_t until_ms;  /* the code ends then */
	int64_t next_ms;   /* not to be asked before */
	unsigned interval; /* seconds; grows with slow_down */
	unsigned failures; /* in a row, without a usable answer */
};

/* One answer of the token endpoint; status 0: none came. */
struct device_answer {
	unsigned status;
	struct span body;
	int64_t retry_after; /* seconds; -1: not said */
};

enum device_turn { DEVICE_AGAIN, DEVICE_DONE, DEVICE_NO };

void device_begin(const struct oauth_code *c, int64_t now_ms, struct device *ret);
unsigned device_left(const struct device *d, int64_t now_ms); /* seconds, rounded up */
/*
 * AGAIN: ask at d->next_ms.  DONE: *ret has the tokens.  NO: *e says why and what to do; ERR_DENIED
 * when the person refused, ERR_LIMIT when the time is over, else ERR_UPSTREAM.
 */
enum device_turn device_judge(struct device *d, const struct device_answer *a, int64_t now_ms,
	struct arena *mem, struct oauth_tokens *ret, struct err *e);
