/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/json.h"
#include "policy/audit_line.h"
#include "policy/decision.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A `decision` record of the audit log (policy language 15) as the facts that it was made from and
 * what came of it, so that it can be made again.  Pure.
 */
struct simulate_record {
	struct subject subject;
	struct facts facts; /* without events; facts.subject points into this struct, or is NULL */
	uint64_t events;    /* entries of the dataset's log that were used */
	bool permit;
	struct span rule; /* an identifier */
	unsigned line;
	int status;
	enum state state;
	const struct json *obligations; /* a list */
};

/*
 * j: the whole line (audit_line_json), which *ret borrows from; ms: its time; lists live in the
 * arena.  False: the record does not say all that is needed, or in words that are not known here.
 * *ret must stay where it is.
 */
bool simulate_read(const struct json *j, int64_t ms, struct arena *a, struct simulate_record *ret);
