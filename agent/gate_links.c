/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_links.h"

#include "agent/base/base64.h"
#include "agent/base/jsonw.h"
#include "agent/gate_page.h"
#include "agent/gate_problem.h"
#include "policy/calendar.h"
#include "policy/model.h"

#include <string.h>

enum { SECRET_BYTES = 32, SECRET_TEXT = 43 };

#define WORDS (1U << WORD_DO | 1U << WORD_NOTE | 1U << WORD_TO | 1U << WORD_UNTIL | 1U << WORD_DAYS)

/* ---- may they, and until when ---- */

/* The first second without it, at most what the policy allows. */
static bool
read_until(const struct gate_case *c, const struct policy *p, const struct gate_words *w,
	struct gate_link_plan *plan, struct err *e)
{
	int64_t *ret = &plan->until;
	int32_t today = calendar_date(p->zone, c->now);
	int64_t most = calendar_start(p->zone, calendar_add(today, p->links_max_age));
	struct period days = {.days = (int32_t)w->days};
	struct when until = {.given = false};

	*ret = most;
	if (w->value[WORD_UNTIL].p != NULL && w->days > 0)
		return err_set(e, ERR_SYNTAX, NULL, "until or days, not both");
	if (w->value[WORD_UNTIL].p != NULL && !facts_parse_when(w->value[WORD_UNTIL], &until))
		return err_set(
			e, ERR_SYNTAX, NULL, "until: write 2027-05-31 or 2027-05-31T08:00:00Z");
	if (until.given)
		*ret = calendar_when_instant(p->zone, &until);
	else if (w->days > 0)
		*ret = calendar_start(p->zone, calendar_add(today, days));
	plan->sooner = *ret > most;
	if (plan->sooner)
		*ret = most;
	return *ret > c->now || err_set(e, ERR_RANGE, NULL, "until: lies in the past");
}

/* What the policy would say to the one who is let in. */
static bool
would_read(struct gate_desk *d, const struct gate_case *c, const struct policy *p, bool personal,
	struct err *e)
{
	const struct subject somebody = {
		.authenticated = true, .iss = SPAN("link"), .sub = SPAN("link")};
	uint32_t roles = 1U << ROLE_DELEGATE | (personal ? 1U << ROLE_REGISTERED : 0);
	struct decision n;

	gate_people_suppose(d, c, &somebody, roles, ACTION_DATA_READ, &n);
	if (n.state != STATE_EMBARGOED)
		return err_set(e, ERR_RANGE, NULL,
			"the dataset is %s; a link is for one under embargo", state_names[n.state]);
	return n.permit || err_set(e, ERR_RANGE, NULL,
				   "rule %.*s of policy %.*s would refuse whoever is let in",
				   SPAN_ARG(n.rule), SPAN_ARG(p->id));
}

bool
gate_links_plan(struct gate_desk *d, struct gate_case *c, const struct gate_words *w, bool personal,
	struct gate_link_plan *ret, struct err *e)
{
	const struct policy *p = policy_bound(d->gate->policies, &c->dataset.facts);
	AUTO_BUF roles = BUF_INIT(512);

	if (p == NULL)
		return err_set(e, ERR_RANGE, NULL, "no policy fits the dataset");
	if (!gate_people_roles(d, c, &ret->roles, e))
		return false;
	if ((ret->roles & p->links_by.set) == 0) {
		decision_write_roles(&roles, p->links_by.order, p->links_by.n, " or ");
		return err_set(e, ERR_DENIED, NULL, "policy %.*s leaves this to %.*s",
			SPAN_ARG(p->id), SPAN_ARG(roles.n > 0 ? buf_span(&roles) : SPAN("nobody")));
	}
	ret->by = gate_people_role(ret->roles & p->links_by.set);
	return would_read(d, c, p, personal, e) && read_until(c, p, w, ret, e);
}

/* May the person see and end the links of this dataset? */
static bool
may_manage(struct gate_desk *d, struct gate_case *c, uint32_t *ret_roles, struct err *e)
{
	const struct policy *p = policy_bound(d->gate->policies, &c->dataset.facts);

	if (!gate_people_roles(d, c, ret_roles, e))
		return false;
	return p != NULL && (*ret_roles & p->links_by.set) != 0;
}

/* ---- making one ---- */

struct making {
	struct ledger_link link;
	uint8_t hash[LEDGER_LINK_HASH];
	bool sooner;
};

static bool
insert_link(struct ledger *l, struct gate_entry *x, struct err *e)
{
	const struct making *m = x->what;

	return ledger_link_add(l, &m->link, m->hash, e);
}

