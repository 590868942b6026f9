/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What would have been decided otherwise (policy language 10.3): each `decision` record of an audit
 * log is decided again under other policies, at its own time and from its own facts.  Memory does
 * not grow with the log.
 */
struct simulate;

/*
 * The log of a dataset, in order; false: not at hand.  *ret lives in the arena, or longer.
 */
struct simulate_events {
	bool (*get)(void *arg, struct span pid, struct arena *a, const struct policy_event **ret,
		size_t *ret_n);
	void *arg;
};
struct simulate_options {
	const struct policy_set *against; /* must outlive it */
	struct simulate_events events;    /* get NULL: no log is at hand */
	bool all; /* another rule, status or obligation of the same effect is a difference too */
	int64_t since_ms, until_ms; /* only records of since <= time < until, in milliseconds UTC;
				       until 0: no end */
};
/* NULL: no memory. */
struct simulate *simulate_new(const struct simulate_options *o);
void simulate_free(struct simulate *s); /* NULL is allowed */

/*
 * One line of the log without its line end; other kinds than decisions are passed over.  False
 * (*e): it is no line of an audit log; nothing is counted.
 */
bool simulate_line(struct simulate *s, struct span line, struct err *e);

struct simulate_counts {
	uint64_t decisions; /* the three below together */
	uint64_t changed, unchanged;
	uint64_t undecided; /* its dataset's log is not at hand, or its words are not known here */
};
void simulate_counts(const struct simulate *s, struct simulate_counts *ret);

/* Differences of one kind: from one rule to another. */
struct simulate_change {
	bool from_permit, to_permit;
	char from_rule[65], to_rule[65];
	unsigned from_line, to_line; /* of the example; 0: none */
	uint64_t count;
	/* The example: the first one of the log. */
	bool known;
	uint32_t roles;
	enum action action;
	enum state from_state, to_state;
	uint64_t seq;
};
enum { SIMULATE_CHANGES = 1000 }; /* kinds that are told apart; the counts hold all */
/* Most records first. */
size_t simulate_changes(struct simulate *s, const struct simulate_change **ret);
