/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_ask.h"

#include "agent/base/siphash.h"
#include "agent/http/conn_answer.h"
#include "agent/http/conn_archive.h"
#include "agent/http/conn_read.h"
#include "agent/http/conn_receive.h"
#include "agent/http/conn_stream.h"
#include "agent/http/cookie.h"
#include "agent/http/route.h"

#include <string.h>

/* ---- trace ids: the client's (W3C Trace Context, traceparent version 00), or one of ours ---- */

static int
hex_digit(char x)
{
	if (x >= '0' && x <= '9')
		return x - '0';
	return x >= 'a' && x <= 'f' ? x - 'a' + 10 : -1;
}

static bool
trace_read(struct span s, uint8_t ret[16])
{
	static const uint8_t zero[16];
	uint8_t id[16];

	if (s.n < 55 || s.p[0] != '0' || s.p[1] != '0' || s.p[2] != '-' || s.p[35] != '-')
		return false;
	for (size_t i = 0; i < sizeof(id); i++) {
		int high = hex_digit(s.p[3 + 2 * i]);
		int low = hex_digit(s.p[4 + 2 * i]);
		if (high < 0 || low < 0)
			return false;
		id[i] = (uint8_t)(high << 4 | low);
	}
	if (memcmp(id, zero, sizeof(id)) == 0)
		return false;
	memcpy(ret, id, sizeof(id));
	return true;
}

/* Unique, not secret: a random start and a counter, mixed (splitmix64). */
static void
trace_make(struct conn_env *env, uint8_t ret[16])
{
	uint64_t x = ++env->trace[1] * 0x9e3779b97f4a7c15U;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	x ^= x >> 31;
	memcpy(ret, &env->trace[0], 8);
	memcpy(ret + 8, &x, 8);
}

/* ---- who is asking ---- */

static struct span
own_cookie(const struct http_head *h, struct span name)
{
	struct span value = SPAN_NONE;

	if (h->cookies == 1)
		(void)cookie_get(h->cookie, name, &value);
	return value;
}

/*
 * One credential is one identity here: the front cannot read tokens.  Whoever has many tokens of
 * one subject counts as many, and whoever invents tokens counts for himself alone.
 */
static bool
identity_ok(struct conn *c)
{
	struct conn *who = c->wire == NULL ? c : c->under;
	const struct conn_gate *g = &c->env->gate;
	const struct http_head *h = &c->req->head;
	struct span by = h->authorization.n > 0 ? h->authorization
						: own_cookie(h, SPAN(HTTP_COOKIE_SESSION));
	uint64_t is = by.n > 0 ? siphash(c->env->identity_key, by) | 1 : 0;

	if (is == 0 || is == who->identity)
		return true;
	if (!g->identity(g->arg, who->identity, is))
		return false;
	who->identity = is;
	return true;
}

/* 0, or the status that says why the route does not take this body. */
static unsigned
body_refused(const struct http_head *h, const struct route *row)
{
	struct span type = head_get(h, SPAN("content-type"), 0);

	if (h->method != HTTP_POST || row->form == 0)
		return 0;
	if (h->has_length && h->content_length > row->form)
		return 413;
	/* RFC 9110 8.3.1: a parameter such as charset changes nothing for this type. */
	type = span_trim(span_cut(&type, ';'));
	if ((h->chunked || h->content_length > 0) &&
		!span_eq_nocase(type, SPAN("application/x-www-form-urlencoded")))
		return 415;
	return 0;
}

enum conn_go
conn_ask_route(struct conn *c)
{
	struct conn_request *r = c->req;
	const struct http_head *h = &r->head;
	struct err e = {.code = ERR_NONE};

	r->keep = h->keep_alive;
	if (!trace_read(h->traceparent, r->trace))
		trace_make(c->env, r->trace);
	if (!target_parse(h->target, h->method, r->path, sizeof(r->path), &r->target, &e)) {
		r->keep = r->keep && e.code == ERR_ABSENT;
		return conn_answer_status(c, e.code == ERR_ABSENT ? 404 : 400, &e);
	}
	struct span authority = r->target.authority.p != NULL ? r->target.authority : h->host;
	if (!target_ours(authority, c->env->own, c->env->n_own))
		return conn_answer_status(c, 421, NULL);
	const struct route *row = route_find(r->target.path);
	if (row == NULL)
		return conn_answer_status(c, 404, NULL);
	if (!route_takes(row, h->method)) {
		struct respond_error p = {.status = 405, .allow = route_allow(row, c->env->copies)};
		return conn_answer_error(c, &p);
	}
	if (!identity_ok(c)) {
		struct respond_error p = {.status = 429, .retry_after = 5};
		return conn_answer_error(c, &p);
	}
	if (h->method == HTTP_OPTIONS)
		return conn_answer_options(c, route_allow(row, c->env->copies), row->dav);
	if (h->method == HTTP_PUT || h->method == HTTP_COPY || h->method == HTTP_MKCOL)
		head_lines(h, &r->fields);
	if (!buf_ok(&r->fields))
		return CONN_OVER;
	r->body_max = row->form != 0 ? row->form : HTTP_BODY_MAX;
	if (body_refused(h, row) != 0)
		return conn_answer_status(c, body_refused(h, row), NULL);
	return conn_read_start(c);
}

