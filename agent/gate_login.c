/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_login.h"

#include "agent/base/form.h"
#include "agent/base/log.h"
#include "agent/gate_page.h"
#include "agent/gate_problem.h"
#include "agent/gate_record.h"
#include "auth/id_token.h"
#include "auth/keyring.h"
#include "auth/login.h"
#include "auth/peer_rate.h"

#include <stdio.h>
#include <string.h>

/* What the first half of an answer found. */
struct visit {
	bool good;
	struct err why; /* else */
	struct login login;
	const struct issuer *issuer;
	struct span kept; /* JSON of id_token.h */
};

/* ---- the issuers of a browser's login ---- */

const char *
gate_login_client(const struct issuer *i)
{
	return i->settings->web_client_id;
}

/* The only one, or NULL when there are none or several. */
static const struct issuer *
only_issuer(const struct gate_desk *d, size_t *ret_n)
{
	const struct issuers *all = auth_issuers(d->gate->auth);
	const struct issuer *last = NULL;
	size_t n = 0;

	for (size_t i = 0; i < all->n && d->gate->sessions != NULL; i++) {
		if (gate_login_client(&all->item[i]) == NULL)
			continue;
		last = &all->item[i];
		n++;
	}
	*ret_n = n;
	return n == 1 ? last : NULL;
}

bool
gate_login_offered(const struct gate_desk *d)
{
	size_t n = 0;

	(void)only_issuer(d, &n);
	return n > 0;
}

void
gate_login_write_links(struct gate_desk *d, struct span return_to)
{
	const struct issuers *all = auth_issuers(d->gate->auth);

	buf_adds(&d->body, "<ul>\n");
	for (size_t i = 0; i < all->n && d->gate->sessions != NULL; i++) {
		const struct issuer *at = &all->item[i];
		AUTO_BUF query = BUF_INIT(16384);
		if (gate_login_client(at) == NULL)
			continue;
		form_add(&query, "issuer", at->iss);
		if (login_local(return_to))
			form_add(&query, "return", return_to);
		buf_adds(&d->body, "<li><a href=\"/login?");
		buf_add_html(&d->body, buf_span(&query));
		buf_adds(&d->body, "\">Log in at ");
		buf_add_html(&d->body, span_of(at->settings->name));
		buf_adds(&d->body, "</a></li>\n");
	}
	buf_adds(&d->body, "</ul>\n");
}

/* ---- GET /login ---- */

static struct span
callback_url(struct gate_desk *d)
{
	return arena_printf(&d->mem, "%s/login/callback", d->gate->settings->public_url);
}

static bool
send_away(struct gate_desk *d, struct gate_case *c, const struct issuer *i, struct span return_to,
	struct http_answer *ret, struct err *e)
{
	AUTO_BUF endpoint = BUF_INIT(4096);
	AUTO_BUF location = BUF_INIT(20000);
	AUTO_BUF cookie = BUF_INIT(LOGIN_COOKIE_MAX + 1);
	struct login_start s = {.issuer = i->iss,
		.client = span_of(gate_login_client(i)),
		.scopes = &i->settings->web_scopes,
		.redirect = callback_url(d),
		.return_to = return_to};

	if (!keyring_endpoints(auth_keyring(d->gate->auth),
		    (size_t)(i - auth_issuers(d->gate->auth)->item), &endpoint, NULL,
		    &s.iss_parameter))
		return err_set(e, ERR_LIMIT, "OpenID Connect Discovery 1.0, 4",
			"%s cannot be asked now, or offers no login; try again in a moment",
			i->settings->name);
	s.endpoint = buf_span(&endpoint);
	if (!login_begin(&s, session_seal_key(d->gate->sessions), c->wall, &location, &cookie, e))
		return false;
	gate_page_cookie(d, HTTP_COOKIE_LOGIN, buf_span(&cookie), LOGIN_SECONDS);
	gate_page_redirect(d, arena_span(&d->mem, buf_span(&location)), ret);
	return true;
}

static void
answer_choice(struct gate_desk *d, const struct gate_case *c, struct span return_to,
	struct http_answer *ret)
{
	gate_page_begin(d, "Log in");
	buf_adds(&d->body, "<p>Where do you have an account?</p>\n");
	gate_login_write_links(d, return_to);
	gate_page_end(d, c, 200, false, ret);
}

