/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/request.h"

#include "policy/parse_event.h"
#include "policy/scalar.h"

/* One member of an object goes to the function of its name; false: not as it must be. */
struct member {
	const char *name;
	bool (*take)(const struct json *v, struct arena *a, void *into);
};
#define MEMBERS(a) (a), sizeof(a) / sizeof((a)[0])

static bool
take_members(
	const struct json *j, const struct member *members, size_t n, struct arena *a, void *into)
{
	void *at = NULL;
	struct span name;
	const struct json *v = NULL;

	if (json_kind(j) != JSON_KIND_OBJECT)
		return false;
	while (json_each(j, &at, &name, &v)) {
		size_t i = 0;
		while (i < n && !span_is(name, members[i].name))
			i++;
		if (i == n || !members[i].take(v, a, into))
			return false;
	}
	return true;
}

/* ---- values ---- */

static bool
take_choice(const struct json *v, const char *const *names, int n, int *ret)
{
	struct span s;

	if (!json_str(v, &s))
		return false;
	*ret = facts_name(s, names, n);
	return *ret >= 0;
}

static bool
take_set(const struct json *v, const char *const *names, int n, uint32_t *ret)
{
	uint32_t set = 0;

	if (json_kind(v) != JSON_KIND_LIST)
		return false;
	for (size_t i = 0; i < json_count(v); i++) {
		int bit = 0;
		if (!take_choice(json_at(v, i), names, n, &bit))
			return false;
		set |= 1U << bit;
	}
	*ret = set;
	return true;
}

static bool
take_texts(const struct json *v, struct arena *a, const struct span **ret, size_t *ret_n)
{
	size_t n = json_count(v);
	struct span *list = NULL;

	if (json_kind(v) != JSON_KIND_LIST)
		return false;
	list = arena_array(a, n > 0 ? n : 1, sizeof(*list));
	if (list == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!json_str(json_at(v, i), &list[i]))
			return false;
	*ret = list;
	*ret_n = n;
	return true;
}

/* ---- subject ---- */

static bool
take_iss(const struct json *v, struct arena *a, void *into)
{
	(void)a;
	return json_str(v, &((struct request *)into)->subject.iss);
}

static bool
take_sub(const struct json *v, struct arena *a, void *into)
{
	(void)a;
	return json_str(v, &((struct request *)into)->subject.sub);
}

static bool
take_roles(const struct json *v, struct arena *a, void *into)
{
	uint32_t *roles = &((struct request *)into)->facts.roles;

	(void)a;
	return take_set(v, role_names, ROLE_COUNT, roles) &&
	       (*roles & (1U << ROLE_ANONYMOUS | 1U << ROLE_AUTHENTICATED)) == 0;
}

static bool
take_assurance(const struct json *v, struct arena *a, void *into)
{
	int i = 0;

	(void)a;
	if (!take_choice(v, assurance_names, ASSURANCE_HIGH + 1, &i))
		return false;
	((struct request *)into)->subject.assurance = (enum assurance)i;
	return true;
}

static bool
take_entitlements(const struct json *v, struct arena *a, void *into)
{
	struct subject *s = &((struct request *)into)->subject;

	return take_texts(v, a, &s->entitlements, &s->n_entitlements);
}

static bool
take_accepted(const struct json *v, struct arena *a, void *into)
{
	struct facts *f = &((struct request *)into)->facts;

	return take_texts(v, a, &f->accepted, &f->n_accepted);
}

static bool
take_subject(const struct json *v, struct arena *a, void *into)
{
	static const struct member members[] = {
		{"iss", take_iss},
		{"sub", take_sub},
		{"roles", take_roles},
		{"assurance", take_assurance},
		{"entitlements", take_entitlements},
		{"accepted", take_accepted},
	};
	struct request *r = into;

	if (json_kind(v) == JSON_KIND_NULL)
		return true;
	r->subject.authenticated = true;
	r->facts.subject = &r->subject;
	return take_members(v, MEMBERS(members), a, into);
}

/* ---- object ---- */

static struct object_facts *
object_of(void *into)
{
	return &((struct request *)into)->facts.object;
}

