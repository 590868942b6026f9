/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_logout.h"

#include "agent/base/form.h"
#include "agent/gate_login.h"
#include "agent/gate_page.h"
#include "agent/gate_people.h"
#include "agent/gate_problem.h"
#include "agent/gate_record.h"
#include "auth/keyring.h"
#include "auth/login.h"

/* What the first half of an answer found. */
struct visit {
	bool good;
	struct err why; /* else */
	struct session session;
	const struct issuer *issuer; /* of it; NULL: nobody is there */
};

static bool
may_log_out(struct gate_desk *d, struct gate_case *c, struct visit *v)
{
	AUTO_BUF want = BUF_INIT(128);
	struct span got = SPAN_NONE;

	if (!login_value(c->ask->body, "token", 128, &d->mem, &got, &v->why))
		return false;
	return (session_form_token(d->gate->sessions, &v->session, &want) && got.n == want.n &&
		       crypto_same(got.p, want.p, want.n)) ||
	       err_set(&v->why, ERR_DENIED, "RFC 6265 8.8.1",
		       "this form is not of this login; open the page again");
}

void
gate_logout_begin(struct gate_desk *d, struct gate_case *c)
{
	struct visit *v = arena_alloc(&d->mem, sizeof(*v));
	struct gate_login_who who = {.kept = NULL};

	c->own = v;
	if (v == NULL)
		return;
	/* First of all: the cookie that SameSite held back must not be dropped by the answer. */
	if (!gate_people_same_origin(d, c->ask)) {
		(void)err_set(&v->why, ERR_DENIED, "RFC 6265 8.8.1",
			"this form comes from another site; nobody was logged out");
		return;
	}
	if (d->gate->sessions == NULL || c->ask->session.p == NULL ||
		!session_find(d->gate->sessions, c->ask->session, c->wall, &d->mem, &v->session,
			&v->why)) {
		v->good = v->why.code == ERR_NONE || v->why.code == ERR_ABSENT;
		return;
	}
	v->good = may_log_out(d, c, v);
	if (!v->good || !gate_login_find(d, c, &who, NULL))
		return;
	v->issuer = who.issuer;
	c->subject = who.subject;
	gate_record_login(d, c, "logout");
	json_free(who.kept);
}

/* The issuer knows the browser still: a link to where that can be ended too. */
static bool
write_farewell(struct gate_desk *d, const struct issuer *i)
{
	AUTO_BUF endpoint = BUF_INIT(4096);
	AUTO_BUF url = BUF_INIT(4096);
	AUTO_BUF query = BUF_INIT(4096);
	bool more = false;

	(void)keyring_endpoints(auth_keyring(d->gate->auth),
		(size_t)(i - auth_issuers(d->gate->auth)->item), &endpoint, &url, &more);
	if (!span_starts(buf_span(&url), SPAN("https://")) &&
		!(i->settings->insecure && span_starts(buf_span(&url), SPAN("http://"))))
		return false;
	form_add(&query, "client_id", span_of(gate_login_client(i)));
	gate_page_begin(d, "Logged out");
	buf_adds(&d->body, "<p>You are logged out here. ");
	buf_add_html(&d->body, span_of(i->settings->name));
	buf_adds(&d->body, " may still know your browser, and would let it in again without a "
			   "question: <a href=\"");
	buf_add_html(&d->body, buf_span(&url));
	buf_adds(&d->body, span_has(buf_span(&url), '?') ? "&amp;" : "?");
	buf_add_html(&d->body, buf_span(&query));
	buf_adds(&d->body, "\">log out there too</a>.</p>\n<p><a href=\"/me\">Back</a></p>\n");
	return true;
}

void
gate_logout_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct visit *v = c->own;
	struct err e = {.code = ERR_NONE};

	if (v == NULL) {
		gate_problem_later(d, c, "The agent is short of memory.", 2, ret);
		return;
	}
	if (!v->good) {
		gate_page_failure(d, c, "Not logged out", &v->why, ret);
		return;
	}
	/* Ending a session gives nothing away: it ends even when the audit log cannot take it. */
	if (d->gate->sessions != NULL && !session_end(d->gate->sessions, c->ask->session, &e)) {
		gate_page_failure(d, c, "Not logged out", &e, ret);
		return;
	}
	gate_page_cookie(d, HTTP_COOKIE_LOGIN, SPAN(""), 0);
	gate_page_cookie(d, HTTP_COOKIE_SESSION, SPAN(""), 0);
	if (v->issuer != NULL && write_farewell(d, v->issuer))
		gate_page_end(d, c, 200, false, ret);
	else
		gate_page_redirect(d, SPAN("/me"), ret);
}
