/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_requests.h"

#include "agent/base/jsonw.h"
#include "agent/base/log.h"
#include "agent/gate_data.h"
#include "agent/gate_links.h"
#include "agent/gate_page.h"
#include "agent/gate_people.h"
#include "agent/gate_problem.h"
#include "agent/gate_requests_view.h"
#include "policy/model.h"

#include <string.h>

#define ASK    (1U << WORD_DO | 1U << WORD_TEXT | 1U << WORD_ACTION)
#define ANSWER (1U << WORD_DO | 1U << WORD_NOTE | 1U << WORD_UNTIL | 1U << WORD_DAYS)

/* ---- who could grant ---- */

/* Roles that could open c->dataset for somebody who is on no team: those that the decision names,
 * and those that may let in a reviewer. */
static uint32_t
grantors(struct gate_desk *d, const struct gate_case *c)
{
	const struct subject somebody = {
		.authenticated = true, .iss = SPAN("asker"), .sub = SPAN("asker")};
	const struct policy *p = policy_bound(d->gate->policies, &c->dataset.facts);
	struct decision n;

	gate_people_suppose(d, c, &somebody, 1U << ROLE_REGISTERED, ACTION_DATA_READ, &n);
	return n.grantors | (p != NULL && n.state == STATE_EMBARGOED ? p->links_by.set : 0);
}

/* Of the person's roles, those that count here. */
static bool
granting(struct gate_desk *d, struct gate_case *c, uint32_t *ret, struct err *e)
{
	uint32_t roles = 0;

	if (!gate_people_roles(d, c, &roles, e))
		return false;
	*ret = roles & grantors(d, c);
	return true;
}

/* ---- asking ---- */

static bool
insert_request(struct ledger *l, struct gate_entry *x, struct err *e)
{
	return ledger_request_add(l, x->what, GATE_REQUESTS_DAY, e);
}

/* ERR_RANGE: there is nothing to ask for. */
static bool
worth_asking(struct gate_desk *d, const struct gate_case *c, enum action action, struct err *e)
{
	struct decision n;

	gate_people_suppose(d, c, c->facts.subject, c->facts.roles, action, &n);
	if (n.permit)
		return err_set(e, ERR_RANGE, NULL, "you may read it already");
	if (n.grantors_self)
		return err_set(e, ERR_RANGE, NULL, "accept its terms first: %s/terms/%.*s",
			d->gate->settings->public_url, SPAN_ARG(n.terms));
	return grantors(d, c) != 0 ||
	       err_set(e, ERR_RANGE, NULL,
		       "the policy names nobody who could grant this; write to %s",
		       d->gate->settings->contact);
}

static bool
read_action(const struct gate_words *w, enum action *ret, struct err *e)
{
	struct span s = w->value[WORD_ACTION];
	int i = s.p != NULL ? facts_name(s, action_names, ACTION_COUNT) : ACTION_DATA_READ;

	if (i != ACTION_DATA_READ && i != ACTION_DATA_LIST && i != ACTION_DATA_STAGE)
		return err_set(
			e, ERR_SYNTAX, NULL, "action: one of data.read, data.list, data.stage");
	*ret = (enum action)i;
	return true;
}

static bool
ask(struct gate_desk *d, struct gate_case *c, const struct gate_words *w, struct ledger_request *r,
	struct err *e)
{
	enum action action = ACTION_DATA_READ;

	if (w->value[WORD_TEXT].p == NULL)
		return err_set(e, ERR_SYNTAX, NULL,
			"text: say what you need the data for; those who decide read it");
	if (w->value[WORD_DO].p != NULL && !span_is(w->value[WORD_DO], "ask"))
		return err_set(e, ERR_SYNTAX, NULL, "do: 'ask'");
	if (!read_action(w, &action, e) || !worth_asking(d, c, action, e) ||
		!gate_people_id(d, "q-", &r->id, e))
		return false;
	r->pid = c->dataset.pid;
	r->who = gate_person_key(c);
	r->action = span_of(action_names[action]);
	r->text = w->value[WORD_TEXT];
	r->at = c->now;
	const struct gate_people_note note = {
		.kind = "request", .what = "asked", .pid = r->pid, .id = r->id};
	return gate_people_write(d, c, &note, insert_request, r, e);
}

