/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/event_check.h"

#include "policy/calendar.h"
#include "policy/decision.h"
#include "policy/scalar.h"

#include <string.h>

const struct role_list *
event_roles(const struct policy *p, enum event_type type, enum event_type of_type)
{
	const struct embargo *m = &p->embargo;

	switch (type) {
	case EVENT_EXTENSION:
		return &m->extend_by;
	case EVENT_RELEASE:
		return &m->early_release;
	case EVENT_APPROVAL:
		return of_type == EVENT_EXTENSION ? &m->approve : &m->early_approve;
	case EVENT_OBJECTION:
		return &m->objection_by;
	case EVENT_AGREEMENT:
		return &p->grant_agreement;
	case EVENT_RESTRICTION:
	case EVENT_RESTRICTION_LIFTED:
		return &p->grant_restricted;
	case EVENT_WITHDRAWAL:
	case EVENT_REINSTATEMENT:
	case EVENT_COUNT:
		break;
	}
	return &p->grant_withdrawn;
}

static bool
closes(enum event_type type)
{
	return type == EVENT_RESTRICTION || type == EVENT_WITHDRAWAL;
}

/* The last event before it that an approval or objection may speak of; n_events: none. */
static size_t
find_target(const struct event_question *q)
{
	const struct object_facts *o = q->o;
	size_t at = o->n_events;

	for (size_t i = o->n_events; i-- > 0 && at == o->n_events;) {
		const struct policy_event *t = &o->events[i];
		bool fits = t->type == EVENT_RELEASE ||
			    (t->type == EVENT_EXTENSION && q->ev->type == EVENT_APPROVAL);
		if (!t->malformed && fits && t->id.p != NULL && span_eq(t->id, q->ev->of))
			at = i;
	}
	return at;
}

static enum event_answer
check_role(const struct event_question *q, enum event_type of_type, struct err *e)
{
	const struct role_list *l = event_roles(q->p, q->ev->type, of_type);
	const char *what = event_names[q->ev->type];
	AUTO_BUF roles = BUF_INIT(512);

	if ((l->set >> q->ev->by & 1U) != 0 || (q->trusted && closes(q->ev->type)))
		return EVENT_GOOD;
	decision_write_roles(&roles, l->order, l->n, " or ");
	if (l->n == 0)
		(void)err_set(e, ERR_DENIED, "policy 3.3", "policy %.*s lets nobody record: %s",
			SPAN_ARG(q->p->id), what);
	else
		(void)err_set(e, ERR_DENIED, "policy 3.3",
			"not for the role %s: by policy %.*s only %.*s may record: %s",
			role_names[q->ev->by], SPAN_ARG(q->p->id), SPAN_ARG(buf_span(&roles)),
			what);
	return EVENT_FORBIDDEN;
}

/* Is there anything that an extension or a release could change?  NULL: yes. */
static const char *
moves_nothing(const struct event_question *q, const struct state_view *v)
{
	enum mode mode = q->p->modes[q->o->route];

	if (v->state == STATE_WITHDRAWN)
		return "it is withdrawn";
	if (mode == MODE_NEVER)
		return "data of its route never open by time";
	if (mode == MODE_AGREEMENT)
		return "data of its route open by agreement";
	if (v->state == STATE_OPEN)
		return q->ev->type == EVENT_RELEASE ? "it is open already"
						    : "open data do not close again";
	return v->detail != NULL && span_is(span_of(v->detail), "anchor-missing")
		       ? "the date that its embargo counts from is not recorded"
		       : NULL;
}

/* The same of any event. */
static const char *
in_vain(const struct event_question *q, const struct state_view *v)
{
	switch (q->ev->type) {
	case EVENT_EXTENSION:
	case EVENT_RELEASE:
		return moves_nothing(q, v);
	case EVENT_AGREEMENT:
		if (q->p->modes[q->o->route] != MODE_AGREEMENT)
			return "data of its route do not open by agreement";
		return v->state == STATE_OPEN ? "open data do not close again" : NULL;
	case EVENT_REINSTATEMENT:
		return v->state != STATE_WITHDRAWN ? "it is not withdrawn" : NULL;
	case EVENT_WITHDRAWAL:
		return v->state == STATE_WITHDRAWN ? "it is withdrawn already" : NULL;
	case EVENT_APPROVAL:
	case EVENT_OBJECTION:
	case EVENT_RESTRICTION:
	case EVENT_RESTRICTION_LIFTED:
	case EVENT_COUNT:
		break;
	}
	return NULL;
}

static enum event_answer
not_now(const char *why, const struct event_question *q, struct err *e)
{
	(void)err_set(e, ERR_RANGE, "policy 3.3", "this %s would change nothing: %s",
		event_names[q->ev->type], why);
	return EVENT_NOT_NOW;
}

/* The log with the event behind it. */
static bool
append(const struct event_question *q, struct arena *a, struct object_facts *ret)
{
	struct policy_event *all = arena_array(a, q->o->n_events + 1, sizeof(*all));

	if (all == NULL)
		return false;
	if (q->o->n_events > 0)
		memcpy(all, q->o->events, q->o->n_events * sizeof(*all));
	all[q->o->n_events] = *q->ev;
	*ret = *q->o;
	ret->events = all;
	ret->n_events = q->o->n_events + 1;
	return true;
}

