/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_terms.h"

#include "agent/base/jsonw.h"
#include "agent/gate_page.h"
#include "agent/gate_people.h"
#include "agent/gate_problem.h"
#include "policy/model.h"
#include "policy/scalar.h"

/* One question about terms. */
struct asking {
	struct gate_desk *d;
	struct gate_case *c;
	struct gate_person person;
	bool known;
	struct span name;          /* "ID@VERSION" */
	const struct terms *terms; /* NULL: no policy in force has them */
	struct ledger_terms *mine;
	size_t n_mine;
};

bool
gate_terms_name(struct span s)
{
	struct span version = s;
	struct span id = span_cut(&version, '@');
	unsigned n = 0;

	return scalar_ident(id) && scalar_number(version, &n);
}

static struct span
name_of(struct gate_desk *d, const struct terms *t)
{
	return arena_printf(&d->mem, "%.*s@%u", SPAN_ARG(t->id), t->version);
}

/* Terms of this name in any policy in force: one acceptance holds for all of them. */
static const struct terms *
find_terms(struct gate_desk *d, struct span name)
{
	const struct policy_set *set = d->gate->policies;

	for (size_t i = 0; i < policy_set_count(set); i++) {
		const struct policy *p = policy_set_policy(set, i);
		for (size_t k = 0; k < p->n_terms; k++)
			if (span_eq(name_of(d, &p->terms[k]), name))
				return &p->terms[k];
	}
	return NULL;
}

/* When the person accepted them; 0: not. */
static int64_t
accepted(const struct asking *q, struct span name)
{
	for (size_t i = 0; i < q->n_mine; i++)
		if (span_eq(q->mine[i].terms, name))
			return q->mine[i].at;
	return 0;
}

/* ---- showing ---- */

static void
json_terms(struct asking *q, struct jsonw *w, const struct terms *t)
{
	struct span name = name_of(q->d, t);

	jsonw_obj(w, NULL);
	jsonw_str(w, "terms", name);
	jsonw_str(w, "id", t->id);
	jsonw_u64(w, "version", t->version);
	jsonw_str(w, "title", t->title);
	jsonw_str(w, "url", t->url);
	if (q->known)
		jsonw_bool(w, "accepted", accepted(q, name) != 0);
	else
		jsonw_null(w, "accepted");
	if (accepted(q, name) != 0)
		jsonw_iso(w, "at", accepted(q, name));
	jsonw_end(w, '}');
}

static void
page_text(struct gate_desk *d, const struct terms *t)
{
	if (!span_starts(t->url, SPAN("https://")) && !span_starts(t->url, SPAN("http://"))) {
		gate_page_row(d, "Text", t->url.n > 0 ? t->url : SPAN("ask the facility for it"));
		return;
	}
	buf_adds(&d->body, "<tr><th scope=\"row\">Text</th><td><a href=\"");
	buf_add_html(&d->body, t->url);
	buf_adds(&d->body, "\">");
	buf_add_html(&d->body, t->url);
	buf_adds(&d->body, "</a></td></tr>\n");
}

static void
page_person(struct asking *q)
{
	struct gate_desk *d = q->d;
	int64_t at = accepted(q, q->name);

	gate_page_row(d, "You",
		arena_printf(&d->mem, "%.*s at %.*s", SPAN_ARG(q->c->subject.sub),
			SPAN_ARG(q->c->subject.iss)));
	gate_page_row(d, "Accepted", at != 0 ? gate_page_moment(d, at) : SPAN("not by you"));
}

static void
page_how(struct asking *q)
{
	struct gate_desk *d = q->d;

	if (q->known && q->person.by_session) {
		AUTO_BUF url = BUF_INIT(1024);
		bool done = accepted(q, q->name) != 0;
		buf_adds(&url, "/terms/");
		buf_add_url(&url, q->name);
		buf_adds(&d->body, done ? "<p>You have accepted these terms. Taking that back "
					  "holds from now on.</p>\n"
					: "<p>What you accept is recorded with your identity and "
					  "the time, and you can take it back.</p>\n");
		gate_people_form(d, &q->person, buf_span(&url));
		gate_people_button(d, done ? "withdraw" : "accept",
			done ? "Take it back" : "I accept these terms");
		buf_adds(&d->body, "</form>\n");
		return;
	}
	if (!q->known && gate_login_offered(d)) {
		buf_adds(&d->body, "<p>To accept them, log in:</p>\n");
		gate_login_write_links(d, q->c->ask->path);
	}
	buf_adds(&d->body, "<p>With a token: <code>pan-agent access accept ");
	buf_add_html(&d->body, span_of(d->gate->settings->public_url));
	buf_adds(&d->body, "/terms/");
	buf_add_html(&d->body, q->name);
	buf_adds(&d->body, "</code></p>\n");
}

