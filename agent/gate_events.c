/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_events.h"

#include "agent/base/civil.h"
#include "agent/base/crypto.h"
#include "agent/catalog/event_json.h"
#include "agent/gate_data.h"
#include "agent/gate_datasets.h"
#include "agent/gate_ledger.h"
#include "agent/gate_problem.h"
#include "agent/gate_record.h"
#include "policy/audit_record.h"
#include "policy/calendar.h"
#include "policy/scalar.h"

#define RECORD_MAX AUDIT_REST_MAX

static const char *const verdicts[] = {
	[VERDICT_COUNTS] = "counts",
	[VERDICT_MALFORMED] = "malformed",
	[VERDICT_LATER] = "later",
	[VERDICT_ROLE] = "not-for-this-role",
	[VERDICT_UNAPPROVED] = "unapproved",
	[VERDICT_OBJECTED] = "objected",
	[VERDICT_AHEAD] = "ahead",
	[VERDICT_REFERS] = "noted",
};

/* ---- what is missing in an event that came ---- */

/* The role in which somebody acts who does not say it: the first that may. */
static bool
choose_role(const struct policy *p, const struct gate_case *c, struct gate_event *ev, struct err *e)
{
	struct span type = ev->text.value[EVENT_TEXT_TYPE];
	int t = facts_name(type, event_names, EVENT_COUNT);
	uint32_t roles = c->facts.roles & ~c->granted;

	if (ev->trusted)
		return err_set(e, ERR_SYNTAX, "policy 2.3", "`by` is missing: in which role?");
	for (enum event_type of = EVENT_EXTENSION; t >= 0 && of <= EVENT_RELEASE; of++) {
		const struct role_list *l = event_roles(p, (enum event_type)t, of);
		for (size_t i = 0; i < l->n; i++)
			if ((roles >> l->order[i] & 1U) != 0) {
				ev->text.value[EVENT_TEXT_BY] = span_of(role_names[l->order[i]]);
				return true;
			}
	}
	/* None may: event_check tells which would. */
	ev->text.value[EVENT_TEXT_BY] =
		span_of(role_names[roles != 0 ? __builtin_ctz(roles) : ROLE_AUTHENTICATED]);
	return true;
}

static bool
check_role(const struct gate_case *c, const struct gate_event *ev, struct err *e)
{
	int by = facts_name(ev->text.value[EVENT_TEXT_BY], role_names, ROLE_COUNT);

	return by < 0 || ev->trusted || ((c->facts.roles & ~c->granted) >> by & 1U) != 0 ||
	       err_set(e, ERR_DENIED, "policy 2.3", "you do not have the role %s here",
		       role_names[by]);
}

/*
 * Whoever is no administrator acts now: an earlier `at` would skip the window for objections, and a
 * late objection or approval would close what is open (3.3).  Nor do they act for somebody else.
 */
static bool
check_now(const struct gate_case *c, const struct policy *p, struct span now, struct gate_event *ev,
	struct err *e)
{
	struct when at = {.given = false};

	if (ev->trusted)
		return true;
	if (ev->text.value[EVENT_TEXT_SUB].p != NULL)
		return err_set(e, ERR_SYNTAX, "policy 2.3",
			"`sub`: leave it out, the agent knows who you are");
	if (!facts_parse_when(ev->text.value[EVENT_TEXT_AT], &at)) /* event_read tells */
		return true;
	int64_t behind = c->now - calendar_when_instant(p->zone, &at);
	if (behind > EVENT_AHEAD_S)
		return err_set(e, ERR_SYNTAX, "policy 13.1",
			"`at` lies more than 5 minutes in the past; leave it out, then the agent "
			"writes the time");
	if (behind > 0)
		ev->text.value[EVENT_TEXT_AT] = now;
	return true;
}

/* A name that an approval or an objection can speak of. */
static bool
make_id(struct gate_desk *d, struct gate_event *ev, struct err *e)
{
	struct span type = ev->text.value[EVENT_TEXT_TYPE];
	uint8_t random[6];
	AUTO_BUF id = BUF_INIT(32);

	if (ev->text.value[EVENT_TEXT_ID].p != NULL ||
		(!span_is(type, event_names[EVENT_EXTENSION]) &&
			!span_is(type, event_names[EVENT_RELEASE])))
		return true;
	if (!crypto_random(random, sizeof(random), e))
		return false;
	buf_adds(&id, span_is(type, event_names[EVENT_RELEASE]) ? "r-" : "e-");
	buf_add_hex(&id, random, sizeof(random));
	ev->text.value[EVENT_TEXT_ID] = arena_span(&d->mem, buf_span(&id));
	return true;
}

static bool
complete(struct gate_desk *d, const struct gate_case *c, const struct policy *p,
	struct gate_event *ev, struct err *e)
{
	AUTO_BUF at = BUF_INIT(64);

