/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "policy/model.h"
#include "policy/state.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Before an event is appended to the log of a dataset: may it be, and what would become of it
 * (policy language 3.3)?  An event that would not count is refused here with the reason, rather
 * than kept for ever without effect.  Pure.
 */
enum event_answer {
	EVENT_GOOD,
	EVENT_BAD,       /* its form or its time is wrong */
	EVENT_FORBIDDEN, /* not for this role */
	EVENT_NOT_NOW,   /* nothing there that it could change */
	EVENT_UNKNOWN,   /* `of` names no event that it may speak of */
};

struct event_outcome {
	enum state_verdict verdict;      /* of the event, or of the one that it speaks of */
	int64_t effect;                  /* VERDICT_COUNTS, VERDICT_AHEAD: from then on */
	struct state_view before, after; /* at the time of the event */
	enum event_type of_type;         /* of an approval or an objection */
};

#define EVENT_AHEAD_S 300 /* an `at` may lie so far after trusted time (13.1) */

struct event_question {
	const struct policy *p;
	const struct object_facts *o;
	const struct policy_event *ev;
	int64_t now;  /* seconds UTC */
	bool trusted; /* the administrator: what closes may be recorded in any role */
};
/* Anything but EVENT_GOOD leaves its reason in *e. */
enum event_answer event_check(
	const struct event_question *q, struct arena *a, struct event_outcome *ret, struct err *e);

/*
 * Who may record an event of this type (of_type: what an approval speaks of), in the order of the
 * policy.
 */
const struct role_list *event_roles(
	const struct policy *p, enum event_type type, enum event_type of_type);

/* What happens next, one sentence: "The dataset is open from 2026-11-25 (Europe/Paris)." */
void event_write_sentence(
	const struct event_question *q, const struct event_outcome *o, struct buf *out);
