/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/model.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a dataset is at an instant, computed from its dates and its log of events each time (policy
 * language 3): no stored flag, no job.  Pure, no allocation.
 */
struct state_view {
	enum state state;
	const char *detail; /* or NULL */
	bool has_release;   /* R, in the states embargoed and open only */
	int64_t release_at;
	uint32_t reached; /* of enum milestone, REACHED_RELEASE, REACHED_ALWAYS */
	bool has_next;    /* the earliest later instant at which time alone may change it */
	int64_t next;
};

/* Extensions and releases of one log that are weighed; a longer log closes the dataset. */
#define STATE_REQUESTS_MAX 1024U

void state_compute(
	const struct policy *p, const struct object_facts *o, int64_t now, struct state_view *ret);

/* Why one event of the log does or does not count, for explanations. */
enum state_verdict {
	VERDICT_COUNTS,     /* in force */
	VERDICT_MALFORMED,  /* it closes the dataset */
	VERDICT_LATER,      /* recorded after the time of the question */
	VERDICT_ROLE,       /* recorded in a role that may not do this */
	VERDICT_UNAPPROVED, /* needs an approval that is not there */
	VERDICT_OBJECTED,   /* a member of the team objected in time */
	VERDICT_AHEAD,      /* counts, but its time has not come */
	VERDICT_REFERS,     /* an approval or objection: speaks of another event */
};
/* *effect: the instant at which it takes effect (VERDICT_COUNTS, VERDICT_AHEAD). */
enum state_verdict state_judge(const struct policy *p, const struct object_facts *o, size_t i,
	int64_t now, int64_t *effect);

/*
 * When the first event that stands in the log, but does not exist yet (3.2: its time is after
 * `now`), will; false: none.  Until then nothing that was decided at `now` may be kept.
 */
bool state_next_event(
	const struct policy *p, const struct object_facts *o, int64_t now, int64_t *ret);
