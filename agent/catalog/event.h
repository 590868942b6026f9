/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "policy/facts.h"

#include <stdbool.h>

/*
 * One entry of a proposal's log as text, the way it is kept, and as the policy reads it (policy
 * reference, 2.3).  Pure.
 */
enum event_text_key {
	EVENT_TEXT_TYPE,
	EVENT_TEXT_AT,
	EVENT_TEXT_BY,
	EVENT_TEXT_ID,
	EVENT_TEXT_OF,
	EVENT_TEXT_PERIOD,
	EVENT_TEXT_UNTIL,
	EVENT_TEXT_ON,
	EVENT_TEXT_RELEASE,
	EVENT_TEXT_DECIDE, /* those before it are what a decision reads */
	EVENT_TEXT_SUB = EVENT_TEXT_DECIDE,
	EVENT_TEXT_NOTE,
	EVENT_TEXT_COUNT
};
extern const char *const event_text_names[EVENT_TEXT_COUNT]; /* "type", "at", ... */

struct event_text {
	struct span value[EVENT_TEXT_COUNT]; /* absent: not given */
};

/*
 * *ret always set, with borrowed spans; ret->malformed says that the entry breaks its form, and
 * then the answer is what is wrong in one line (static), else NULL.
 */
const char *event_read(const struct event_text *t, struct policy_event *ret);
