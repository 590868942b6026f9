/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/form.h"

/*
 * The list of events of a test.  What would be a malformed event in a dataset's log (which closes
 * it) is an error of the file here.
 */
void parse_events(
	struct form *f, const struct yaml_node *v, const struct policy_event **ret, size_t *ret_n);
/* May an event of this type have this key (policy language 2.3)?  `required` too. */
enum event_key {
	EVENT_KEY_TYPE,
	EVENT_KEY_AT,
	EVENT_KEY_BY,
	EVENT_KEY_SUB,
	EVENT_KEY_NOTE,
	EVENT_KEY_ID,
	EVENT_KEY_OF,
	EVENT_KEY_PERIOD,
	EVENT_KEY_UNTIL,
	EVENT_KEY_ON,
	EVENT_KEY_RELEASE,
	EVENT_KEY_COUNT
};
extern const char *const parse_event_keys[EVENT_KEY_COUNT];
struct event_shape {
	uint32_t may, must; /* bits of enum event_key, beside those that all events have */
};
extern const struct event_shape parse_event_shapes[EVENT_COUNT];
/* type, at and by must, sub and note may stand in every event. */
#define EVENT_KEYS_MUST (1U << EVENT_KEY_TYPE | 1U << EVENT_KEY_AT | 1U << EVENT_KEY_BY)
#define EVENT_KEYS_MAY  (EVENT_KEYS_MUST | 1U << EVENT_KEY_SUB | 1U << EVENT_KEY_NOTE)