static void
show_one(struct asking *q, struct http_answer *ret)
{
	struct gate_desk *d = q->d;
	struct jsonw w;

	if (!gate_page_wanted(q->c->ask->accept)) {
		jsonw_init(&w, &d->body);
		json_terms(q, &w, q->terms);
		gate_people_json(d, q->c, 200, ret);
		return;
	}
	gate_page_begin(d, "Terms of use");
	buf_adds(&d->body, "<table><tbody>\n");
	gate_page_row(d, "Title", q->terms->title);
	gate_page_row(d, "Name and version", q->name);
	page_text(d, q->terms);
	if (q->known)
		page_person(q);
	buf_adds(&d->body, "</tbody></table>\n");
	page_how(q);
	gate_page_end(d, q->c, 200, q->person.by_session, ret);
}

static bool
shown_before(struct gate_desk *d, size_t policy, size_t k)
{
	const struct policy_set *set = d->gate->policies;
	const struct terms *t = &policy_set_policy(set, policy)->terms[k];

	return find_terms(d, name_of(d, t)) != t;
}

static void
list_item(struct asking *q, const struct terms *t)
{
	struct gate_desk *d = q->d;
	AUTO_BUF url = BUF_INIT(1024);
	struct span name = name_of(d, t);

	buf_adds(&url, "/terms/");
	buf_add_url(&url, name);
	buf_adds(&d->body, "<li><a href=\"");
	buf_add_html(&d->body, buf_span(&url));
	buf_adds(&d->body, "\">");
	buf_add_html(&d->body, t->title);
	buf_adds(&d->body, "</a>, ");
	buf_add_html(&d->body, name);
	buf_adds(&d->body, accepted(q, name) != 0 ? " (accepted by you)</li>\n" : "</li>\n");
}

static void
show_all(struct asking *q, struct http_answer *ret)
{
	struct gate_desk *d = q->d;
	const struct policy_set *set = d->gate->policies;
	bool page = gate_page_wanted(q->c->ask->accept);
	struct jsonw w;

	if (page) {
		gate_page_begin(d, "Terms of use");
		buf_adds(&d->body, "<ul>\n");
	} else {
		jsonw_init(&w, &d->body);
		jsonw_obj(&w, NULL);
		jsonw_list(&w, "terms");
	}
	for (size_t i = 0; i < policy_set_count(set); i++) {
		const struct policy *p = policy_set_policy(set, i);
		for (size_t k = 0; k < p->n_terms; k++) {
			if (shown_before(d, i, k))
				continue;
			if (page)
				list_item(q, &p->terms[k]);
			else
				json_terms(q, &w, &p->terms[k]);
		}
	}
	if (page) {
		buf_adds(&d->body, "</ul>\n");
		gate_page_end(d, q->c, 200, false, ret);
	} else {
		jsonw_end(&w, ']');
		jsonw_end(&w, '}');
		gate_people_json(d, q->c, 200, ret);
	}
}

/* ---- accepting ---- */

static bool
insert_change(struct ledger *l, struct gate_entry *x, struct err *e)
{
	bool is_new = false;

	if (!ledger_terms_put(l, x->what, &is_new, e))
		return false;
	x->nothing = !is_new;
	return true;
}

static bool
change(struct asking *q, bool accept, struct err *e)
{
	struct ledger_terms_change what = {
		.who = gate_person_key(q->c), .terms = q->name, .accept = accept, .at = q->c->now};
	const struct gate_people_note note = {
		.kind = "terms", .what = accept ? "accepted" : "withdrawn", .id = q->name};

	return gate_people_write(q->d, q->c, &note, insert_change, &what, e);
}

static void
changed(struct asking *q, bool accept, bool is_new, struct http_answer *ret)
{
	struct gate_desk *d = q->d;
	int64_t before = accepted(q, q->name);
	struct jsonw w;

	if (q->person.by_session) {
		AUTO_BUF url = BUF_INIT(1024);
		buf_adds(&url, "/terms/");
		buf_add_url(&url, q->name);
		gate_page_redirect(d, buf_span(&url), ret);
		return;
	}
	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "terms", q->name);
	jsonw_bool(&w, "accepted", accept);
	if (accept)
		jsonw_iso(&w, "at", before != 0 ? before : q->c->now);
	jsonw_end(&w, '}');
	gate_people_json(d, q->c, accept && is_new ? 201 : 200, ret);
}

/* What the body asks for; a body without a word accepts. */
static bool
read_wish(struct asking *q, bool *ret_accept, struct err *e)
{
	struct gate_words words;

	if (!gate_people_words(q->d, q->c, &q->person, 1U << WORD_DO, &words, e))
		return false;
	struct span what = words.value[WORD_DO];
	if (what.p != NULL && !span_is(what, "accept") && !span_is(what, "withdraw"))
		return err_set(e, ERR_SYNTAX, NULL, "do: 'accept' or 'withdraw'");
	*ret_accept = q->c->ask->method != HTTP_DELETE && !span_is(what, "withdraw");
	return true;
}