void
gate_login_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	size_t n = 0;
	const struct issuer *i = only_issuer(d, &n);
	struct span iss = SPAN_NONE;
	struct span return_to = SPAN_NONE;
	struct err e = {.code = ERR_NONE};
	struct err none = {.code = ERR_NONE};

	(void)login_value(c->ask->query, "return", LOGIN_RETURN_MAX, &d->mem, &return_to, NULL);
	if (login_value(c->ask->query, "issuer", LOGIN_RETURN_MAX, &d->mem, &iss, &none)) {
		i = issuers_find(auth_issuers(d->gate->auth), iss);
		if (i != NULL && gate_login_client(i) == NULL)
			i = NULL;
		if (i == NULL)
			(void)err_set(&e, ERR_ABSENT, NULL,
				"nobody can log in here by that issuer; choose another one");
	} else if (none.code != ERR_ABSENT) {
		e = none;
	}
	if (n == 0)
		(void)err_set(&e, ERR_ABSENT, NULL,
			"no login in a browser is set up here; `pan-agent login %s` gets a token",
			d->gate->settings->public_url);
	if (e.code == ERR_NONE && i == NULL)
		answer_choice(d, c, return_to, ret);
	else if (e.code != ERR_NONE || !send_away(d, c, i, return_to, ret, &e))
		gate_page_failure(d, c, "Login is not possible", &e, ret);
}

/* ---- GET /login/callback ---- */

static struct visit *
begin_visit(struct gate_desk *d, struct gate_case *c)
{
	struct visit *v = arena_alloc(&d->mem, sizeof(*v));

	c->own = v;
	return v;
}

/* Why the login failed, for the page, the audit log and the log. */
static void
fail(struct gate_desk *d, struct gate_case *c, const struct visit *v)
{
	char text[400];

	c->refusal = (struct auth_refusal){.status = (int)gate_page_status(&v->why)};
	(void)snprintf(c->refusal.description, sizeof(c->refusal.description), "login: %s",
		err_text(&v->why, text, sizeof(text)));
	gate_record_refused(d, c);
	c->found = GATE_NOTHING;
}

/* The first time that this answer comes: its code leaves, once. */
static bool
exchange(struct gate_desk *d, struct gate_case *c, struct visit *v)
{
	const struct auth_code code = {
		.code = v->login.code, .verifier = v->login.verifier, .redirect = callback_url(d)};

	if (!peer_rate_allow(d->logins, c->ask->peer, c->wall_ms))
		return err_set(&v->why, ERR_LIMIT, "RFC 6749 10.10",
			"too many logins from your address; try again in a moment");
	if (!session_spend(d->gate->sessions, v->login.state, v->login.until, c->wall, &v->why) ||
		!auth_exchange(d->gate->auth,
			(size_t)(v->issuer - auth_issuers(d->gate->auth)->item), &code, c->wall_ms,
			&c->wait.login, &v->why))
		return false;
	c->found = GATE_WAITS;
	return true;
}

struct signing {
	struct gate_desk *d;
	struct gate_case *c;
	struct keyring_more more;
};

static enum keyring_verdict
sign(void *arg, size_t issuer, const struct jws *j, struct err *e)
{
	struct signing *s = arg;

	return keyring_verify(
		auth_keyring(s->d->gate->auth), issuer, j, s->c->wall_ms, &s->more, e);
}

static bool
check_tokens(
	struct gate_desk *d, struct gate_case *c, struct visit *v, const struct exchange_result *r)
{
	struct signing s = {.d = d, .c = c};
	AUTO_BUF kept = BUF_INIT(ID_TOKEN_CLAIMS_MAX + 1);
	const struct id_token_answer a = {.issuer = v->issuer,
		.index = c->wait.login.issuer,
		.client = span_of(gate_login_client(v->issuer)),
		.nonce = v->login.nonce,
		.body = r->body,
		.userinfo = r->userinfo,
		.sign = sign,
		.arg = &s,
		.now = c->wall};

	switch (id_token_check(&a, &d->mem, &kept, &v->why)) {
	case KEYRING_GOOD:
		break;
	case KEYRING_WAIT:
		c->wait.keys = s.more.turn + 1;
		c->found = GATE_WAITS;
		return true;
	case KEYRING_BAD:
		return false;
	}
	v->kept = arena_span(&d->mem, buf_span(&kept));
	AUTO_JSON j = json_parse(v->kept, NULL, &v->why);
	v->good = j != NULL && id_token_subject(v->issuer, auth_accounts(d->gate->auth), j, &d->mem,
				       &c->subject, &v->why);
	return v->good;
}

static bool
check_result(
	struct gate_desk *d, struct gate_case *c, struct visit *v, const struct exchange_result *r)
{
	const char *name = v->issuer->settings->name;

	switch (r->result) {
	case RESULT_OK:
		return check_tokens(d, c, v, r);
	case RESULT_REFUSED:
		return err_set(&v->why, ERR_DENIED, "RFC 6749 5.2",
			"%s does not take the code of this login (any more)", name);
	case RESULT_OURS:
		log_error("login", "the issuer does not take this agent's client",
			LOG_STR("issuer", v->issuer->settings->issuer),
			LOG_STR("see", "web_client_id, web_client_secret_file"));
		return err_set(&v->why, ERR_UPSTREAM, "RFC 6749 5.2",
			"%s does not take this agent's own credentials; its operators must look",
			name);
	case RESULT_FAILED:
	case RESULT_BUSY:
		break;
	}
	return err_set(&v->why, ERR_UPSTREAM, "RFC 6749 4.1.3",
		"%s did not answer in time, or not as it should", name);
}