	civil_write_iso(&at, c->now);
	struct span now = arena_span(&d->mem, buf_span(&at));
	if (ev->text.value[EVENT_TEXT_AT].p == NULL)
		ev->text.value[EVENT_TEXT_AT] = now;
	if (!check_now(c, p, now, ev, e))
		return false;
	bool given = ev->text.value[EVENT_TEXT_BY].p != NULL;
	return (given ? check_role(c, ev, e) : choose_role(p, c, ev, e)) && make_id(d, ev, e);
}

/* An id that stands there already would make approvals mean two events. */
static bool
fresh(const struct gate_case *c, const struct policy_event *ev, struct err *e)
{
	const struct object_facts *o = &c->dataset.facts;

	for (size_t i = 0; ev->id.p != NULL && i < o->n_events; i++)
		if (span_eq(o->events[i].id, ev->id))
			return err_set(e, ERR_RANGE, "policy 3.3",
				"an event with the id \"%.*s\" stands in this log already",
				SPAN_ARG(span_first(ev->id, 80)));
	return true;
}

/* ---- writing ---- */

static bool
insert(struct ledger *l, struct gate_entry *x, struct err *e)
{
	int64_t seq = 0;

	return ledger_event_add(l, x->what, &seq, e);
}

static bool
write_event(struct gate_desk *d, struct gate_case *c, const struct gate_event *ev, struct err *e)
{
	AUTO_BUF json = BUF_INIT(RECORD_MAX);
	AUTO_BUF record = BUF_INIT(RECORD_MAX);
	struct ledger_event row = {.target = c->dataset.pid, .text = ev->text};
	struct gate_entry x = {
		.kind = "event", .now_ms = c->now_ms, .insert = insert, .what = &row};
	struct event_text shown = ev->text;
	struct audit_who who;
	char id[AUDIT_ID_LEN];
	struct jsonw w;

	shown.value[EVENT_TEXT_SUB] = SPAN_NONE; /* no person's name in the audit log (16) */
	if (c->subject.authenticated) {
		row.iss = c->subject.iss;
		row.sub = c->subject.sub;
	}
	jsonw_init(&w, &json);
	jsonw_obj(&w, NULL);
	event_json_write(&shown, &w);
	jsonw_end(&w, '}');
	if (!gate_record_who(d, c, id, &who))
		return err_set(e, ERR_LIMIT, NULL, "the audit log cannot be written");
	audit_record_event(&record, c->ask->trace, who, &c->facts, buf_span(&json));
	x.record = buf_span(&record);
	if (!buf_ok(&record) || !buf_ok(&json))
		return err_set(e, ERR_LIMIT, NULL, "the event is too long for the audit log");
	return gate_ledger_write(d->gate->ledger, &x, e);
}

/* ---- one event ---- */

static unsigned
status_of(enum event_answer a)
{
	static const unsigned status[] = {[EVENT_GOOD] = 201,
		[EVENT_BAD] = 400,
		[EVENT_FORBIDDEN] = 403,
		[EVENT_NOT_NOW] = 409,
		[EVENT_UNKNOWN] = 404};

	return status[a];
}

static void
describe(const struct event_question *q, const struct event_outcome *o, const struct gate_event *ev,
	const struct gate_case *c, struct buf *out)
{
	AUTO_BUF sentence = BUF_INIT(4096);
	struct jsonw w;
	bool when = o->verdict == VERDICT_COUNTS || o->verdict == VERDICT_AHEAD;

	event_write_sentence(q, o, &sentence);
	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "pid", c->dataset.pid);
	jsonw_obj(&w, "event");
	event_json_write(&ev->text, &w);
	jsonw_end(&w, '}');
	jsonw_cstr(&w, "verdict", verdicts[o->verdict]);
	jsonw_iso(&w, "effect_at", when ? o->effect : INT64_MIN);
	jsonw_cstr(&w, "state", state_names[o->after.state]);
	jsonw_iso(&w, "release_at", o->after.has_release ? o->after.release_at : INT64_MIN);
	jsonw_str(&w, "policy", q->p->id);
	jsonw_str(&w, "detail", buf_span(&sentence));
	jsonw_end(&w, '}');
}

