/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_stream.h"

#include "agent/http/conn_answer.h"
#include "agent/http/conn_archive.h"
#include "agent/http/conn_ask.h"
#include "agent/http/conn_note.h"
#include "agent/http/conn_relay.h"

/*
 * The body cannot be completed: what is in the buffer may leave, the rest never does.  The client
 * can tell, for the connection ends before Content-Length is reached.
 */
static enum conn_go
cut(struct conn *c, enum http_result result, enum http_why why)
{
	struct http_done *d = conn_note_in_work(c);

	d->result = result;
	d->why = why;
	metric_add(c->env->metrics, METRIC_TRANSFERS_CUT, 1);
	(void)conn_answer_flush(c);
	return CONN_OVER;
}

static enum conn_go
renew(struct conn *c)
{
	return conn_ask_renew(c) ? CONN_GO : cut(c, HTTP_CUT, HTTP_WHY_UNANSWERED);
}

/* ---- the rate class and the link ---- */

/* Bytes that may be put into the buffer now; 0: none, c->pause_ms says until when. */
static size_t
may_put(struct conn *c)
{
	struct conn_request *r = c->req;
	size_t room = tls_out_room(&c->out);
	int64_t wait_ms = 0;

	if ((r->rate.table == NULL && r->link.share == NULL) ||
		(room < TLS_OUT_ROOM && r->out.left > room))
		return SIZE_MAX;
	size_t want = r->out.left < room ? (size_t)r->out.left : room;
	if (want == 0)
		return SIZE_MAX;
	size_t n = rate_take(&r->rate, want, c->env->loop->now, &wait_ms);
	c->pause_soon = n > 0;
	if (n > 0) {
		want = n;
		n = share_take(&r->link, want, c->env->loop->now, &wait_ms);
		rate_give(&r->rate, want - n);
	}
	if (n == 0)
		c->pause_ms = wait_ms < UINT32_MAX ? (uint32_t)wait_ms : UINT32_MAX;
	return n;
}

/* ---- files ---- */

/* CONN_GO: the grant holds, or the body may finish without one. */
static enum conn_go
may_finish(struct conn *c)
{
	struct conn_request *r = c->req;
	const struct http_finish *f = &r->finish;
	uint64_t epoch = __atomic_load_n(c->env->epoch, __ATOMIC_ACQUIRE);
	int64_t took_ms = c->env->loop->now - r->started_ms;

	if (f->seconds == 0)
		return CONN_GO;
	if (took_ms >= (int64_t)f->seconds * 1000)
		return cut(c, HTTP_CUT, HTTP_WHY_OVERDUE);
	if (epoch == f->epoch && c->env->loop->utc < f->expires)
		return CONN_GO;
	return renew(c);
}

static enum conn_go
send_file(struct conn *c)
{
	struct conn_request *r = c->req;
	struct conn_env *env = c->env;
	uint64_t epoch = __atomic_load_n(env->epoch, __ATOMIC_ACQUIRE);
	size_t n = 0;
	size_t most = may_put(c);

	if (most == 0) {
		enum conn_go go = conn_answer_flush(c);
		return go == CONN_GO ? CONN_PAUSES : go;
	}
	enum body_step s = tls_out_file(&c->out, &r->out, most, env->loop->utc, epoch, &n);
	if (most != SIZE_MAX) {
		rate_give(&r->rate, most - n);
		share_give(&r->link, most - n);
	}
	conn_note_in_work(c)->bytes += n;
	if (r->archive != NULL)
		conn_archive_saw(c, n);
	switch (s) {
	case BODY_MORE:
		return conn_answer_flush(c);
	case BODY_END:
		return r->archive != NULL ? conn_archive_member_end(c) : conn_answer_done(c);
	case BODY_CUT:
		return renew(c);
	case BODY_BROKEN:
		break;
	}
	return cut(c, HTTP_BROKEN, HTTP_WHY_CHANGED);
}

/* The gate says no, but lets this response go on under the descriptor that is here already. */
static enum conn_go
finish(struct conn *c, const struct http_answer *a)
{
	c->req->finish = a->finish;
	body_finish(&c->req->out);
	c->state = CONN_SEND;
	return CONN_GO;
}

enum conn_go
conn_stream_renewed(struct conn *c, const struct http_answer *a)
{
	struct conn_request *r = c->req;

	r->renewing = false;
	r->tries = 0;
	if (r->relay != NULL)
		return conn_relay_renewed(c, a);
	if (a == NULL)
		return cut(c, HTTP_CUT, HTTP_WHY_UNANSWERED);
	if (a->body != HTTP_FILE && a->finish.seconds > 0)
		return finish(c, a);
	if (a->body != HTTP_FILE)
		return cut(c, HTTP_CUT, HTTP_WHY_DENIED);
	if (!body_renew(&r->out, a->grant))
		return cut(c, HTTP_CUT, HTTP_WHY_CHANGED);
	const struct grant_info *g = grant_info(a->grant);
	r->finish = (struct http_finish){.seconds = 0};
	rate_move(c->env->rates, &g->rate, c->env->loop->now, &r->rate);
	conn_note_in_work(c)->decision = g->decision;
	c->state = CONN_SEND;
	return CONN_GO;
}

/* ---- texts ---- */

static enum conn_go
send_text(struct conn *c)
{
	struct conn_request *r = c->req;
	struct span rest = {r->text + r->text_at, r->n_text - r->text_at};

	r->text_at += tls_out_mem(&c->out, rest);
	if (r->text_at == r->n_text)
		return conn_answer_done(c);
	return conn_answer_flush(c);
}

enum conn_go
conn_stream_send(struct conn *c)
{
	if (c->out.sent - c->turn_mark >= CONN_TURN_MAX)
		return CONN_YIELD;
	if (c->req->relay != NULL)
		return conn_relay_send(c);
	if (c->req->out.grant == NULL)
		return c->req->archive != NULL ? conn_archive_send(c) : send_text(c);
	if (c->req->archive != NULL)
		conn_archive_ahead(c);
	enum conn_go go = may_finish(c);
	return go == CONN_GO && c->state == CONN_SEND ? send_file(c) : go;
}
