/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain_log.h"

#include "agent/base/civil.h"
#include "policy/calendar.h"
#include "policy/scalar.h"
#include "policy/state.h"

#define MARGIN "        "

/* Events of a log that are told one by one; the rest is only counted. */
enum { EVENTS_TOLD = 100 };

void
explain_log_local(const struct policy *p, int64_t at, struct buf *out)
{
	struct civil c;

	civil_from_secs(at + zone_offset(p->zone, at, NULL), &c);
	buf_addf(out, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour, c.min);
	if (c.sec != 0)
		buf_addf(out, ":%02d", c.sec);
	buf_addf(out, " %.*s", SPAN_ARG(p->zone_name));
}

void
explain_log_instant(const struct policy *p, int64_t at, struct buf *out)
{
	struct civil c;
	int32_t east = zone_offset(p->zone, at, NULL);
	int32_t away = east < 0 ? -east : east;

	civil_from_secs(at + east, &c);
	buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", c.year, c.month, c.day, c.hour,
		c.min, c.sec, east < 0 ? '-' : '+', away / 3600, away / 60 % 60);
}

static void
say_when(const struct policy *p, const struct when *w, struct buf *out)
{
	if (w->given)
		scalar_write_date(out, calendar_when_date(p->zone, w));
}

static void
say_anchor(const struct policy *p, const struct object_facts *o, struct buf *out)
{
	const struct when *anchor = &o->dates[p->embargo.anchor];

	if (!anchor->given) {
		buf_addf(out, "%s is not recorded", milestone_names[p->embargo.anchor]);
		return;
	}
	buf_addf(out, "%s ", milestone_names[p->embargo.anchor]);
	say_when(p, anchor, out);
	buf_adds(out, " + ");
	scalar_write_period(out, p->embargo.period);
	if (p->embargo.capped) {
		buf_adds(out, " (at most ");
		scalar_write_period(out, p->embargo.max_extension);
		buf_adds(out, " longer)");
	}
}

static size_t
count(const struct policy *p, const struct object_facts *o, int64_t now)
{
	size_t n = 0;
	int64_t effect = 0;

	for (size_t i = 0; i < o->n_events && i < EVENTS_TOLD; i++)
		n += state_judge(p, o, i, now, &effect) == VERDICT_COUNTS;
	return n;
}

static void
say_fate(const struct policy *p, enum state_verdict v, int64_t effect, struct buf *out)
{
	switch (v) {
	case VERDICT_COUNTS:
	case VERDICT_AHEAD:
		buf_adds(out, v == VERDICT_COUNTS ? "counts, since " : "counts, from ");
		explain_log_local(p, effect, out);
		break;
	case VERDICT_MALFORMED:
		buf_adds(out,
			"cannot be understood: it closes the dataset until the log is repaired");
		break;
	case VERDICT_LATER:
		buf_adds(out, "recorded after this time");
		break;
	case VERDICT_ROLE:
		buf_adds(out, "does not count: not for this role to record");
		break;
	case VERDICT_UNAPPROVED:
		buf_adds(out, "not approved");
		break;
	case VERDICT_OBJECTED:
		buf_adds(out, "does not count: an objection was made in time");
		break;
	case VERDICT_REFERS:
		buf_adds(out, "noted");
		break;
	}
}

static void
say_event(const struct policy *p, const struct object_facts *o, size_t i, int64_t now,
	struct buf *out)
{
	const struct policy_event *ev = &o->events[i];
	int64_t effect = 0;
	enum state_verdict v = state_judge(p, o, i, now, &effect);

	buf_adds(out, MARGIN);
	if (v == VERDICT_MALFORMED) {
		buf_addf(out, "entry %zu of its log", i + 1);
	} else {
		buf_addf(out, "%s of ", event_names[ev->type]);
		say_when(p, &ev->at, out);
		buf_addf(out, " by %s", role_names[ev->by]);
	}
	if (ev->has_period) {
		buf_adds(out, ", + ");
		scalar_write_period(out, ev->period);
	}
	if (ev->until.given || ev->on.given || ev->release.given) {
		buf_adds(out, ev->until.given ? ", until " : ", to open on ");
		say_when(p,
			ev->until.given ? &ev->until
			: ev->on.given  ? &ev->on
					: &ev->release,
			out);
	}
	if (ev->of.p != NULL)
		buf_addf(out, ", of %.*s", SPAN_ARG(ev->of));
	buf_adds(out, ": ");
	say_fate(p, v, effect, out);
	buf_addc(out, '\n');
}

void
explain_log_write(
	const struct policy *p, const struct object_facts *o, int64_t now, struct buf *out)
{
	enum mode mode = p->modes[o->route];
	size_t counted = count(p, o, now);

	buf_adds(out, MARGIN);
	if (mode == MODE_AFTER_EMBARGO)
		say_anchor(p, o, out);
	else
		buf_addf(out, "route %s: %s", route_names[o->route],
			mode == MODE_NEVER ? "never opens by time" : "opens by agreement");
	if (counted == 0)
		buf_adds(out, ", no events counted\n");
	else
		buf_addf(out, ", %zu event%s counted\n", counted, counted == 1 ? "" : "s");
	for (size_t i = 0; i < o->n_events && i < EVENTS_TOLD; i++)
		say_event(p, o, i, now, out);
	if (o->n_events > EVENTS_TOLD)
		buf_addf(out, MARGIN "and %zu more\n", o->n_events - EVENTS_TOLD);
}