static void
answer_ask(struct gate_desk *d, struct gate_case *c, const struct gate_words *w,
	struct http_answer *ret)
{
	const struct gate_visit *v = c->own;
	struct ledger_request r = {.answer = ANSWER_NONE};
	struct err e = {0};
	struct jsonw j;

	if (!ask(d, c, w, &r, &e)) {
		if (e.code == ERR_RANGE && strstr(e.msg, "in a day") != NULL)
			gate_people_refuse(d, c, 429, "too-many-requests", span_of(e.msg), ret);
		else if (e.code == ERR_DENIED)
			gate_people_refuse(d, c, 409, "conflict", span_of(e.msg), ret);
		else
			gate_people_failed(d, c, &e, ret);
		return;
	}
	/* No person, and no word of theirs. */
	log_info("access", "a request for access waits", LOG_SPAN("pid", r.pid),
		LOG_SPAN("id", r.id));
	if (v->person.by_session) {
		gate_page_redirect(d, gate_people_path(d, r.pid, "access-requests"), ret);
		return;
	}
	jsonw_init(&j, &d->body);
	jsonw_obj(&j, NULL);
	jsonw_str(&j, "id", r.id);
	jsonw_str(&j, "state", SPAN("open"));
	jsonw_iso(&j, "at", r.at);
	jsonw_end(&j, '}');
	gate_people_json(d, c, 201, ret);
}

/* ---- answering ---- */

struct answering {
	struct ledger_request request;
	struct ledger_reply reply;
	struct ledger_link grant; /* with ANSWER_GRANT */
	uint32_t roles;
};

static bool
insert_answer(struct ledger *l, struct gate_entry *x, struct err *e)
{
	const struct answering *a = x->what;

	return ledger_request_answer(l, &a->reply, e) &&
	       (a->reply.answer != ANSWER_GRANT || ledger_link_add(l, &a->grant, NULL, e));
}

/* The request of this path, of this dataset and no other. */
static bool
find_request(
	struct gate_desk *d, const struct gate_case *c, struct ledger_request *ret, struct err *e)
{
	const struct gate_visit *v = c->own;

	if (d->ledger == NULL)
		return err_set(e, ERR_ABSENT, NULL, "no such request");
	return ledger_request_get(d->ledger, v->id, &d->mem, ret, e) &&
	       (span_eq(ret->pid, c->dataset.pid) ||
		       err_set(e, ERR_ABSENT, NULL, "no such request"));
}

static bool
is_asker(const struct gate_case *c, const struct ledger_request *r)
{
	return span_eq(r->who.iss, c->subject.iss) && span_eq(r->who.sub, c->subject.sub);
}

static bool
plan_grant(struct gate_desk *d, struct gate_case *c, const struct gate_words *w,
	struct answering *a, struct err *e)
{
	struct gate_link_plan plan = {.roles = 0};

	if (!gate_links_plan(d, c, w, true, &plan, e) || !gate_people_id(d, "r-", &a->grant.id, e))
		return false;
	a->roles = plan.roles;
	a->reply.by = plan.by;
	a->grant.pid = c->dataset.pid;
	a->grant.personal = true;
	a->grant.who = a->request.who;
	a->grant.by = plan.by;
	a->grant.maker = gate_person_key(c);
	a->grant.note = w->value[WORD_NOTE];
	a->grant.at = c->now;
	a->grant.until = plan.until;
	return true;
}

/* Who may answer how: the asker takes back, a grantor declines or grants. */
static bool
plan_answer(struct gate_desk *d, struct gate_case *c, const struct gate_words *w,
	struct answering *a, struct err *e)
{
	struct span what = c->ask->method == HTTP_DELETE ? SPAN("withdraw") : w->value[WORD_DO];
	bool asker = is_asker(c, &a->request);
	uint32_t counts = 0;

