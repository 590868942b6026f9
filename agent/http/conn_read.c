/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_read.h"

#include "agent/http/conn_answer.h"
#include "agent/http/conn_ask.h"

#include <string.h>

static size_t
waiting(const struct conn *c)
{
	return c->in_n - c->in_at;
}

struct span
conn_read_behind(const struct conn *c)
{
	size_t at = c->in_at + c->req->n_head;

	return (struct span){c->in + at, c->in_n - at};
}

void
conn_read_used(struct conn *c, size_t n)
{
	size_t at = c->in_at + c->req->n_head;

	memmove(c->in + at, c->in + at + n, c->in_n - at - n);
	c->in_n -= (uint32_t)n;
}

static bool
request_begin(struct conn *c)
{
	if (c->req == NULL) {
		c->req = pool_get(&c->env->request);
		if (c->req == NULL)
			return false;
		c->req->n_notes = 0;
		c->req->noting = false;
		c->req->body = (struct buf)BUF_INIT(HTTP_BODY_MAX);
		c->req->fields = (struct buf)BUF_INIT(HTTP_FIELDS_TEXT);
		c->req->out = (struct body){.grant = NULL};
		c->req->rate = (struct rate_use){.table = NULL};
		c->req->link = (struct share_use){.share = NULL};
		c->req->text = NULL;
		c->req->archive = NULL;
		c->req->up = NULL;
		c->req->relay = NULL;
	}
	struct conn_request *r = c->req;
	r->parse = (struct http_parse){.seen = 0};
	r->n_head = 0;
	r->begun = false;
	r->unread = false;
	r->keep = false;
	r->asked = false;
	r->renewing = false;
	r->tries = 0;
	r->finish = (struct http_finish){.seconds = 0};
	r->quota.name[0] = '\0';
	return true;
}

enum conn_go
conn_read_more(struct conn *c)
{
	size_t n = 0;

	if (c->in == NULL) {
		c->in = pool_get(&c->env->in);
		if (c->in == NULL)
			return CONN_OVER;
	}
	char *to = c->in + c->in_n;
	size_t room = CONN_IN_SIZE - c->in_n;
	switch (c->wire == NULL ? tls_read(c->tls, to, room, &n, NULL)
				: c->wire->read(c->wire_arg, to, room, &n)) {
	case STEP_DONE:
		if (n == 0) {
			c->eof = true;
			c->state = CONN_FINISH;
		}
		c->in_n += (uint32_t)n;
		if (c->in_n > c->in_top)
			c->in_top = c->in_n;
		return CONN_GO;
	case STEP_READ:
		return CONN_READS;
	case STEP_WRITE:
		return CONN_WRITES;
	case STEP_FAIL:
		break;
	}
	return CONN_OVER;
}

static enum conn_go
head_done(struct conn *c, size_t used)
{
	struct conn_request *r = c->req;

	r->n_head = used;
	r->begun = true;
	r->unread = r->head.chunked || (r->head.has_length && r->head.content_length > 0);
	c->served = true;
	return conn_ask_route(c);
}

static void
to_front(struct conn *c)
{
	if (c->in_at == 0)
		return;
	memmove(c->in, c->in + c->in_at, waiting(c));
	c->in_n -= c->in_at;
	c->in_at = 0;
}

enum conn_go
conn_read_head(struct conn *c)
{
	size_t used = 0;
	struct err e = {.code = ERR_NONE};

	if (c->out.sent - c->turn_mark >= CONN_TURN_MAX)
		return CONN_YIELD; /* however fast it asks, the others have their turn */
	if (tls_out_room(&c->out) < CONN_OUT_ROOM ||
		(c->req != NULL && c->req->n_notes >= CONN_NOTES)) {
		enum conn_go go = conn_answer_flush(c);
		if (go != CONN_GO)
			return go;
	}
	if (c->in_at > CONN_IN_AT_MAX)
		to_front(c);
	if (waiting(c) > 0) {
		if (c->req == NULL && !request_begin(c))
			return CONN_OVER;
		struct span buffered = {c->in + c->in_at, waiting(c)};
		switch (http_parse(&c->req->parse, buffered, &c->req->head, &used, &e)) {
		case STEP_DONE:
			return head_done(c, used);
		case STEP_FAIL:
			return conn_answer_status(c, c->req->parse.status, &e);
		case STEP_READ:
		case STEP_WRITE:
			break;
		}
	}
	to_front(c);
	enum conn_go go = conn_read_more(c);
	if (go == CONN_READS && c->env->draining && waiting(c) == 0) {
		c->state = CONN_FINISH;
		return CONN_GO;
	}
	return go;
}