/* An approval or an objection: did it do to its target what it is for? */
static const char *
missed(enum event_type type, enum state_verdict v)
{
	if (type == EVENT_OBJECTION && v != VERDICT_OBJECTED)
		return "the window for objections is over, or this policy has none";
	if (type == EVENT_APPROVAL && v != VERDICT_COUNTS && v != VERDICT_AHEAD)
		return "what it approves does not count for another reason";
	return NULL;
}

static enum event_answer
weigh(const struct event_question *q, size_t target, struct arena *a, struct event_outcome *ret,
	struct err *e)
{
	struct object_facts o;
	int64_t at = calendar_when_instant(q->p->zone, &q->ev->at);
	int64_t now = at > q->now ? at : q->now;
	bool speaks = q->ev->type == EVENT_APPROVAL || q->ev->type == EVENT_OBJECTION;

	if (!append(q, a, &o)) {
		(void)err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
		return EVENT_BAD;
	}
	state_compute(q->p, q->o, now, &ret->before);
	const char *why = in_vain(q, &ret->before);
	if (why != NULL)
		return not_now(why, q, e);
	state_compute(q->p, &o, now, &ret->after);
	ret->verdict = state_judge(q->p, &o, speaks ? target : o.n_events - 1, now, &ret->effect);
	why = speaks ? missed(q->ev->type, ret->verdict) : NULL;
	return why != NULL ? not_now(why, q, e) : EVENT_GOOD;
}

enum event_answer
event_check(
	const struct event_question *q, struct arena *a, struct event_outcome *ret, struct err *e)
{
	bool speaks = q->ev->type == EVENT_APPROVAL || q->ev->type == EVENT_OBJECTION;
	size_t target = q->o->n_events;

	*ret = (struct event_outcome){.of_type = EVENT_COUNT};
	if (q->ev->malformed ||
		calendar_when_instant(q->p->zone, &q->ev->at) > q->now + EVENT_AHEAD_S) {
		(void)err_set(e, ERR_SYNTAX, "policy 13.1",
			"`at` lies more than 5 minutes ahead of this agent's clock");
		return EVENT_BAD;
	}
	if (speaks)
		target = find_target(q);
	if (speaks && target == q->o->n_events) {
		(void)err_set(e, ERR_ABSENT, "policy 3.3",
			"`of`: there is no %s \"%.*s\" in the log of this dataset",
			q->ev->type == EVENT_OBJECTION ? "release" : "extension or release",
			SPAN_ARG(span_first(q->ev->of, 80)));
		return EVENT_UNKNOWN;
	}
	if (speaks)
		ret->of_type = q->o->events[target].type;
	enum event_answer may = check_role(q, ret->of_type, e);
	return may == EVENT_GOOD ? weigh(q, target, a, ret, e) : may;
}

/* ---- what happens next ---- */

static void
say_date(const struct policy *p, int64_t at, struct buf *out)
{
	scalar_write_date(out, calendar_date(p->zone, at));
	buf_addf(out, " (%.*s)", SPAN_ARG(p->zone_name));
}

static void
say_state(const struct event_question *q, const struct state_view *v, struct buf *out)
{
	buf_adds(out, "The dataset is ");
	switch (v->state) {
	case STATE_OPEN:
		buf_adds(out, "open since ");
		say_date(q->p, v->release_at, out);
		break;
	case STATE_EMBARGOED:
		buf_adds(out, "under embargo until ");
		say_date(q->p, v->release_at, out);
		break;
	case STATE_WITHDRAWN:
	case STATE_PROPRIETARY:
	case STATE_RESTRICTED:
	case STATE_NONE:
		buf_adds(
			out, v->state == STATE_NONE ? "bound to no policy" : state_names[v->state]);
	}
}

void
event_write_sentence(const struct event_question *q, const struct event_outcome *o, struct buf *out)
{
	bool extension = q->ev->type == EVENT_EXTENSION || o->of_type == EVENT_EXTENSION;
	const struct role_list *l =
		extension ? &q->p->embargo.approve : &q->p->embargo.early_approve;

	say_state(q, &o->after, out);
	if (o->verdict == VERDICT_UNAPPROVED) {
		buf_adds(out, "; the ");
		buf_adds(out, event_names[q->ev->type]);
		buf_adds(out, " counts when the ");
		decision_write_roles(out, l->order, l->n, " or ");
		buf_adds(out, " approves it");
	} else if (o->verdict == VERDICT_AHEAD) {
		buf_adds(out, "; the release counts from ");
		say_date(q->p, o->effect, out);
		if (q->p->embargo.window > 0)
			buf_adds(out, ", unless a member of the team objects before");
	} else if ((extension || q->ev->type == EVENT_RELEASE) && o->before.has_release &&
		   o->after.release_at == o->before.release_at) {
		buf_adds(out, extension
				      ? ", as before: it is as long as this policy allows, or was "
					"longer already"
				      : ", as before: it was to open by then anyway");
	}
	buf_addc(out, '.');
}