	a->reply.id = a->request.id;
	a->reply.who = gate_person_key(c);
	a->reply.note = w->value[WORD_NOTE];
	a->reply.at = c->now;
	if (!granting(d, c, &counts, e))
		return false;
	if (counts == 0 && !asker)
		return err_set(e, ERR_ABSENT, NULL, "no such request");
	a->reply.by = gate_people_role(counts);
	a->roles = counts;
	if (span_is(what, "withdraw") && asker) {
		a->reply.answer = ANSWER_WITHDRAW;
		a->reply.by = SPAN("asker");
		return true;
	}
	if (span_is(what, "decline") && counts != 0) {
		a->reply.answer = ANSWER_DECLINE;
		return true;
	}
	a->reply.answer = ANSWER_GRANT;
	if (span_is(what, "grant") && counts != 0)
		return plan_grant(d, c, w, a, e);
	return err_set(e, ERR_SYNTAX, NULL, "do: %s",
		counts != 0 ? "'decline' or 'grant'" : "'withdraw', for it is your own request");
}

static void
answered(struct gate_desk *d, struct gate_case *c, const struct answering *a,
	struct http_answer *ret)
{
	const struct gate_visit *v = c->own;
	struct jsonw w;

	if (v->person.by_session) {
		gate_page_redirect(d, gate_people_path(d, c->dataset.pid, "access-requests"), ret);
		return;
	}
	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "id", a->request.id);
	jsonw_cstr(&w, "state", ledger_answer_states[a->reply.answer]);
	if (a->reply.answer == ANSWER_GRANT) {
		jsonw_str(&w, "grant", a->grant.id);
		jsonw_iso(&w, "until", a->grant.until);
	}
	jsonw_end(&w, '}');
	gate_people_json(d, c, 200, ret);
}

static void
answer_answer(struct gate_desk *d, struct gate_case *c, const struct gate_words *w,
	struct http_answer *ret)
{
	struct answering a = {.roles = 0};
	struct err e = {0};
	bool ok = find_request(d, c, &a.request, &e) && plan_answer(d, c, w, &a, &e);
	const struct gate_people_note note = {.kind = "request",
		.what = ledger_answer_states[a.reply.answer],
		.pid = c->dataset.pid,
		.id = a.request.id,
		.roles = a.roles,
		.until = a.grant.until};

	if (ok && gate_people_write(d, c, &note, insert_answer, &a, &e))
		answered(d, c, &a, ret);
	else if (ok && e.code == ERR_DENIED)
		gate_people_refuse(d, c, 409, "conflict", span_of(e.msg), ret);
	else if (e.code == ERR_ABSENT && c->subject.incomplete)
		gate_problem_incomplete(d, c, ret);
	else
		gate_people_failed(d, c, &e, ret);
}

/* ---- showing ---- */

static void
page_ask(struct gate_desk *d, struct gate_case *c)
{
	const struct gate_visit *v = c->own;
	struct err e = {0};

	if (!worth_asking(d, c, ACTION_DATA_READ, &e)) {
		gate_page_text(d, "p", span_of(e.msg));
		return;
	}
	buf_adds(&d->body, "<p>Those who could open this dataset for you will see what you write "
			   "here, and who you are: ");
	buf_add_html(&d->body, c->subject.sub);
	buf_adds(&d->body, " at ");
	buf_add_html(&d->body, c->subject.iss);
	buf_adds(&d->body, ". By sending it you agree to that.</p>\n");
	gate_people_form(d, &v->person, gate_people_path(d, c->dataset.pid, "access-requests"));
	buf_adds(&d->body, "<p><label>What do you need the data for?<br><textarea name=\"text\" "
			   "rows=\"6\" cols=\"60\" maxlength=\"4000\" required></textarea></label>"
			   "</p>\n<p>");
	gate_people_button(d, "ask", "Ask for access");
	buf_adds(&d->body, "</p></form>\n");
}

struct lists {
	struct ledger_request *waiting, *own;
	size_t n_waiting, n_own;
};

static bool
read_lists(struct gate_desk *d, struct gate_case *c, bool grantor, struct lists *ret, struct err *e)
{
	const struct ledger_person who = gate_person_key(c);
	size_t n = 0;

	*ret = (struct lists){.n_own = 0};
	if (d->ledger == NULL)
		return true;
	if (!ledger_requests_by(d->ledger, &who, &d->mem, &ret->own, &n, e) ||
		(grantor && !ledger_requests_open(d->ledger, c->dataset.pid, &d->mem, &ret->waiting,
				    &ret->n_waiting, e)))
		return false;
	for (size_t i = 0; i < n; i++)
		if (span_eq(ret->own[i].pid, c->dataset.pid))
			ret->own[ret->n_own++] = ret->own[i];
	return true;
}

