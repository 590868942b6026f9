/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/jsonw.h"
#include "agent/gate.h"
#include "policy/event_check.h"

/*
 * Events of a dataset: extension, release, approval, objection, agreement, restriction, withdrawal
 * and what takes these back (policy language 2.3).  GET: its log, for those who may read all
 * metadata.  POST: one more, for those whom the policy lets record it (policy/event_check.h).
 */
void gate_events_begin(struct gate_desk *d, struct gate_case *c);
void gate_events_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/* One event to be recorded about c->dataset, by c->subject in one of c->facts.roles. */
struct gate_event {
	struct event_text
		text; /* as it came; `at`, `by` and `id` are added where they are missing */
	bool trusted; /* by the administrator: in whatever role he says */
};
/*
 * Check, write and describe: the body of the answer is added to `out` (JSON).  False: *status and
 * *e say why not.
 */
bool gate_events_record(struct gate_desk *d, struct gate_case *c, struct gate_event *ev,
	struct buf *out, unsigned *status, struct err *e);
