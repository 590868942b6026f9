/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/simulate_read.h"

#include "policy/scalar.h"

enum { LINE_MOST = 10 * 1000 * 1000 };

/* ---- values ---- */

static bool
read_word(const struct json *object, const char *key, const char *const *names, int n, int *ret)
{
	struct span s;

	if (!json_get_str(object, key, &s))
		return false;
	*ret = facts_name(s, names, n);
	return *ret >= 0;
}

static bool
read_set(const struct json *list, const char *const *names, int n, uint32_t *ret)
{
	struct span s;

	if (json_kind(list) != JSON_KIND_LIST)
		return false;
	for (size_t i = 0; i < json_count(list); i++) {
		if (!json_str(json_at(list, i), &s))
			return false;
		int bit = facts_name(s, names, n);
		if (bit < 0)
			return false;
		*ret |= 1U << bit;
	}
	return true;
}

/* A list of text that may be left out. */
static bool
read_texts(const struct json *list, struct arena *a, const struct span **ret, size_t *ret_n)
{
	size_t n = json_count(list);

	if (list == NULL)
		return true;
	struct span *texts = arena_array(a, n > 0 ? n : 1, sizeof(*texts));
	if (json_kind(list) != JSON_KIND_LIST || texts == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!json_str(json_at(list, i), &texts[i]))
			return false;
	*ret = texts;
	*ret_n = n;
	return true;
}

/* Text that may be left out. */
static bool
read_text(const struct json *object, const char *key, struct span *ret)
{
	return json_get(object, key) == NULL || json_get_str(object, key, ret);
}

/* ---- the parts ---- */

static bool
read_subject(const struct json *j, struct arena *a, struct simulate_record *r)
{
	struct facts *f = &r->facts;
	struct subject *s = &r->subject;
	int assurance = 0;

	if (json_kind(j) == JSON_KIND_NULL)
		return true;
	s->authenticated = true;
	f->subject = s;
	if (!json_get_str(j, "iss", &s->iss) ||
		!read_set(json_get(j, "roles"), role_names, ROLE_COUNT, &f->roles) ||
		!read_word(j, "assurance", assurance_names, ASSURANCE_HIGH + 1, &assurance) ||
		!read_texts(json_get(j, "entitlements"), a, &s->entitlements, &s->n_entitlements) ||
		!read_texts(json_get(j, "accepted"), a, &f->accepted, &f->n_accepted))
		return false;
	s->assurance = (enum assurance)assurance;
	return (f->roles & (1U << ROLE_ANONYMOUS | 1U << ROLE_AUTHENTICATED)) == 0;
}

static bool
read_dates(const struct json *j, struct object_facts *o)
{
	void *at = NULL;
	struct span name;
	struct span text;
	const struct json *v = NULL;

	if (json_kind(j) != JSON_KIND_OBJECT)
		return false;
	while (json_each(j, &at, &name, &v)) {
		int m = facts_name(name, milestone_names, MILESTONE_COUNT);
		if (m < 0 || !json_str(v, &text) || !facts_parse_when(text, &o->dates[m]))
			return false;
	}
	return true;
}

static bool
read_object(const struct json *j, struct simulate_record *r)
{
	struct object_facts *o = &r->facts.object;
	int kind = 0;
	int route = 0;
	int64_t events = 0;

	/* A question that named no dataset has a pid of null. */
	if (json_kind(json_get(j, "pid")) != JSON_KIND_NULL && !json_get_str(j, "pid", &o->pid))
		return false;
	if (!read_text(j, "proposal", &o->proposal) ||
		!read_text(j, "instrument", &o->instrument) ||
		!read_text(j, "policy", &o->policy) ||
		!read_word(j, "kind", kind_names, KIND_COUNT, &kind) ||
		!read_word(j, "route", route_names, ROUTE_COUNT, &route) ||
		!read_set(json_get(j, "flags"), flag_names, FLAG_COUNT, &o->flags) ||
		!read_dates(json_get(j, "dates"), o) || !json_get_i64(j, "events", &events) ||
		events < 0)
		return false;
	o->kind = (enum kind)kind;
	o->route = (enum route)route;
	r->events = (uint64_t)events;
	return true;
}

static bool
read_context(const struct json *j, struct facts *f)
{
	int network = 0;
	int purpose = 0;
	int protocol = 0;

	if (!read_word(j, "network", network_names, NETWORK_COUNT, &network) ||
		!read_word(j, "purpose", purpose_names, PURPOSE_COUNT, &purpose) ||
		!read_word(j, "protocol", protocol_names, PROTOCOL_COUNT, &protocol))
		return false;
	f->network = (enum network)network;
	f->purpose = (enum purpose)purpose;
	f->protocol = (enum protocol)protocol;
	return true;
}

/* What the component carried out it can carry out again: obligations of the record are supported.
 */
static bool
read_obligations(const struct json *j, struct arena *a, struct simulate_record *r)
{
	r->obligations = json_get(j, "obligations");
	return r->obligations != NULL &&
	       read_texts(r->obligations, a, &r->facts.supports, &r->facts.n_supports);
}

static bool
read_outcome(const struct json *j, struct simulate_record *r)
{
	static const char *const effects[] = {"deny", "permit"};
	int effect = 0;
	int64_t line = 0;
	int64_t status = 0;
	struct span state = SPAN_NONE;

	if (!read_word(j, "effect", effects, 2, &effect) || !json_get_str(j, "rule", &r->rule) ||
		!scalar_ident(r->rule) || !json_get_i64(j, "line", &line) || line < 0 ||
		line > LINE_MOST || !json_get_i64(j, "status", &status) || status < 100 ||
		status > 599)
		return false;
	r->permit = effect == 1;
	r->line = (unsigned)line;
	r->status = (int)status;
	if (!json_get_str(j, "state", &state))
		return json_kind(json_get(j, "state")) == JSON_KIND_NULL;
	int i = facts_name(state, state_names + STATE_WITHDRAWN, STATE_OPEN);
	r->state = i >= 0 ? STATE_WITHDRAWN + (enum state)i : STATE_NONE;
	return i >= 0;
}

bool
simulate_read(const struct json *j, int64_t ms, struct arena *a, struct simulate_record *ret)
{
	int action = 0;

	*ret = (struct simulate_record){0};
	if (!read_outcome(j, ret) || !read_subject(json_get(j, "subject"), a, ret) ||
		!read_object(json_get(j, "object"), ret) ||
		!read_word(j, "action", action_names, ACTION_COUNT, &action) ||
		!read_context(json_get(j, "context"), &ret->facts) || !read_obligations(j, a, ret))
		return false;
	ret->facts.action = (enum action)action;
	ret->facts.now = (struct when){.given = true, .instant = ms / 1000};
	return true;
}
