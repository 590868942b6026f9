/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/calendar.h"
#include "policy/eval.h"
#include "policy/explain.h"
#include "policy/policy.h"
#include "tests/unit/random_policy.h"

/*
 * What must hold of every policy and every question.  Each function says what broke, or NULL.
 */

/* All of the answer but the time that a cache may keep it. */
static inline bool
props_same(struct decision a, struct decision b)
{
	a.max_age = b.max_age = 0;
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static inline struct facts
props_at(const struct facts *f, int64_t now)
{
	struct facts g = *f;

	g.now = (struct when){.given = true, .instant = now};
	return g;
}

/* ---- POL-21: the index, the list and the reference are one ---- */

static inline const char *
props_ways(const struct policy *p, const struct facts *f)
{
	struct prepared q;

	eval_prepare(p, f, &q);
	for (int a = 0; a < ACTION_COUNT; a++) {
		struct decision d[3];
		for (int way = BY_INDEX; way <= BY_REFERENCE; way++) {
			struct prepared other = q;
			if (way != BY_INDEX)
				other.way = way;
			eval_decide_prepared(&other, (enum action)a, &d[way]);
		}
		if (memcmp(&d[0], &d[1], sizeof(d[0])) != 0 ||
			memcmp(&d[0], &d[2], sizeof(d[0])) != 0)
			return "two ways of deciding disagree";
	}
	return NULL;
}

/* ---- 13.3: until next_change the answer is this one ---- */

/* Without the end of the log that does not exist yet: nobody appends what is still to come. */
static inline void
props_forget_future(const struct policy *p, struct facts *f)
{
	int64_t now = calendar_when_instant(p->zone, &f->now);
	int64_t effect = 0;
	size_t n = 0;

	while (n < f->object.n_events &&
		state_judge(p, &f->object, n, now, &effect) != VERDICT_LATER)
		n++;
	f->object.n_events = n;
}

static inline const char *
props_next_change(const struct policy *p, const struct facts *asked, struct choices *c)
{
	struct facts f = *asked;
	struct decision d;

	props_forget_future(p, &f);
	int64_t now = calendar_when_instant(p->zone, &f.now);
	eval_decide(p, &f, &d);
	if (d.has_next_change && d.next_change <= now)
		return "the next change is not ahead";
	if (d.has_next_change && now + (int64_t)d.max_age > d.next_change)
		return "a cache keeps it beyond the next change";
	int64_t until = d.has_next_change ? d.next_change : now + INT64_C(4000000000);
	const int64_t then[] = {
		until - 1, now + (int64_t)choose(c, 1000) * ((until - now - 1) / 1000), now};
	for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++) {
		struct facts g = props_at(&f, then[i]);
		struct decision later;
		eval_decide(p, &g, &later);
		if (!props_same(d, later))
			return "the answer changes before the next change";
	}
	return NULL;
}

/* ---- 3.2: a clock that was set back between two entries of the log changes nothing ---- */

static inline const char *
props_log_time(const struct policy *p, const struct facts *f)
{
	struct policy_event events[RANDOM_EVENTS];
	struct facts g = *f;
	int64_t time = INT64_MIN;
	struct decision a;
	struct decision b;

	for (size_t i = 0; i < f->object.n_events && i < RANDOM_EVENTS; i++) {
		events[i] = f->object.events[i];
		if (events[i].malformed)
			continue;
		int64_t at = calendar_when_instant(p->zone, &events[i].at);
		time = at > time ? at : time;
		events[i].at = (struct when){.given = true, .instant = time};
	}
	g.object.events = events;
	eval_decide(p, f, &a);
	eval_decide(p, &g, &b);
	return props_same(a, b) ? NULL : "a clock that was set back reorders the log";
}

/* ---- 3.4, 3.5: open data do not close again by the passing of time ---- */

static inline bool
props_closing(const struct policy_event *ev)
{
	return ev->malformed || ev->type == EVENT_WITHDRAWAL || ev->type == EVENT_RESTRICTION;
}

static inline const char *
props_stays_open(const struct policy *p, const struct facts *f, struct choices *c)
{
	struct object_facts o = f->object;
	struct policy_event events[RANDOM_EVENTS];
	struct state_view v;
	bool open = false;
	size_t n = 0;

	o.route = ROUTE_ACADEMIC;
	for (size_t i = 0; i < o.n_events && i < RANDOM_EVENTS; i++)
		if (!props_closing(&o.events[i]))
			events[n++] = o.events[i];
	o.events = events;
	o.n_events = n;
	int64_t now = (int64_t)RANDOM_DAY * 86400;
	for (int i = 0; i < 32; i++) {
		state_compute(p, &o, now, &v);
		if (v.state == STATE_EMBARGOED && v.release_at <= now)
			return "embargoed after its release";
		if (open && v.state != STATE_OPEN)
			return "open data closed again";
		open = v.state == STATE_OPEN;
		now += (int64_t)(1 + choose(c, 200)) * 86400;
	}
	return NULL;
}

/* ---- 5: what is said names the rule and the policy ---- */

static inline bool
props_names(const struct buf *text, struct span word)
{
	return memmem(text->p, text->n, word.p, word.n) != NULL;
}

static inline const char *
props_explained(const struct policy_set *s, const struct facts *f)
{
	AUTO_BUF told = BUF_INIT(1 << 20);
	AUTO_BUF sentence = BUF_INIT(1 << 16);
	struct decision d;

	policy_decide(s, f, &d);
	explain_write(s, f, &(struct explain_options){.who = SPAN("somebody")}, &told);
	decision_write_sentence(&d, f, &sentence);
	if (!buf_ok(&told) || !buf_ok(&sentence) || sentence.p[sentence.n - 1] != '.')
		return "no explanation";
	if (!props_names(&told, d.rule) || !props_names(&told, d.policy))
		return "the explanation names another rule or policy";
	if (d.status != 404 &&
		(!props_names(&sentence, d.rule) || !props_names(&sentence, d.policy)))
		return "the sentence names another rule or policy";
	bool known = f->subject != NULL && f->subject->authenticated;
	if (d.status == 404 && !span_eq(buf_span(&sentence), span_of(sentence_absent(known))))
		return "a hidden dataset has words of its own";
	return NULL;
}

/* ---- POL-9: what another order or one more rule may change ---- */

/* The answer under `b` is that under `a`, but for the line and the bytes of the file. */
static inline bool
props_same_rule(const struct policy *a, const struct policy *b, const struct facts *f)
{
	struct decision x;
	struct decision y;

	eval_decide(a, f, &x);
	eval_decide(b, f, &y);
	return x.permit == y.permit && span_eq(x.rule, y.rule) && x.status == y.status &&
	       span_eq(x.reason, y.reason) && x.n_obligations == y.n_obligations &&
	       x.fields == y.fields && x.max_age == y.max_age;
}

static inline const char *
props_one_more_deny(const struct policy *without, const struct policy *with, const struct facts *f)
{
	struct decision a;
	struct decision b;

	eval_decide(without, f, &a);
	eval_decide(with, f, &b);
	if (b.permit && !a.permit)
		return "one more deny rule permits";
	if (b.permit && !span_eq(a.rule, b.rule))
		return "one more deny rule makes another permit decide";
	return NULL;
}