/* As if the member of an archive had been asked for; the archive's own question has used the proof
 * up. */
static void
as_member(struct http_ask *q, struct span path)
{
	q->within = q->path;
	q->path = path;
	q->query = SPAN_NONE;
	q->accept = SPAN_NONE;
	q->want_digest = SPAN_NONE;
	q->want_repr_digest = SPAN_NONE;
	q->again = true;
}

static void
ask_fill(const struct conn *c, struct http_ask *q)
{
	const struct conn_request *r = c->req;
	const struct http_head *h = &r->head;

	*q = (struct http_ask){
		.method = h->method,
		.path = r->target.path,
		.query = r->target.query,
		.authorization = h->authorization,
		.accept = h->accept,
		.depth = h->method == HTTP_PROPFIND ? h->depth : SPAN_NONE,
		.want_digest = h->want_digest,
		.want_repr_digest = h->want_repr_digest,
		.dpop = h->dpop,
		.session = own_cookie(h, SPAN(HTTP_COOKIE_SESSION)),
		.login = own_cookie(h, SPAN(HTTP_COOKIE_LOGIN)),
		.origin = h->origin,
		.fetch_site = h->fetch_site,
		.body = buf_span(&r->body),
		.fields = r->fields.n > 0 ? buf_span(&r->fields) : SPAN_NONE,
		.has_length = h->method == HTTP_PUT && h->has_length,
		.length = h->method == HTTP_PUT && h->has_length ? h->content_length : 0,
		.landed = -1,
		.two_credentials = h->authorizations > 1,
		.two_proofs = h->proofs > 1,
		/* The answers before this question were permits whose grants had ended.  Of a COPY
		 * nothing is left of them: its pipe is closed, and so it begins anew. */
		.again = r->renewing || (r->tries > 0 && h->method != HTTP_COPY),
	};
	q->has_certificate = tls_client_certificate(c->tls, q->certificate);
	conn_receive_fill(r, q);
	memcpy(q->peer, c->peer, sizeof(q->peer));
	memcpy(q->trace, r->trace, sizeof(q->trace));
	if (r->archive != NULL && conn_archive_path(r->archive).p != NULL)
		as_member(q, conn_archive_path(r->archive));
}

static bool
ask_send(struct conn *c, struct http_ask *q)
{
	struct conn_request *r = c->req;

	c->state = CONN_ASK;
	r->asked = c->env->gate.ask(c->env->gate.arg, c, q);
	r->ask_id = q->id;
	return r->asked;
}

bool
conn_ask_renew(struct conn *c)
{
	struct http_ask q;

	c->req->renewing = true;
	ask_fill(c, &q);
	return ask_send(c, &q);
}

/* What is asked is not kept: the members of one archive would push out what others use. */
bool
conn_ask_member(struct conn *c, struct span path, uint64_t *ret_id, struct grant **ret_kept)
{
	struct conn_env *env = c->env;
	struct http_ask q;

	ask_fill(c, &q);
	q.path = c->req->target.path; /* not the member in work */
	as_member(&q, path);
	uint64_t epoch = __atomic_load_n(env->epoch, __ATOMIC_ACQUIRE);
	const struct http_answer *kept = kept_get(env->kept, &q, env->loop->utc, epoch);
	*ret_kept = kept != NULL && kept->body == HTTP_FILE ? grant_ref(kept->grant) : NULL;
	kept_done(kept);
	if (*ret_kept != NULL) {
		metric_add(env->metrics, METRIC_GRANTS_REUSED, 1);
		return true;
	}
	bool asked = env->gate.ask(env->gate.arg, c, &q);
	*ret_id = q.id;
	return asked;
}