void
conn_read_next(struct conn *c)
{
	c->in_at += (uint32_t)c->req->n_head;
	if (c->in_at == c->in_n) {
		c->in_at = 0;
		c->in_n = 0;
	}
	buf_fini(&c->req->body);
	buf_wipe(&c->req->fields);
	(void)request_begin(c);
	c->state = CONN_HEAD;
}

/* ---- request bodies ---- */

bool
conn_read_can_drop(const struct conn *c)
{
	const struct http_head *h = &c->req->head;

	if (!c->req->unread)
		return true;
	/* Whether the client still sends a body that it was told to hold back is not known. */
	if (h->expect_continue)
		return false;
	return h->chunked || h->content_length <= CONN_DROP_MAX;
}

static void
body_init(struct conn *c, uint64_t limit)
{
	struct conn_request *r = c->req;

	if (r->head.chunked)
		chunk_init(&r->chunk, limit);
	else
		r->body_left = r->head.content_length;
}

/* STEP_DONE: the body ended; STEP_READ: all that is there was used. */
static enum step
body_take(struct conn *c, struct buf *out, struct err *e)
{
	struct conn_request *r = c->req;
	struct span in = conn_read_behind(c);
	size_t used = 0;
	enum step s = STEP_READ;

	if (r->head.chunked) {
		s = chunk_feed(&r->chunk, in, out, &used, e);
		if (s == STEP_FAIL)
			return s;
	} else {
		used = in.n < r->body_left ? in.n : (size_t)r->body_left;
		if (out != NULL)
			buf_add(out, span_first(in, used));
		r->body_left -= used;
		s = r->body_left == 0 ? STEP_DONE : STEP_READ;
	}
	conn_read_used(c, used);
	return s;
}

static bool
body_wanted(const struct conn_request *r)
{
	return r->head.method == HTTP_PROPFIND || r->head.method == HTTP_POST;
}

enum conn_go
conn_read_start(struct conn *c)
{
	struct conn_request *r = c->req;

	if (!r->unread || r->head.method == HTTP_PUT)
		return conn_ask_gate(c); /* the body of a PUT is read when the gate lets it in */
	if (r->head.has_length && r->head.content_length > r->body_max)
		return conn_answer_status(c, 413, NULL);
	body_init(c, r->body_max);
	c->state = CONN_BODY;
	if (r->head.expect_continue && conn_read_behind(c).n == 0) {
		buf_reset(&c->env->head);
		respond_continue(&c->env->head);
		(void)tls_out_mem(&c->out, buf_span(&c->env->head));
	}
	return CONN_GO;
}

enum conn_go
conn_read_body(struct conn *c)
{
	struct conn_request *r = c->req;
	struct err e = {.code = ERR_NONE};

	switch (body_take(c, body_wanted(r) ? &r->body : NULL, &e)) {
	case STEP_DONE:
		r->unread = false;
		return buf_ok(&r->body) ? conn_ask_gate(c) : CONN_OVER;
	case STEP_FAIL:
		r->keep = false;
		return conn_answer_status(c, r->chunk.status, &e);
	case STEP_READ:
	case STEP_WRITE:
		break;
	}
	return conn_read_more(c);
}

enum conn_go
conn_read_drop(struct conn *c)
{
	if (c->state != CONN_DROP) {
		c->state = CONN_DROP;
		body_init(c, CONN_DROP_MAX);
	}
	switch (body_take(c, NULL, NULL)) {
	case STEP_DONE:
		conn_read_next(c);
		return CONN_GO;
	case STEP_FAIL:
		c->state = CONN_FINISH;
		return CONN_GO;
	case STEP_READ:
	case STEP_WRITE:
		break;
	}
	return conn_read_more(c);
}