static bool
take_pid(const struct json *v, struct arena *a, void *into)
{
	(void)a;
	return json_str(v, &object_of(into)->pid);
}

static bool
take_proposal(const struct json *v, struct arena *a, void *into)
{
	(void)a;
	return json_str(v, &object_of(into)->proposal);
}

static bool
take_instrument(const struct json *v, struct arena *a, void *into)
{
	(void)a;
	return json_str(v, &object_of(into)->instrument);
}

static bool
take_policy(const struct json *v, struct arena *a, void *into)
{
	(void)a;
	return json_str(v, &object_of(into)->policy);
}

static bool
take_kind(const struct json *v, struct arena *a, void *into)
{
	int i = 0;

	(void)a;
	if (!take_choice(v, kind_names, KIND_COUNT, &i))
		return false;
	object_of(into)->kind = (enum kind)i;
	return true;
}

static bool
take_route(const struct json *v, struct arena *a, void *into)
{
	int i = 0;

	(void)a;
	if (!take_choice(v, route_names, ROUTE_COUNT, &i))
		return false;
	object_of(into)->route = (enum route)i;
	return true;
}

static bool
take_flags(const struct json *v, struct arena *a, void *into)
{
	(void)a;
	return take_set(v, flag_names, FLAG_COUNT, &object_of(into)->flags);
}

static bool
take_dates(const struct json *j, struct arena *a, void *into)
{
	void *at = NULL;
	struct span name;
	struct span text;
	const struct json *v = NULL;

	(void)a;
	if (json_kind(j) != JSON_KIND_OBJECT)
		return false;
	while (json_each(j, &at, &name, &v)) {
		int m = facts_name(name, milestone_names, MILESTONE_COUNT);
		if (m < 0 || !json_str(v, &text) ||
			!facts_parse_when(text, &object_of(into)->dates[m]))
			return false;
	}
	return true;
}

static bool
take_object(const struct json *v, struct arena *a, void *into)
{
	static const struct member members[] = {
		{"pid", take_pid},
		{"proposal", take_proposal},
		{"instrument", take_instrument},
		{"kind", take_kind},
		{"route", take_route},
		{"flags", take_flags},
		{"dates", take_dates},
		{"policy", take_policy},
	};
	return take_members(v, MEMBERS(members), a, into);
}

/* ---- events ---- */

static bool
event_date(struct span s, struct when *ret)
{
	*ret = (struct when){.given = true, .is_date = true};
	return scalar_date(s, &ret->date);
}

static bool
event_value(struct policy_event *ev, enum event_key key, struct span s)
{
	int i = 0;

	switch (key) {
	case EVENT_KEY_TYPE:
		i = facts_name(s, event_names, EVENT_COUNT);
		ev->type = i >= 0 ? (enum event_type)i : EVENT_COUNT;
		return i >= 0;
	case EVENT_KEY_AT:
		return facts_parse_when(s, &ev->at);
	case EVENT_KEY_BY:
		i = facts_name(s, role_names, ROLE_COUNT);
		ev->by = i >= 0 ? (enum policy_role)i : ROLE_ANONYMOUS;
		return i >= 0;
	case EVENT_KEY_ID:
		ev->id = s;
		return true;
	case EVENT_KEY_OF:
		ev->of = s;
		return true;
	case EVENT_KEY_PERIOD:
		ev->has_period = scalar_period(s, &ev->period);
		return ev->has_period;
	case EVENT_KEY_UNTIL:
		return event_date(s, &ev->until);
	case EVENT_KEY_ON:
		return event_date(s, &ev->on);
	case EVENT_KEY_RELEASE:
		return event_date(s, &ev->release);
	case EVENT_KEY_SUB:
	case EVENT_KEY_NOTE:
	case EVENT_KEY_COUNT:
		break;
	}
	return true;
}

static bool
event_members(const struct json *j, struct policy_event *ev, uint32_t *seen)
{
	void *at = NULL;
	struct span name;
	struct span text;
	const struct json *v = NULL;

	if (json_kind(j) != JSON_KIND_OBJECT)
		return false;
	while (json_each(j, &at, &name, &v)) {
		int key = facts_name(name, parse_event_keys, EVENT_KEY_COUNT);
		if (key < 0 || !json_str(v, &text) || !event_value(ev, (enum event_key)key, text))
			return false;
		*seen |= 1U << key;
	}
	return true;
}

