/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/state.h"

#include "policy/calendar.h"

/* One question: a dataset's log as it stood at `now`. */
struct inquiry {
	const struct policy *p;
	const struct object_facts *o;
	int64_t now;
};

/* An extension or release that counts, at its effect instant. */
struct request {
	int64_t effect;
	size_t event;
};

/* ---- walking the log ---- */

/*
 * The time of an event is the largest `at` up to it (3.2): a clock that was set back can neither
 * reorder the log nor bring an entry before an earlier one.
 */
struct walk {
	const struct inquiry *q;
	size_t next;
	int64_t time; /* of the event that was returned last */
};

/* Index of the next well-formed event that exists at `now`; false: no more. */
static bool
walk_step(struct walk *w, size_t *ret)
{
	const struct object_facts *o = w->q->o;

	for (; w->next < o->n_events; w->next++) {
		const struct policy_event *ev = &o->events[w->next];
		if (ev->malformed)
			continue;
		int64_t at = calendar_when_instant(w->q->p->zone, &ev->at);
		if (at > w->time)
			w->time = at;
		if (w->time > w->q->now)
			return false; /* nor do those that follow: times never fall */
		*ret = w->next++;
		return true;
	}
	return false;
}

static struct walk
walk_start(const struct inquiry *q)
{
	return (struct walk){.q = q, .time = INT64_MIN};
}

static bool
has_role(const struct role_list *l, enum policy_role r)
{
	return (l->set >> r & 1U) != 0;
}

/*
 * The first later event of `type` that names the same id and was recorded by one of the roles; its
 * time.  `from` stands at the event itself.
 */
static bool
find_answer(struct walk from, struct span id, enum event_type type, const struct role_list *roles,
	int64_t *ret_time)
{
	size_t i = 0;

	while (id.p != NULL && walk_step(&from, &i)) {
		const struct policy_event *ev = &from.q->o->events[i];
		if (ev->type == type && has_role(roles, ev->by) && ev->of.p != NULL &&
			span_eq(ev->of, id)) {
			*ret_time = from.time;
			return true;
		}
	}
	return false;
}

/* ---- counted events (3.3) ---- */

static enum state_verdict
judge_extension(const struct walk *w, const struct policy_event *ev, int64_t *effect)
{
	const struct embargo *m = &w->q->p->embargo;

	if (!has_role(&m->extend_by, ev->by))
		return VERDICT_ROLE;
	*effect = w->time;
	if (m->approve.n > 0 && !find_answer(*w, ev->id, EVENT_APPROVAL, &m->approve, effect))
		return VERDICT_UNAPPROVED;
	return VERDICT_COUNTS;
}

static enum state_verdict
judge_release(const struct walk *w, const struct policy_event *ev, int64_t *effect)
{
	const struct embargo *m = &w->q->p->embargo;
	const struct zone *z = w->q->p->zone;
	int64_t when = 0;

	if (!has_role(&m->early_release, ev->by))
		return VERDICT_ROLE;
	*effect = w->time;
	if (m->window > 0) {
		*effect = calendar_start(z, calendar_date(z, w->time) + m->window);
		if (find_answer(*w, ev->id, EVENT_OBJECTION, &m->objection_by, &when) &&
			when < *effect)
			return VERDICT_OBJECTED;
	}
	if (m->early_approve.n > 0) {
		if (!find_answer(*w, ev->id, EVENT_APPROVAL, &m->early_approve, &when))
			return VERDICT_UNAPPROVED;
		if (when > *effect)
			*effect = when;
	}
	return *effect > w->q->now ? VERDICT_AHEAD : VERDICT_COUNTS;
}

static enum state_verdict
judge_role(const struct role_list *l, enum policy_role by)
{
	return has_role(l, by) ? VERDICT_COUNTS : VERDICT_ROLE;
}