/* What no policy has any more can still be taken back. */
static bool
known_terms(const struct asking *q, bool accept, struct err *e)
{
	return q->terms != NULL || (!accept && accepted(q, q->name) != 0) ||
	       err_set(e, ERR_ABSENT, NULL, "no such terms");
}

static void
answer_change(struct asking *q, struct http_answer *ret)
{
	bool accept = true;
	struct err e = {0};

	if (!q->known) {
		gate_people_unknown(q->d, q->c, ret);
	} else if (q->c->subject.scoped && !q->person.by_session) {
		gate_people_refuse(q->d, q->c, 403, "insufficient_scope",
			SPAN("This token is for reading files; send one without path scopes, or "
			     "log in with a browser."),
			ret);
	} else if (read_wish(q, &accept, &e) && known_terms(q, accept, &e) &&
		   change(q, accept, &e)) {
		changed(q, accept, accepted(q, q->name) == 0, ret);
	} else {
		gate_people_failed(q->d, q->c, &e, ret);
	}
}

/* ---- /me ---- */

static bool
read_mine(struct asking *q, struct err *e)
{
	const struct ledger_person who = gate_person_key(q->c);

	return q->d->ledger == NULL ||
	       ledger_terms_of(q->d->ledger, &who, &q->d->mem, &q->mine, &q->n_mine, e);
}

void
gate_terms_json(struct gate_desk *d, struct gate_case *c, struct jsonw *w)
{
	struct asking q = {.d = d, .c = c};

	if (!read_mine(&q, NULL)) {
		jsonw_null(w, "terms");
		return;
	}
	jsonw_list(w, "terms");
	for (size_t i = 0; i < q.n_mine; i++) {
		jsonw_obj(w, NULL);
		jsonw_str(w, "terms", q.mine[i].terms);
		jsonw_iso(w, "at", q.mine[i].at);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
}

static void
page_mine(struct asking *q, const struct ledger_terms *t)
{
	struct gate_desk *d = q->d;
	AUTO_BUF url = BUF_INIT(1024);

	buf_adds(&url, "/terms/");
	buf_add_url(&url, t->terms);
	buf_adds(&d->body, "<tr><td><a href=\"");
	buf_add_html(&d->body, buf_span(&url));
	buf_adds(&d->body, "\">");
	buf_add_html(&d->body, t->terms);
	buf_adds(&d->body, "</a></td><td>");
	buf_add_html(&d->body, gate_page_moment(d, t->at));
	buf_adds(&d->body, "</td><td>");
	if (q->person.by_session) {
		gate_people_form(d, &q->person, buf_span(&url));
		gate_people_button(d, "withdraw", "Take it back");
		buf_adds(&d->body, "</form>");
	}
	buf_adds(&d->body, "</td></tr>\n");
}

void
gate_terms_page(struct gate_desk *d, struct gate_case *c, const struct gate_person *p)
{
	struct asking q = {.d = d, .c = c, .person = *p}; /* the session stays the caller's */

	if (!read_mine(&q, NULL)) {
		gate_page_text(d, "p", SPAN("Accepted terms cannot be shown now."));
		return;
	}
	if (q.n_mine == 0)
		return;
	buf_adds(&d->body, "<table><caption>Terms that you have accepted</caption><thead><tr>"
			   "<th scope=\"col\">Terms</th><th scope=\"col\">Since</th><td></td></tr>"
			   "</thead><tbody>\n");
	for (size_t i = 0; i < q.n_mine; i++)
		page_mine(&q, &q.mine[i]);
	buf_adds(&d->body, "</tbody></table>\n");
}

/* ---- by method ---- */

/* False: the ledger or the sessions do not answer. */
static bool
find_person(struct asking *q, struct err *e)
{
	struct err why = {0};

	q->known = gate_person_find(q->d, q->c, &q->person, &why);
	if (!q->known && why.code != ERR_ABSENT && why.code != ERR_UNAUTH) {
		*e = why;
		return false;
	}
	return !q->known || read_mine(q, e);
}

static void
answer_one(struct asking *q, struct http_answer *ret)
{
	q->terms = find_terms(q->d, q->name);
	if (q->c->ask->method == HTTP_POST || q->c->ask->method == HTTP_DELETE)
		answer_change(q, ret);
	else if (q->terms == NULL)
		gate_people_refuse(q->d, q->c, 404, "not-found",
			SPAN("No policy in force has these terms in this version."), ret);
	else
		show_one(q, ret);
}

void
gate_terms_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct asking q = {.d = d, .c = c, .name = span_skip(c->ask->path, sizeof("/terms/") - 1)};
	bool reads = c->ask->method == HTTP_GET || c->ask->method == HTTP_HEAD;
	struct err e = {0};

	if (!find_person(&q, &e))
		gate_problem_later(d, c, "The agent is short of memory or time.", 2, ret);
	else if (q.name.n == 0 && reads)
		show_all(&q, ret);
	else if (!gate_terms_name(q.name))
		gate_problem_absent(d, c, ret);
	else
		answer_one(&q, ret);
	gate_person_fini(&q.person);
}
