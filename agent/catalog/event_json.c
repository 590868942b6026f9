/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/event_json.h"

#include "agent/base/json.h"
#include "policy/facts.h"

#define BODY_MAX 16384U

static bool
printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

static bool
read_member(struct span name, const struct json *v, struct arena *a, struct event_text *t,
	struct err *e)
{
	int key = facts_name(name, event_text_names, EVENT_TEXT_COUNT);
	size_t most = key == EVENT_TEXT_NOTE ? EVENT_JSON_NOTE : EVENT_JSON_WORD;
	struct span s = SPAN_NONE;

	if (key < 0)
		return err_set(e, ERR_SYNTAX, "policy 2.3", "unknown key \"%.*s\" of an event",
			SPAN_ARG(span_first(name, 40)));
	if (!json_str(v, &s))
		return err_set(
			e, ERR_SYNTAX, "policy 2.3", "\"%s\" is a string", event_text_names[key]);
	if (!printable(s) || s.n > most)
		return err_set(e, ERR_SYNTAX, "policy 2.3",
			"\"%s\": 1 to %zu bytes of text without control characters",
			event_text_names[key], most);
	t->value[key] = arena_span(a, s);
	return !a->full || err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
}

bool
event_json_read(struct span body, struct arena *a, struct event_text *ret, struct err *e)
{
	const struct json_limits limits = {
		.bytes = BODY_MAX, .depth = 1, .members = 32, .object = true, .no_nul = true};
	AUTO_JSON j = json_parse(body, &limits, e);
	struct event_text t = {0};
	struct span name = SPAN_NONE;
	const struct json *v = NULL;
	void *at = NULL;

	if (j == NULL)
		return false;
	while (json_each(j, &at, &name, &v))
		if (!read_member(name, v, a, &t, e))
			return false;
	if (t.value[EVENT_TEXT_TYPE].p == NULL)
		return err_set(e, ERR_SYNTAX, "policy 2.3", "\"type\" is missing");
	*ret = t;
	return true;
}

void
event_json_write(const struct event_text *t, struct jsonw *w)
{
	for (int i = 0; i < EVENT_TEXT_COUNT; i++)
		if (t->value[i].p != NULL)
			jsonw_str(w, event_text_names[i], t->value[i]);
}