static void
answer_read(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct gate_visit *v = c->own;
	struct err e = {0};
	struct lists l;
	struct jsonw w;
	uint32_t counts = 0;

	if (v->id.p != NULL) {
		gate_problem_absent(d, c, ret);
		return;
	}
	if (!granting(d, c, &counts, &e) || !read_lists(d, c, counts != 0, &l, &e)) {
		gate_people_failed(d, c, &e, ret);
		return;
	}
	if (gate_page_wanted(c->ask->accept)) {
		gate_page_begin(d, "Access to a dataset");
		gate_page_text(d, "p", c->dataset.pid);
		gate_requests_table(d, &v->person, l.waiting, l.n_waiting, true);
		gate_requests_table(d, &v->person, l.own, l.n_own, false);
		if (v->person.by_session && counts == 0)
			page_ask(d, c);
		gate_page_end(d, c, 200, v->person.by_session, ret);
		return;
	}
	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "pid", c->dataset.pid);
	jsonw_bool(&w, "grantor", counts != 0);
	gate_requests_list(d, &w, "waiting", l.waiting, l.n_waiting, true);
	gate_requests_list(d, &w, "own", l.own, l.n_own, false);
	jsonw_end(&w, '}');
	gate_people_json(d, c, 200, ret);
}

/* ---- /me ---- */

/* Of all open requests those that this person could answer. */
static bool
read_mine(struct gate_desk *d, struct gate_case *c, struct lists *ret, struct err *e)
{
	const struct ledger_person who = gate_person_key(c);
	size_t n = 0;

	*ret = (struct lists){.n_own = 0};
	if (d->ledger == NULL)
		return true;
	if (!ledger_requests_by(d->ledger, &who, &d->mem, &ret->own, &ret->n_own, e) ||
		!ledger_requests_open(d->ledger, SPAN_NONE, &d->mem, &ret->waiting, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint32_t counts = 0;
		if (is_asker(c, &ret->waiting[i]) ||
			!catalog_by_pid(
				d->catalog, ret->waiting[i].pid, &d->mem, &c->dataset, NULL) ||
			!gate_data_judge(d, c, ACTION_META_PUBLIC, e) || !c->decision.permit ||
			!granting(d, c, &counts, e) || counts == 0)
			continue;
		ret->waiting[ret->n_waiting++] = ret->waiting[i];
	}
	return true;
}

void
gate_requests_json(struct gate_desk *d, struct gate_case *c, struct jsonw *w)
{
	struct lists l;

	if (!read_mine(d, c, &l, NULL)) {
		jsonw_null(w, "requests");
		return;
	}
	jsonw_obj(w, "requests");
	gate_requests_list(d, w, "waiting", l.waiting, l.n_waiting, true);
	gate_requests_list(d, w, "own", l.own, l.n_own, false);
	jsonw_end(w, '}');
}

void
gate_requests_page(struct gate_desk *d, struct gate_case *c)
{
	struct lists l;

	if (!read_mine(d, c, &l, NULL)) {
		gate_page_text(d, "p", SPAN("Requests for access cannot be shown now."));
		return;
	}
	gate_requests_table(d, NULL, l.waiting, l.n_waiting, true);
	gate_requests_table(d, NULL, l.own, l.n_own, false);
}

/* ---- by method ---- */

static void
answer_write(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct gate_visit *v = c->own;
	struct gate_words w;
	struct err e = {0};

	if (!gate_people_words(d, c, &v->person, v->id.p == NULL ? ASK : ANSWER, &w, &e))
		gate_people_failed(d, c, &e, ret);
	else if (v->id.p == NULL && c->ask->method == HTTP_POST)
		answer_ask(d, c, &w, ret);
	else if (v->id.p != NULL)
		answer_answer(d, c, &w, ret);
	else
		gate_problem_absent(d, c, ret);
}

void
gate_requests_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	if (gate_people_visit(d, c, ret) != NULL) {
		if (c->ask->method == HTTP_GET || c->ask->method == HTTP_HEAD)
			answer_read(d, c, ret);
		else
			answer_write(d, c, ret);
	}
	gate_people_end(c);
}