static bool
event_shaped(const struct policy_event *ev, uint32_t seen)
{
	uint32_t must = EVENT_KEYS_MUST;
	uint32_t may = EVENT_KEYS_MAY;

	if ((seen & must) != must || ev->type >= EVENT_COUNT)
		return false;
	must |= parse_event_shapes[ev->type].must;
	may |= parse_event_shapes[ev->type].may;
	if (ev->type == EVENT_EXTENSION && ev->has_period == ev->until.given)
		return false; /* exactly one of the two */
	return (seen & must) == must && (seen & ~may) == 0;
}

void
request_event(const struct json *j, struct policy_event *ret)
{
	struct policy_event ev = {0};
	uint32_t seen = 0;

	if (event_members(j, &ev, &seen) && event_shaped(&ev, seen))
		*ret = ev;
	else
		*ret = (struct policy_event){.malformed = true};
}

static bool
take_events(const struct json *v, struct arena *a, void *into)
{
	size_t n = json_count(v);
	struct policy_event *events = NULL;

	if (json_kind(v) != JSON_KIND_LIST)
		return false;
	events = arena_array(a, n > 0 ? n : 1, sizeof(*events));
	if (events == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		request_event(json_at(v, i), &events[i]);
	object_of(into)->events = events;
	object_of(into)->n_events = n;
	return true;
}

/* ---- context and the whole ---- */

static bool
take_network(const struct json *v, struct arena *a, void *into)
{
	int i = 0;

	(void)a;
	if (!take_choice(v, network_names, NETWORK_COUNT, &i))
		return false;
	((struct request *)into)->facts.network = (enum network)i;
	return true;
}

static bool
take_purpose(const struct json *v, struct arena *a, void *into)
{
	int i = 0;

	(void)a;
	if (!take_choice(v, purpose_names, PURPOSE_COUNT, &i))
		return false;
	((struct request *)into)->facts.purpose = (enum purpose)i;
	return true;
}

static bool
take_protocol(const struct json *v, struct arena *a, void *into)
{
	int i = 0;

	(void)a;
	if (!take_choice(v, protocol_names, PROTOCOL_COUNT, &i))
		return false;
	((struct request *)into)->facts.protocol = (enum protocol)i;
	return true;
}

static bool
take_supports(const struct json *v, struct arena *a, void *into)
{
	struct facts *f = &((struct request *)into)->facts;

	return take_texts(v, a, &f->supports, &f->n_supports);
}

static bool
take_context(const struct json *v, struct arena *a, void *into)
{
	static const struct member members[] = {
		{"network", take_network},
		{"purpose", take_purpose},
		{"protocol", take_protocol},
		{"supports", take_supports},
	};
	return take_members(v, MEMBERS(members), a, into);
}

static bool
take_action(const struct json *v, struct arena *a, void *into)
{
	int i = 0;

	(void)a;
	if (!take_choice(v, action_names, ACTION_COUNT, &i))
		return false;
	((struct request *)into)->facts.action = (enum action)i;
	return true;
}

static bool
take_now(const struct json *v, struct arena *a, void *into)
{
	struct span s;

	(void)a;
	return json_str(v, &s) && facts_parse_when(s, &((struct request *)into)->facts.now);
}

static bool
take_id(const struct json *v, struct arena *a, void *into)
{
	(void)a;
	((struct request *)into)->id = v;
	return true; /* returned unchanged, whatever it is */
}

bool
request_parse(const struct json *j, struct arena *a, struct request *ret)
{
	static const struct member members[] = {
		{"id", take_id},
		{"subject", take_subject},
		{"object", take_object},
		{"events", take_events},
		{"action", take_action},
		{"context", take_context},
		{"now", take_now},
	};
	*ret = (struct request){.facts.action = ACTION_COUNT};
	bool ok = take_members(j, MEMBERS(members), a, ret) && ret->facts.now.given &&
		  ret->facts.action != ACTION_COUNT;
	ret->id = json_get(j, "id"); /* also when a member before it was bad */
	return ok;
}