static enum state_verdict
judge(const struct walk *w, const struct policy_event *ev, int64_t *effect)
{
	const struct policy *p = w->q->p;

	*effect = w->time;
	switch (ev->type) {
	case EVENT_EXTENSION:
		return judge_extension(w, ev, effect);
	case EVENT_RELEASE:
		return judge_release(w, ev, effect);
	case EVENT_AGREEMENT:
		return judge_role(&p->grant_agreement, ev->by);
	case EVENT_RESTRICTION_LIFTED:
		return judge_role(&p->grant_restricted, ev->by);
	case EVENT_REINSTATEMENT:
		return judge_role(&p->grant_withdrawn, ev->by);
	case EVENT_RESTRICTION:
	case EVENT_WITHDRAWAL:
		return VERDICT_COUNTS; /* what closes counts whoever recorded it */
	case EVENT_APPROVAL:
	case EVENT_OBJECTION:
	case EVENT_COUNT:
		break;
	}
	return VERDICT_REFERS;
}

enum state_verdict
state_judge(const struct policy *p, const struct object_facts *o, size_t i, int64_t now,
	int64_t *effect)
{
	struct inquiry q = {p, o, now};
	struct walk w = walk_start(&q);
	size_t at = 0;

	if (o->events[i].malformed)
		return VERDICT_MALFORMED;
	while (walk_step(&w, &at))
		if (at == i)
			return judge(&w, &o->events[i], effect);
	return VERDICT_LATER;
}

bool
state_next_event(const struct policy *p, const struct object_facts *o, int64_t now, int64_t *ret)
{
	struct inquiry q = {p, o, now};
	struct walk w = walk_start(&q);
	size_t at = 0;

	while (walk_step(&w, &at))
		continue;
	*ret = w.time;
	return w.time > now;
}

/* ---- what the log says, in one walk ---- */

struct tally {
	bool withdrawn, held, malformed;
	bool agreed; /* an agreement counts; its opening instant: */
	int64_t agreed_at;
	struct request requests[STATE_REQUESTS_MAX];
	size_t n_requests; /* by effect instant, then by the order of the log */
	bool has_ahead;    /* the next release whose time has not come */
	int64_t ahead;
};

static void
add_request(struct tally *t, int64_t effect, size_t event)
{
	size_t at = t->n_requests;

	if (at == STATE_REQUESTS_MAX) {
		t->malformed = true;
		return;
	}
	while (at > 0 && t->requests[at - 1].effect > effect) {
		t->requests[at] = t->requests[at - 1];
		at--;
	}
	t->requests[at] = (struct request){effect, event};
	t->n_requests++;
}

static void
tally_agreement(struct tally *t, const struct walk *w, const struct policy_event *ev)
{
	/* Open data do not close again: an agreement that comes after the opening does nothing. */
	if (t->agreed && w->time >= t->agreed_at)
		return;
	t->agreed = true;
	t->agreed_at = calendar_when_instant(w->q->p->zone, &ev->release);
}

static void
tally_event(struct tally *t, const struct walk *w, size_t i)
{
	const struct policy_event *ev = &w->q->o->events[i];
	int64_t effect = 0;
	enum state_verdict v = judge(w, ev, &effect);

	if (v == VERDICT_AHEAD && (!t->has_ahead || effect < t->ahead)) {
		t->has_ahead = true;
		t->ahead = effect;
	}
	if (v != VERDICT_COUNTS)
		return;
	switch (ev->type) {
	case EVENT_EXTENSION:
	case EVENT_RELEASE:
		add_request(t, effect, i);
		break;
	case EVENT_AGREEMENT:
		tally_agreement(t, w, ev);
		break;
	case EVENT_RESTRICTION:
	case EVENT_RESTRICTION_LIFTED:
		t->held = ev->type == EVENT_RESTRICTION;
		break;
	case EVENT_WITHDRAWAL:
	case EVENT_REINSTATEMENT:
		t->withdrawn = ev->type == EVENT_WITHDRAWAL;
		break;
	case EVENT_APPROVAL:
	case EVENT_OBJECTION:
	case EVENT_COUNT:
		break;
	}
}

static void
tally_log(const struct inquiry *q, struct tally *t)
{
	struct walk w = walk_start(q);
	size_t i = 0;

	/* Not the whole struct: the requests are 16 KiB that most logs never touch. */
	t->withdrawn = t->held = t->malformed = t->agreed = t->has_ahead = false;
	t->agreed_at = t->ahead = 0;
	t->n_requests = 0;
	/* A malformed event counts always, whatever its time. */
	for (size_t k = 0; k < q->o->n_events; k++)
		if (q->o->events[k].malformed)
			t->malformed = true;
	while (walk_step(&w, &i))
		tally_event(t, &w, i);
}

