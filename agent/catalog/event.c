/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/event.h"

#include <stddef.h>

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

/* Keys that a type may have and must have, beside type, at, by, sub and note. */
#define KEY(k) (1U << EVENT_TEXT_##k)
static const struct {
	unsigned may, must;
} forms[EVENT_COUNT] = {
	[EVENT_EXTENSION] = {KEY(ID) | KEY(PERIOD) | KEY(UNTIL), 0},
	[EVENT_RELEASE] = {KEY(ID) | KEY(ON), 0},
	[EVENT_APPROVAL] = {KEY(OF), KEY(OF)},
	[EVENT_OBJECTION] = {KEY(OF), KEY(OF)},
	[EVENT_AGREEMENT] = {KEY(RELEASE), KEY(RELEASE)},
	[EVENT_RESTRICTION] = {0, 0},
	[EVENT_RESTRICTION_LIFTED] = {0, 0},
	[EVENT_WITHDRAWAL] = {0, 0},
	[EVENT_REINSTATEMENT] = {0, 0},
};
#define KEYS_OF_ALL (KEY(TYPE) | KEY(AT) | KEY(BY) | KEY(SUB) | KEY(NOTE))

bool
event_read_period(struct span s, struct period *ret)
{
	static const struct {
		char unit;
		uint64_t max;
		int32_t months, days;
	} units[] = {{'y', 100, 12, 0}, {'m', 1200, 1, 0}, {'d', 36525, 0, 1}};
	uint64_t n = 0;

	if (s.n < 2 || (s.p[0] == '0' && s.n > 2))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (s.p[s.n - 1] != units[i].unit ||
			!span_u64(span_first(s, s.n - 1), units[i].max, &n))
			continue;
		*ret = (struct period){(int32_t)n * units[i].months, (int32_t)n * units[i].days};
		return true;
	}
	return false;
}

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
	if (v->has_period && !event_read_period(period, &v->period))
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
		given |= t->value[k].p != NULL ? 1U << k : 0;
	if ((given & ~(KEYS_OF_ALL | forms[type].may)) != 0)
		return "a key does not belong to this type of event";
	if ((forms[type].must & ~given) != 0)
		return "a key that this type of event needs is missing";
	if (type == EVENT_EXTENSION && ((given & KEY(PERIOD)) == 0) == ((given & KEY(UNTIL)) == 0))
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