/* A text of ours in the desk's memory. */
static void
wipe(struct span s)
{
	if (s.p != NULL)
		explicit_bzero((void *)(uintptr_t)s.p, s.n);
}

static bool
read_answer(struct gate_desk *d, struct gate_case *c, struct visit *v)
{
	struct exchange_result r;

	if (c->wall_ms < c->wait.login.until_ms &&
		!auth_ready(d->gate->auth, &c->wait.login, c->wall_ms)) {
		c->found = GATE_WAITS;
		return true;
	}
	c->wait.keys = 0;
	if (!auth_exchanged(d->gate->auth, &c->wait.login, &d->mem, &r, &v->why))
		return false;
	bool ok = check_result(d, c, v, &r);
	wipe(r.body); /* it held tokens */
	wipe(r.userinfo);
	if (c->found == GATE_WAITS && c->wall_ms >= c->wait.login.until_ms) {
		c->found = GATE_NOTHING;
		ok = err_set(&v->why, ERR_UPSTREAM, "RFC 7517",
			"%s: the keys that it signs with could not be had in time",
			v->issuer->settings->name);
	}
	return ok;
}

static bool
come_back(struct gate_desk *d, struct gate_case *c, struct visit *v)
{
	const struct login_answer a = {.query = c->ask->query, .cookie = c->ask->login};

	if (d->gate->sessions == NULL)
		return err_set(&v->why, ERR_ABSENT, NULL, "no login in a browser is set up here");
	if (!login_back(
		    &a, session_seal_key(d->gate->sessions), c->wall, &d->mem, &v->login, &v->why))
		return false;
	v->issuer = issuers_find(auth_issuers(d->gate->auth), v->login.issuer);
	if (v->issuer == NULL || gate_login_client(v->issuer) == NULL)
		return err_set(&v->why, ERR_DENIED, NULL,
			"nobody can log in here by that issuer any more");
	return c->wait.login.until_ms == 0 ? exchange(d, c, v) : read_answer(d, c, v);
}

void
gate_login_back_begin(struct gate_desk *d, struct gate_case *c)
{
	struct visit *v = begin_visit(d, c);

	if (v == NULL)
		return;
	if (!come_back(d, c, v))
		fail(d, c, v);
	else if (v->good)
		gate_record_login(d, c, "login");
}

static bool
enter(struct gate_desk *d, struct gate_case *c, const struct visit *v, struct err *e)
{
	AUTO_BUF cookie = BUF_INIT(SESSION_COOKIE_LEN + 1);

	if (!c->recorded)
		return err_set(e, ERR_LIMIT, NULL,
			"the audit log cannot be written, so nobody is logged in");
	/* Whatever session this browser had ends here; the new one has a new name. */
	if (!session_end(d->gate->sessions, c->ask->session, e) ||
		!session_make(d->gate->sessions, v->login.issuer, v->kept, c->wall, &cookie, e))
		return false;
	gate_page_cookie(d, HTTP_COOKIE_SESSION, buf_span(&cookie), 0);
	buf_wipe(&cookie);
	return true;
}

void
gate_login_back_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct visit *v = c->own;
	struct err e = {.code = ERR_NONE};

	if (v == NULL) {
		gate_problem_later(d, c, "The agent is short of memory.", 2, ret);
		return;
	}
	bool entered = v->good && enter(d, c, v, &e);
	/* A login under way goes on when what came was not its answer. */
	if (v->good || v->login.code.p != NULL || v->why.code == ERR_DENIED)
		gate_page_cookie(d, HTTP_COOKIE_LOGIN, SPAN(""), 0);
	if (entered)
		gate_page_redirect(d, v->login.return_to, ret);
	else
		gate_page_failure(d, c, "Login failed", v->good ? &e : &v->why, ret);
}

/* ---- who is there ---- */

bool
gate_login_find(
	struct gate_desk *d, const struct gate_case *c, struct gate_login_who *ret, struct err *e)
{
	struct gate_login_who w = {.kept = NULL};

	if (d->gate->sessions == NULL || c->ask->session.p == NULL)
		return err_set(e, ERR_ABSENT, NULL, "nobody is logged in");
	if (!session_find(d->gate->sessions, c->ask->session, c->wall, &d->mem, &w.session, e))
		return false;
	w.issuer = issuers_find(auth_issuers(d->gate->auth), w.session.issuer);
	if (w.issuer == NULL || gate_login_client(w.issuer) == NULL)
		return err_set(e, ERR_ABSENT, NULL, "its issuer is not trusted any more");
	w.kept = json_parse(w.session.claims, NULL, e);
	if (w.kept == NULL)
		return false;
	if (!id_token_subject(
		    w.issuer, auth_accounts(d->gate->auth), w.kept, &d->mem, &w.subject, e)) {
		json_free(w.kept);
		return false;
	}
	w.subject.expires = w.session.ends;
	*ret = w;
	return true;
}
