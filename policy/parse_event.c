/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse_event.h"

#include "policy/scalar.h"

const char *const parse_event_keys[EVENT_KEY_COUNT] = {
	[EVENT_KEY_TYPE] = "type",
	[EVENT_KEY_AT] = "at",
	[EVENT_KEY_BY] = "by",
	[EVENT_KEY_SUB] = "sub",
	[EVENT_KEY_NOTE] = "note",
	[EVENT_KEY_ID] = "id",
	[EVENT_KEY_OF] = "of",
	[EVENT_KEY_PERIOD] = "period",
	[EVENT_KEY_UNTIL] = "until",
	[EVENT_KEY_ON] = "on",
	[EVENT_KEY_RELEASE] = "release",
};

#define BIT(k) (1U << EVENT_KEY_##k)
const struct event_shape parse_event_shapes[EVENT_COUNT] = {
	/* Exactly one of period and until; the code sees to that. */
	[EVENT_EXTENSION] = {BIT(ID) | BIT(PERIOD) | BIT(UNTIL), 0},
	[EVENT_RELEASE] = {BIT(ID) | BIT(ON), 0},
	[EVENT_APPROVAL] = {BIT(OF), BIT(OF)},
	[EVENT_OBJECTION] = {BIT(OF), BIT(OF)},
	[EVENT_AGREEMENT] = {BIT(RELEASE), BIT(RELEASE)},
};

static void
take_date(struct form *f, const struct yaml_node *v, struct when *ret)
{
	*ret = (struct when){.is_date = true};
	ret->given = form_date(f, v, &ret->date);
}

static void
take_by(struct form *f, const struct yaml_node *v, struct policy_event *ev)
{
	struct role_list l = {0};

	if (form_is_scalar(f, v) && form_roles(f, v, true, false, &l))
		ev->by = l.order[0];
}

static void
take_key(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy_event *ev = into;
	int key = facts_name(v->key, parse_event_keys, EVENT_KEY_COUNT);
	struct span text = SPAN_NONE;

	switch ((enum event_key)key) {
	case EVENT_KEY_AT:
		(void)form_when(f, v, &ev->at);
		break;
	case EVENT_KEY_BY:
		take_by(f, v, ev);
		break;
	case EVENT_KEY_SUB:
	case EVENT_KEY_NOTE:
		(void)form_text(f, v, &text);
		break;
	case EVENT_KEY_ID:
		(void)form_text(f, v, &ev->id);
		break;
	case EVENT_KEY_OF:
		(void)form_text(f, v, &ev->of);
		break;
	case EVENT_KEY_PERIOD:
		ev->has_period = form_period(f, v, &ev->period);
		break;
	case EVENT_KEY_UNTIL:
		take_date(f, v, &ev->until);
		break;
	case EVENT_KEY_ON:
		take_date(f, v, &ev->on);
		break;
	case EVENT_KEY_RELEASE:
		take_date(f, v, &ev->release);
		break;
	case EVENT_KEY_TYPE:
	case EVENT_KEY_COUNT:
		break;
	}
}

/* Keys that this type does not have, and those that it lacks. */
static void
check_keys(struct form *f, const struct yaml_node *v, enum event_type type)
{
	const struct event_shape *shape = &parse_event_shapes[type];
	uint32_t seen = 0;

	for (const struct yaml_node *c = v->child; c != NULL; c = c->next) {
		int key = facts_name(c->key, parse_event_keys, EVENT_KEY_COUNT);
		if (key < 0)
			continue;
		seen |= 1U << key;
		if (((EVENT_KEYS_MAY | shape->may) >> key & 1U) == 0)
			form_error_key(f, c, "'%s' is not allowed in an event of type '%s'",
				parse_event_keys[key], event_names[type]);
		if (type == EVENT_EXTENSION && (seen & BIT(PERIOD)) != 0 &&
			(seen & BIT(UNTIL)) != 0 &&
			(key == EVENT_KEY_PERIOD || key == EVENT_KEY_UNTIL))
			form_error_key(f, c, "'%s' is not allowed here: either period or until",
				parse_event_keys[key]);
	}
	for (int key = 0; key < EVENT_KEY_COUNT; key++)
		if ((shape->must >> key & 1U) != 0 && (seen >> key & 1U) == 0)
			form_error_value(f, v, "missing key '%s' in an event of type '%s'",
				parse_event_keys[key], event_names[type]);
	if (type == EVENT_EXTENSION && (seen & (BIT(PERIOD) | BIT(UNTIL))) == 0)
		form_error_value(
			f, v, "missing key 'period' or 'until' in an event of type 'extension'");
}

static void
take_event(struct form *f, const struct yaml_node *v, struct policy_event *ev)
{
	struct form_key keys[EVENT_KEY_COUNT];
	int type = 0;

	for (int i = 0; i < EVENT_KEY_COUNT; i++)
		keys[i] = (struct form_key){
			parse_event_keys[i], (EVENT_KEYS_MUST >> i & 1U) != 0, take_key};
	if (!form_map(f, v, "an event", keys, EVENT_KEY_COUNT, ev))
		return;
	const struct yaml_node *t = yaml_get(v, "type");
	if (t != NULL && form_choice(f, t, event_names, EVENT_COUNT, &type)) {
		ev->type = (enum event_type)type;
		check_keys(f, v, ev->type);
	}
}

void
parse_events(
	struct form *f, const struct yaml_node *v, const struct policy_event **ret, size_t *ret_n)
{
	size_t n = 0;

	if (v->kind == YAML_SCALAR) {
		form_error_value(f, v, "must be a list: 'events'");
		return;
	}
	if (!form_is_list(f, v, false))
		return;
	struct policy_event *events = form_alloc(f, v->n, sizeof(events[0]));
	if (events == NULL)
		return;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next)
		take_event(f, c, &events[n++]);
	*ret = events;
	*ret_n = n;
}
