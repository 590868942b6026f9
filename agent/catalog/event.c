/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/event.h"

#include <stddef.h>

#include "policy/parse_event.h"
#include "policy/scalar.h"

const char *const event_text_names[EVENT_TEXT_COUNT] = {
	[EVENT_TEXT_TYPE] = "type",
	[EVENT_TEXT_AT] = "at",
	[EVENT_TEXT_BY] = "by",
	[EVENT_TEXT_ID] = "id",
	[EVENT_TEXT_OF] = "of",
	[EVENT_TEXT_PERIOD] = "period",
	[EVENT_TEXT_UNTIL] = "until",
	[EVENT_TEXT_ON] = "on",
	[EVENT_TEXT_RELEASE] = "release",
	[EVENT_TEXT_SUB] = "sub",
	[EVENT_TEXT_NOTE] = "note",
};

/* The same keys where the shapes of the event types stand. */
static const enum event_key keys[EVENT_TEXT_COUNT] = {
	[EVENT_TEXT_TYPE] = EVENT_KEY_TYPE,
	[EVENT_TEXT_AT] = EVENT_KEY_AT,
	[EVENT_TEXT_BY] = EVENT_KEY_BY,
	[EVENT_TEXT_ID] = EVENT_KEY_ID,
	[EVENT_TEXT_OF] = EVENT_KEY_OF,
	[EVENT_TEXT_PERIOD] = EVENT_KEY_PERIOD,
	[EVENT_TEXT_UNTIL] = EVENT_KEY_UNTIL,
	[EVENT_TEXT_ON] = EVENT_KEY_ON,
	[EVENT_TEXT_RELEASE] = EVENT_KEY_RELEASE,
	[EVENT_TEXT_SUB] = EVENT_KEY_SUB,
	[EVENT_TEXT_NOTE] = EVENT_KEY_NOTE,
};

static bool
read_date(struct span s, struct when *ret)
{
	return s.p == NULL || (facts_parse_when(s, ret) && ret->is_date);
}

static const char *
read_values(const struct event_text *t, struct policy_event *v)
{
	if (!facts_parse_when(t->value[EVENT_TEXT_AT], &v->at))
		return "`at` is neither a date nor an instant";
	int by = facts_name(t->value[EVENT_TEXT_BY], role_names, ROLE_COUNT);
	if (by < 0)
		return "`by` is not a role";
	v->by = (enum policy_role)by;
	struct span period = t->value[EVENT_TEXT_PERIOD];
	v->has_period = period.p != NULL;
	if (v->has_period && !scalar_period(period, &v->period))
		return "`period` is not a period such as 1y, 6m or 30d";
	if (!read_date(t->value[EVENT_TEXT_UNTIL], &v->until))
		return "`until` is not a date";
	if (!read_date(t->value[EVENT_TEXT_ON], &v->on))
		return "`on` is not a date";
	if (!read_date(t->value[EVENT_TEXT_RELEASE], &v->release))
		return "`release` is not a date";
	return NULL;
}

static const char *
read_event(const struct event_text *t, struct policy_event *v)
{
	unsigned given = 0;
	int type = facts_name(t->value[EVENT_TEXT_TYPE], event_names, EVENT_COUNT);

	if (type < 0)
		return "`type` is not one of the event types";
	v->type = (enum event_type)type;
	for (unsigned k = 0; k < EVENT_TEXT_COUNT; k++)
		given |= t->value[k].p != NULL ? 1U << keys[k] : 0;
	if ((given & ~(EVENT_KEYS_MAY | parse_event_shapes[type].may)) != 0)
		return "a key does not belong to this type of event";
	if ((parse_event_shapes[type].must & ~given) != 0)
		return "a key that this type of event needs is missing";
	if (type == EVENT_EXTENSION &&
		(t->value[EVENT_TEXT_PERIOD].p == NULL) == (t->value[EVENT_TEXT_UNTIL].p == NULL))
		return "an extension has either `period` or `until`";
	v->id = t->value[EVENT_TEXT_ID];
	v->of = t->value[EVENT_TEXT_OF];
	return read_values(t, v);
}

const char *
event_read(const struct event_text *t, struct policy_event *ret)
{
	*ret = (struct policy_event){0};
	const char *wrong = read_event(t, ret);
	ret->malformed = wrong != NULL;
	return wrong;
}
