/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_filter.h"

#include "agent/cli/cli_audit_text.h"
#include "policy/facts.h"

#include <string.h>

const char *const cli_audit_keys[AUDIT_KEY_COUNT] = {
	[AUDIT_KEY_KIND] = "kind",
	[AUDIT_KEY_TRACE] = "trace",
	[AUDIT_KEY_SUBJECT] = "subject",
	[AUDIT_KEY_PID] = "pid",
	[AUDIT_KEY_PROPOSAL] = "proposal",
	[AUDIT_KEY_INSTRUMENT] = "instrument",
	[AUDIT_KEY_ACTION] = "action",
	[AUDIT_KEY_EFFECT] = "effect",
	[AUDIT_KEY_RULE] = "rule",
	[AUDIT_KEY_POLICY] = "policy",
	[AUDIT_KEY_STATE] = "state",
	[AUDIT_KEY_REASON] = "reason",
	[AUDIT_KEY_STATUS] = "status",
	[AUDIT_KEY_NETWORK] = "network",
	[AUDIT_KEY_DAY] = "day",
	[AUDIT_KEY_MONTH] = "month",
};

/* Where the value of a key stands: a member of the record, or of an object in it. */
static const struct {
	const char *outer, *inner;
} places[AUDIT_KEY_GIVEN] = {
	[AUDIT_KEY_TRACE] = {"trace", NULL},
	[AUDIT_KEY_SUBJECT] = {"subject", "id"},
	[AUDIT_KEY_PID] = {"object", "pid"},
	[AUDIT_KEY_PROPOSAL] = {"object", "proposal"},
	[AUDIT_KEY_INSTRUMENT] = {"object", "instrument"},
	[AUDIT_KEY_ACTION] = {"action", NULL},
	[AUDIT_KEY_EFFECT] = {"effect", NULL},
	[AUDIT_KEY_RULE] = {"rule", NULL},
	[AUDIT_KEY_POLICY] = {"policy", NULL},
	[AUDIT_KEY_STATE] = {"state", NULL},
	[AUDIT_KEY_REASON] = {"reason", NULL},
	[AUDIT_KEY_STATUS] = {"status", NULL},
	[AUDIT_KEY_NETWORK] = {"context", "network"},
};

bool
cli_audit_filter_time(struct span text, int64_t *ret_ms)
{
	struct when w;

	if (!facts_parse_when(text, &w))
		return false;
	*ret_ms = (w.is_date ? (int64_t)w.date * 86400 : w.instant) * 1000;
	return true;
}

/* Members of an object that stands in a record. */
static struct span
inside(struct span object, const char *name)
{
	struct audit_line l = {.rest = SPAN_NONE};

	if (object.n < 2 || object.p[0] != '{')
		return SPAN_NONE;
	l.rest = (struct span){object.p + 1, object.n - 2};
	return audit_line_member(&l, name);
}

struct span
cli_audit_filter_value(const struct audit_line *l, enum cli_audit_key key, char room[16])
{
	char time[64];

	if (key == AUDIT_KEY_KIND)
		return l->kind;
	if (key >= AUDIT_KEY_GIVEN) {
		struct span text = span_of(cli_audit_text_time(l->ms, time, sizeof(time)));
		size_t n = key == AUDIT_KEY_DAY ? 10 : 7;
		memcpy(room, text.p, n);
		return (struct span){room, n};
	}
	struct span v = audit_line_member(l, places[key].outer);
	if (places[key].inner != NULL)
		v = inside(v, places[key].inner);
	if (span_is(v, "null"))
		return SPAN_NONE;
	return v.n >= 2 && v.p[0] == '"' ? (struct span){v.p + 1, v.n - 2} : v;
}

static bool
is_one_of(struct span id, const struct cli_audit_filter *f)
{
	for (size_t i = 0; i < f->n_ids; i++)
		if (span_eq(id, f->ids[i]))
			return true;
	return false;
}

bool
cli_audit_filter_fits(const struct cli_audit_filter *f, const struct audit_line *l)
{
	char room[16];

	if ((f->has_since && l->ms < f->since_ms) || (f->has_until && l->ms >= f->until_ms))
		return false;
	for (size_t i = 0; i < AUDIT_KEY_GIVEN; i++)
		if (f->want[i].p != NULL &&
			!span_eq(
				f->want[i], cli_audit_filter_value(l, (enum cli_audit_key)i, room)))
			return false;
	return !f->by_ids || is_one_of(cli_audit_filter_value(l, AUDIT_KEY_SUBJECT, room), f);
}