bool
conn_ask_commit(struct conn *c)
{
	struct http_ask q;

	ask_fill(c, &q);
	return ask_send(c, &q);
}

enum conn_go
conn_ask_gate(struct conn *c)
{
	struct conn_env *env = c->env;
	struct http_ask q;

	ask_fill(c, &q);
	uint64_t epoch = __atomic_load_n(env->epoch, __ATOMIC_ACQUIRE);
	const struct http_answer *kept = kept_get(env->kept, &q, env->loop->utc, epoch);
	if (kept != NULL) {
		metric_add(env->metrics, METRIC_GRANTS_REUSED, 1);
		enum conn_go go = conn_answer_gate(c, kept);
		kept_done(kept);
		return go;
	}
	if (!ask_send(c, &q)) {
		struct respond_error p = {.status = 503, .retry_after = 1};
		return conn_answer_error(c, &p);
	}
	return CONN_GO;
}

static void
go_on(struct conn *c, enum conn_go go)
{
	if (go == CONN_OVER)
		conn_close(c);
	else
		conn_drive(c);
}

/*
 * A grant that has ended already, or leave to finish: the gate decided before a reload that has
 * happened meanwhile.  The next gate is asked, in a moment.
 */
static bool
stale(const struct conn *c, const struct http_answer *a)
{
	uint64_t epoch = __atomic_load_n(c->env->epoch, __ATOMIC_ACQUIRE);

	if (a->finish.seconds > 0)
		return a->finish.epoch != epoch || c->env->loop->utc >= a->finish.expires;
	return http_granted(a->body) && !grant_valid(a->grant, c->env->loop->utc, epoch);
}

static enum conn_go
renewed(struct conn *c, const struct http_answer *a)
{
	return c->req->up != NULL ? conn_receive_renewed(c, a) : conn_stream_renewed(c, a);
}

void
conn_postponed(struct conn *c)
{
	struct conn_request *r = c->req;

	if (conn_archive_postponed(c)) {
		conn_drive(c);
		return;
	}
	if (c->state != CONN_ASK || !r->asked)
		return;
	r->asked = false;
	if (++r->tries > CONN_RETRY_MAX)
		conn_unanswered(c);
	else
		conn_drive(c); /* until CONN_T_RETRY */
}

void
conn_answered(struct conn *c, struct http_answer *a)
{
	struct conn_request *r = c->req;
	struct http_ask q;
	bool drive = false;

	if (conn_archive_answered(c, a, &drive)) {
		if (drive)
			conn_drive(c);
		return;
	}
	if (c->state != CONN_ASK || !r->asked) {
		grant_unref(a->grant);
		return;
	}
	if (stale(c, a)) {
		grant_unref(a->grant);
		conn_postponed(c);
		return;
	}
	r->asked = false;
	ask_fill(c, &q);
	kept_put(c->env->kept, &q, a);
	if (a->close)
		r->keep = false;
	enum conn_go go = r->renewing ? renewed(c, a) : conn_answer_gate(c, a);
	grant_unref(a->grant);
	go_on(c, go);
}

void
conn_ask_again(struct conn *c)
{
	struct http_ask q;

	if (c->req->archive != NULL && !c->req->renewing) {
		conn_archive_again(c);
		conn_drive(c);
		return;
	}
	ask_fill(c, &q);
	if (ask_send(c, &q))
		conn_drive(c);
	else
		conn_unanswered(c);
}

void
conn_unanswered(struct conn *c)
{
	struct respond_error p = {.status = 503, .retry_after = 2};
	struct err e = {.code = ERR_NONE};
	enum conn_go go = CONN_GO;

	if (conn_archive_unanswered(c, &go)) {
		go_on(c, go);
		return;
	}
	if (c->state != CONN_ASK)
		return;
	if (c->req->head.method == HTTP_POST || c->req->head.method == HTTP_DELETE ||
		c->req->head.method == HTTP_MKCOL || conn_receive_whole(c->req)) {
		(void)err_set(&e, ERR_UPSTREAM, NULL,
			"the agent was interrupted: what you sent may have been written down; look "
			"before you send it again");
		p.err = &e;
	}
	c->req->asked = false;
	go_on(c, c->req->renewing ? renewed(c, NULL) : conn_answer_error(c, &p));
}