bool
gate_events_record(struct gate_desk *d, struct gate_case *c, struct gate_event *ev, struct buf *out,
	unsigned *status, struct err *e)
{
	const struct policy *p = policy_bound(d->gate->policies, &c->dataset.facts);
	struct policy_event event;
	struct event_outcome o;

	*status = 503;
	if (p == NULL || d->gate->ledger == NULL) {
		*status = 409;
		return err_set(e, ERR_RANGE, "policy 6",
			p == NULL ? "no loaded policy decides about this dataset"
				  : "this agent keeps no ledger");
	}
	if (!complete(d, c, p, ev, e)) {
		*status = e->code == ERR_DENIED ? 403 : e->code == ERR_SYNTAX ? 400 : 503;
		return false;
	}
	const char *wrong = event_read(&ev->text, &event);
	if (wrong != NULL) {
		*status = 400;
		return err_set(e, ERR_SYNTAX, "policy 2.3", "%s", wrong);
	}
	struct event_question q = {.p = p,
		.o = &c->dataset.facts,
		.ev = &event,
		.now = c->now,
		.trusted = ev->trusted};
	enum event_answer a = event_check(&q, &d->mem, &o, e);
	if (a == EVENT_GOOD && !fresh(c, &event, e))
		a = EVENT_NOT_NOW;
	*status = status_of(a);
	if (a != EVENT_GOOD)
		return false;
	if (!write_event(d, c, ev, e)) {
		*status = e->code == ERR_RANGE ? 409 : 503;
		return false;
	}
	describe(&q, &o, ev, c, out);
	return true;
}

/* ---- over HTTP ---- */

void
gate_events_begin(struct gate_desk *d, struct gate_case *c)
{
	struct err e = {0};

	if (c->ask->method == HTTP_POST)
		return;
	/* Who asked for what, and when, belongs to the whole of the metadata. */
	if (gate_data_judge(d, c, ACTION_META_FULL, &e))
		gate_record_decision(d, c);
	else
		c->found = GATE_FAILED;
}

/* What an event asks for: how much longer, or which day. */
static void
write_wish(const struct policy_event *ev, struct jsonw *w)
{
	const struct {
		const char *name;
		const struct when *day;
	} days[] = {{"until", &ev->until}, {"on", &ev->on}, {"release", &ev->release}};
	AUTO_BUF text = BUF_INIT(64);

	if (ev->has_period) {
		scalar_write_period(&text, ev->period);
		jsonw_str(w, "period", buf_span(&text));
	}
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		if (!days[i].day->given)
			continue;
		buf_reset(&text);
		scalar_write_date(&text, days[i].day->date);
		jsonw_str(w, days[i].name, buf_span(&text));
	}
}

static void
write_log(const struct gate_case *c, const struct policy *p, struct jsonw *w)
{
	const struct object_facts *o = &c->dataset.facts;

	jsonw_list(w, "events");
	for (size_t i = 0; i < o->n_events; i++) {
		const struct policy_event *ev = &o->events[i];
		int64_t effect = 0;
		enum state_verdict v = state_judge(p, o, i, c->now, &effect);
		jsonw_obj(w, NULL);
		jsonw_cstr(w, "type", ev->malformed ? NULL : event_names[ev->type]);
		jsonw_cstr(w, "by", ev->malformed ? NULL : role_names[ev->by]);
		jsonw_iso(w, "at", ev->at.is_date ? (int64_t)ev->at.date * 86400 : ev->at.instant);
		jsonw_str(w, "id", ev->id);
		jsonw_str(w, "of", ev->of);
		write_wish(ev, w);
		jsonw_cstr(w, "verdict", verdicts[v]);
		jsonw_iso(w, "effect_at",
			v == VERDICT_COUNTS || v == VERDICT_AHEAD ? effect : INT64_MIN);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
}

static void
answer_log(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct policy *p = policy_bound(d->gate->policies, &c->dataset.facts);
	struct jsonw w;

	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "pid", c->dataset.pid);
	jsonw_cstr(&w, "state", state_names[c->decision.state]);
	jsonw_str(&w, "policy", c->decision.policy);
	if (p != NULL)
		write_log(c, p, &w);
	jsonw_end(&w, '}');
	gate_datasets_json(d, c, 200, ret);
}

static void
answer_post(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct gate_event ev = {.trusted = false};
	struct err e = {0};
	unsigned status = 400;

	if (!c->subject.authenticated) {
		gate_problem_signin(d, c, "Send a token: who records an event must be known.", ret);
		return;
	}
	if (!event_json_read(c->ask->body, &d->mem, &ev.text, &e) ||
		!gate_events_record(d, c, &ev, &d->body, &status, &e)) {
		if (status == 403 && c->subject.incomplete)
			gate_problem_incomplete(d, c, ret);
		else
			gate_datasets_refuse(d, c, status, &e, ret);
		return;
	}
	gate_datasets_json(d, c, 201, ret);
}

void
gate_events_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	if (c->found == GATE_FAILED) {
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
	} else if (c->ask->method == HTTP_POST) {
		answer_post(d, c, ret);
	} else if (!c->recorded) {
		gate_problem_later(
			d, c, "The audit log cannot be written, so no data leave.", 30, ret);
	} else if (!c->decision.permit) {
		gate_problem_denied(d, c, ret);
	} else {
		answer_log(d, c, ret);
	}
}