/* The secret's text to `out`, and its hash. */
static bool
make_secret(struct making *m, struct buf *out, struct err *e)
{
	uint8_t bytes[SECRET_BYTES];

	if (!buf_reserve(out, SECRET_TEXT + 1) || !crypto_random(bytes, sizeof(bytes), e))
		return false;
	base64_url_encode(out, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	return crypto_sha256(buf_span(out), m->hash) ||
	       err_set(e, ERR_LIMIT, NULL, "no memory for a link");
}

static bool
make(struct gate_desk *d, struct gate_case *c, const struct gate_words *w, struct making *m,
	struct buf *secret, struct err *e)
{
	struct gate_link_plan plan = {.roles = 0};

	if (!gate_links_plan(d, c, w, false, &plan, e) ||
		!gate_people_id(d, "r-", &m->link.id, e) || !make_secret(m, secret, e))
		return false;
	m->link.pid = c->dataset.pid;
	m->link.by = plan.by;
	m->link.maker = gate_person_key(c);
	m->link.note = w->value[WORD_NOTE];
	m->link.to = w->value[WORD_TO];
	m->link.at = c->now;
	m->link.until = plan.until;
	m->sooner = plan.sooner;
	const struct gate_people_note note = {.kind = "link",
		.what = "made",
		.pid = c->dataset.pid,
		.id = m->link.id,
		.roles = plan.roles,
		.until = plan.until};
	return gate_people_write(d, c, &note, insert_link, m, e);
}

/* The only time that the address is told. */
static void
made(struct gate_desk *d, struct gate_case *c, const struct making *m, struct span secret,
	struct http_answer *ret)
{
	struct gate_visit *v = c->own;
	struct span url = arena_printf(
		&d->mem, "%s/review/%.*s/", d->gate->settings->public_url, SPAN_ARG(secret));
	struct jsonw w;

	if (!v->person.by_session) {
		jsonw_init(&w, &d->body);
		jsonw_obj(&w, NULL);
		jsonw_str(&w, "id", m->link.id);
		jsonw_str(&w, "url", url);
		jsonw_iso(&w, "until", m->link.until);
		jsonw_bool(&w, "sooner", m->sooner);
		jsonw_str(&w, "to", m->link.to);
		jsonw_str(&w, "note", m->link.note);
		jsonw_end(&w, '}');
		gate_people_json(d, c, 201, ret);
		return;
	}
	gate_page_begin(d, "A link for a reviewer");
	buf_adds(&d->body,
		"<p>Whoever has this address may read the dataset. It is shown this once; "
		"send it to nobody but the reviewer.</p>\n<p><code>");
	buf_add_html(&d->body, url);
	buf_adds(&d->body, "</code></p>\n<table><tbody>\n");
	gate_page_row(d, "Dataset", c->dataset.pid);
	gate_page_row(d, "Link", m->link.id);
	gate_page_row(d, "Ends", gate_page_moment(d, m->link.until));
	if (m->sooner)
		gate_page_row(d, "", SPAN("sooner than asked: as long as the policy allows"));
	buf_adds(&d->body, "</tbody></table>\n<p><a href=\"");
	buf_add_html(&d->body, gate_people_path(d, c->dataset.pid, "links"));
	buf_adds(&d->body, "\">All links of this dataset</a></p>\n");
	gate_page_end(d, c, 201, false, ret);
}

static void
answer_make(struct gate_desk *d, struct gate_case *c, const struct gate_words *w,
	struct http_answer *ret)
{
	AUTO_BUF secret = BUF_INIT(64);
	struct making m = {.link = {.last_day = -1}};
	struct err e = {0};

	if (w->value[WORD_DO].p != NULL && !span_is(w->value[WORD_DO], "make"))
		gate_people_refuse(d, c, 400, "bad-request", SPAN("do: 'make'"), ret);
	else if (make(d, c, w, &m, &secret, &e))
		made(d, c, &m, buf_span(&secret), ret);
	else if (e.code == ERR_DENIED && c->subject.incomplete)
		gate_problem_incomplete(d, c, ret);
	else
		gate_people_failed(d, c, &e, ret);
	buf_wipe(&secret);
}

/* ---- listing ---- */

static void
json_link(struct gate_desk *d, const struct gate_case *c, struct jsonw *w,
	const struct ledger_link *k)
{
	jsonw_obj(w, NULL);
	jsonw_str(w, "id", k->id);
	jsonw_cstr(w, "kind", k->personal ? "person" : "link");
	jsonw_bool(w, "live", ledger_link_live(k, c->now));
	jsonw_str(w, "by", k->by);
	jsonw_str(w, "to", k->personal ? k->who.sub : k->to);
	if (k->personal)
		jsonw_str(w, "issuer", k->who.iss);
	jsonw_str(w, "note", k->note);
	jsonw_iso(w, "at", k->at);
	jsonw_iso(w, "until", k->until);
	if (k->ended != 0) {
		jsonw_iso(w, "revoked", k->ended);
		jsonw_str(w, "revoked_by", k->ended_by);
	}
	if (k->last_day >= 0)
		jsonw_str(w, "last_used", span_first(gate_page_moment(d, k->last_day * 86400), 10));
	jsonw_u64(w, "days_used", k->days);
	jsonw_end(w, '}');
}

static struct span
state(struct gate_desk *d, const struct gate_case *c, const struct ledger_link *k)
{
	if (k->ended != 0)
		return arena_printf(&d->mem, "revoked %.*s by %.*s",
			SPAN_ARG(span_first(gate_page_moment(d, k->ended), 10)),
			SPAN_ARG(k->ended_by));
	return arena_printf(&d->mem, "%s %.*s", c->now < k->until ? "until" : "ended",
		SPAN_ARG(gate_page_moment(d, k->until)));
}

static void
page_link(struct gate_desk *d, const struct gate_case *c, const struct ledger_link *k)
{
	const struct gate_visit *v = c->own;

	buf_adds(&d->body, "<tr>");
	gate_page_cell(d, k->id);
	gate_page_cell(d, k->personal ? k->who.sub : k->to);
	gate_page_cell(d, k->by);
	gate_page_cell(d, state(d, c, k));
	gate_page_cell(d, k->last_day < 0
				  ? SPAN("never")
				  : arena_printf(&d->mem, "%.*s, %llu days in all",
					    SPAN_ARG(span_first(
						    gate_page_moment(d, k->last_day * 86400), 10)),
					    (unsigned long long)k->days));
	gate_page_cell(d, k->note);
	buf_adds(&d->body, "<td>");
	if (v->person.by_session && ledger_link_live(k, c->now)) {
		AUTO_BUF to = BUF_INIT(16384);
		buf_add(&to, gate_people_path(d, c->dataset.pid, "links/"));
		buf_add_url(&to, k->id);
		gate_people_form(d, &v->person, buf_span(&to));
		gate_people_button(d, "revoke", "Revoke");
		buf_adds(&d->body, "</form>");
	}
	buf_adds(&d->body, "</td></tr>\n");
}

static void
page_list(struct gate_desk *d, struct gate_case *c, const struct ledger_link *list, size_t n,
	struct http_answer *ret)
{
	const struct gate_visit *v = c->own;

	gate_page_begin(d, "Who may read this dataset before it opens");
	gate_page_text(d, "p", c->dataset.pid);
	buf_adds(&d->body, "<table><thead><tr><th scope=\"col\">Link</th><th scope=\"col\">For</th>"
			   "<th scope=\"col\">Made by</th><th scope=\"col\">State</th>"
			   "<th scope=\"col\">Used</th><th scope=\"col\">Note</th><td></td></tr>"
			   "</thead><tbody>\n");
	for (size_t i = 0; i < n; i++)
		page_link(d, c, &list[i]);
	buf_adds(&d->body, "</tbody></table>\n");
	if (v->person.by_session) {
		gate_people_form(d, &v->person, gate_people_path(d, c->dataset.pid, "links"));
		buf_adds(&d->body, "<p><label>For <input name=\"to\" maxlength=\"200\"></label> "
				   "<label>days <input name=\"days\" size=\"4\" "
				   "inputmode=\"numeric\"></label> "
				   "<label>note <input name=\"note\" maxlength=\"1000\"></label> ");
		gate_people_button(d, "make", "Make a link for a reviewer");
		buf_adds(&d->body, "</p></form>\n");
	}
	gate_page_end(d, c, 200, v->person.by_session, ret);
}

static void
answer_list(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct ledger_link *list = NULL;
	struct err e = {0};
	struct jsonw w;
	size_t n = 0;

	if (d->ledger != NULL && !ledger_links(d->ledger, c->dataset.pid, &d->mem, &list, &n, &e)) {
		gate_people_failed(d, c, &e, ret);
		return;
	}
	if (gate_page_wanted(c->ask->accept)) {
		page_list(d, c, list, n, ret);
		return;
	}
	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	jsonw_list(&w, "links");
	for (size_t i = 0; i < n; i++)
		json_link(d, c, &w, &list[i]);
	jsonw_end(&w, ']');
	jsonw_end(&w, '}');
	gate_people_json(d, c, 200, ret);
}

/* ---- ending one ---- */

static bool
insert_end(struct ledger *l, struct gate_entry *x, struct err *e)
{
	return ledger_link_end(l, x->what, e);
}

/* The link of this path, of this dataset and no other. */
static bool
find_link(struct gate_desk *d, const struct gate_case *c, struct span id, struct ledger_link *ret,
	struct err *e)
{
	if (d->ledger == NULL || !ledger_link_get(d->ledger, id, &d->mem, ret, e))
		return e->code == ERR_NONE ? err_set(e, ERR_ABSENT, NULL, "no such link") : false;
	return span_eq(ret->pid, c->dataset.pid) || err_set(e, ERR_ABSENT, NULL, "no such link");
}

static bool
end_link(struct gate_desk *d, struct gate_case *c, const struct ledger_link *k, uint32_t roles,
	struct err *e)
{
	struct ledger_link_end what = {.id = k->id,
		.who = gate_person_key(c),
		.by = gate_people_role(roles),
		.at = c->now};
	const struct gate_people_note note = {.kind = "link",
		.what = "revoked",
		.pid = c->dataset.pid,
		.id = k->id,
		.roles = roles};

	if (what.by.n == 0)
		what.by = k->by; /* its maker, who has that role no longer */
	if (k->ended != 0)
		return true;
	return gate_people_write(d, c, &note, insert_end, &what, e) || e->code == ERR_DENIED;
}

bool
gate_links_revoke(struct gate_desk *d, struct gate_case *c, struct span id, struct err *e)
{
	struct ledger_link k = {.last_day = -1};

	if (d->ledger == NULL || !ledger_link_get(d->ledger, id, &d->mem, &k, e))
		return err_set(e, ERR_ABSENT, NULL, "no such link");
	if (k.ended != 0)
		return true;
	struct ledger_link_end what = {.id = k.id, .by = SPAN("administrator"), .at = c->now};
	const struct gate_people_note note = {
		.kind = "link", .what = "revoked", .pid = k.pid, .id = k.id};
	return gate_people_write(d, c, &note, insert_end, &what, e);
}

static void
answer_end(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct gate_visit *v = c->own;
	struct ledger_link k = {.last_day = -1};
	struct err e = {0};
	struct jsonw w;
	uint32_t roles = 0;
	bool manages = may_manage(d, c, &roles, &e);

	if (e.code == ERR_NONE && find_link(d, c, v->id, &k, &e) && !manages &&
		!(span_eq(k.maker.iss, c->subject.iss) && span_eq(k.maker.sub, c->subject.sub)))
		(void)err_set(&e, ERR_ABSENT, NULL, "no such link");
	if (e.code != ERR_NONE || !end_link(d, c, &k, roles, &e)) {
		gate_people_failed(d, c, &e, ret);
		return;
	}
	if (v->person.by_session) {
		gate_page_redirect(d, gate_people_path(d, c->dataset.pid, "links"), ret);
		return;
	}
	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "id", k.id);
	jsonw_bool(&w, "live", false);
	jsonw_end(&w, '}');
	gate_people_json(d, c, 200, ret);
}