/* ---- the release instant (3.4) ---- */

static void
add_period(struct period *to, struct period p)
{
	to->months += p.months;
	to->days += p.days;
}

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool
release_instant(const struct inquiry *q, const struct tally *t, int64_t *ret)
{
	const struct policy *p = q->p;
	const struct embargo *m = &p->embargo;
	const struct when *anchor = &q->o->dates[m->anchor];

	if (!anchor->given)
		return false;
	int32_t date = calendar_when_date(p->zone, anchor);
	struct period total = m->period;
	int64_t r = calendar_start(p->zone, calendar_add(date, total));
	int64_t cap = INT64_MAX;
	if (m->capped) {
		struct period longest = m->period;
		add_period(&longest, m->max_extension);
		cap = calendar_start(p->zone, calendar_add(date, longest));
	}
	for (size_t i = 0; i < t->n_requests; i++) {
		const struct policy_event *ev = &q->o->events[t->requests[i].event];
		int64_t e = t->requests[i].effect;
		if (ev->type == EVENT_RELEASE) {
			int64_t on = ev->on.given ? calendar_when_instant(p->zone, &ev->on) : e;
			r = smaller(r, larger(e, on));
			continue;
		}
		if (e >= r)
			continue; /* open data do not close again */
		if (ev->has_period)
			add_period(&total, ev->period);
		int64_t n = ev->has_period ? calendar_start(p->zone, calendar_add(date, total))
					   : calendar_when_instant(p->zone, &ev->until);
		r = larger(r, smaller(n, cap));
	}
	*ret = r;
	return true;
}

/* ---- the state (3.5) ---- */

static enum state
closed_state(const struct inquiry *q, const struct tally *t, enum mode mode, const char **detail)
{
	if (t->withdrawn)
		return STATE_WITHDRAWN;
	if (mode == MODE_NEVER)
		return STATE_PROPRIETARY;
	if (t->malformed)
		*detail = "unknown-event";
	else if ((q->o->flags & q->p->restrict_flags) != 0)
		*detail = "flag";
	else if (t->held)
		*detail = "hold";
	return *detail != NULL ? STATE_RESTRICTED : STATE_NONE;
}

static void
note_next(struct state_view *v, int64_t now, int64_t at)
{
	if (at > now && (!v->has_next || at < v->next)) {
		v->has_next = true;
		v->next = at;
	}
}

static void
milestones(const struct inquiry *q, struct state_view *v)
{
	v->reached = 1U << REACHED_ALWAYS;
	if (v->state == STATE_OPEN)
		v->reached |= 1U << REACHED_RELEASE;
	for (int i = 0; i < MILESTONE_COUNT; i++) {
		const struct when *w = &q->o->dates[i];
		if (!w->given)
			continue;
		int64_t start = calendar_start(q->p->zone, calendar_when_date(q->p->zone, w));
		if (q->now >= start)
			v->reached |= 1U << i;
		note_next(v, q->now, start);
	}
}

void
state_compute(
	const struct policy *p, const struct object_facts *o, int64_t now, struct state_view *ret)
{
	struct inquiry q = {p, o, now};
	struct tally t;
	enum mode mode = p->modes[o->route];
	struct state_view v = {0};
	int64_t r = 0;

	tally_log(&q, &t);
	v.state = closed_state(&q, &t, mode, &v.detail);
	if (v.state == STATE_NONE) {
		bool known = mode == MODE_AGREEMENT ? t.agreed : release_instant(&q, &t, &r);
		if (mode == MODE_AGREEMENT)
			r = t.agreed_at;
		v.state = !known ? STATE_RESTRICTED : now < r ? STATE_EMBARGOED : STATE_OPEN;
		if (!known)
			v.detail = mode == MODE_AGREEMENT ? "agreement-missing" : "anchor-missing";
		v.has_release = known;
		v.release_at = known ? r : 0;
	}
	milestones(&q, &v);
	if (v.state == STATE_EMBARGOED) {
		note_next(&v, now, r);
		if (t.has_ahead)
			note_next(&v, now, t.ahead);
	}
	*ret = v;
}