/* ---- by method ---- */

static void
answer_read(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct gate_visit *v = c->own;
	struct err e = {0};
	uint32_t roles = 0;

	if (v->id.p != NULL)
		gate_problem_absent(d, c, ret);
	else if (may_manage(d, c, &roles, &e))
		answer_list(d, c, ret);
	else if (e.code != ERR_NONE)
		gate_people_failed(d, c, &e, ret);
	else if (c->subject.incomplete)
		gate_problem_incomplete(d, c, ret);
	else
		gate_people_refuse(d, c, 403, "not-allowed",
			SPAN("The links of a dataset are shown to those who may make them."), ret);
}

static void
answer_write(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct gate_visit *v = c->own;
	struct gate_words w;
	struct err e = {0};

	if (!gate_people_words(d, c, &v->person, v->id.p != NULL ? 1U << WORD_DO : WORDS, &w, &e))
		gate_people_failed(d, c, &e, ret);
	else if (v->id.p == NULL && c->ask->method == HTTP_POST)
		answer_make(d, c, &w, ret);
	else if (v->id.p == NULL)
		gate_problem_absent(d, c, ret);
	else if (c->ask->method == HTTP_POST && !span_is(w.value[WORD_DO], "revoke"))
		gate_people_refuse(d, c, 400, "bad-request", SPAN("do: 'revoke'"), ret);
	else
		answer_end(d, c, ret);
}

void
gate_links_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	if (gate_people_visit(d, c, ret) != NULL) {
		if (c->ask->method == HTTP_GET || c->ask->method == HTTP_HEAD)
			answer_read(d, c, ret);
		else
			answer_write(d, c, ret);
	}
	gate_people_end(c);
}
