/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_receive.h"

#include "agent/http/conn_answer.h"
#include "agent/http/conn_ask.h"
#include "agent/http/conn_read.h"
#include "transfer/digest_sum.h"

#include <errno.h>
#include <stdlib.h>

#define SECOND 1000

struct conn_upload {
	struct grant *file;  /* what is written to */
	struct grant *leave; /* until when: of the first question, or of a later one */
	struct digest_sum *sum;
	struct digest_values values; /* of the whole body */
	uint64_t size, done, flushed;
	uint64_t run; /* bytes since others had their turn */
	/* the window of settings_limits.min_rate */
	int64_t window_ms;
	uint64_t window_done;
	bool whole;
};

static enum conn_go
refuse(struct conn *c, unsigned status, const char *why)
{
	struct err e = {.code = ERR_NONE};

	c->req->keep = false; /* what is left of the body is not read */
	if (why == NULL)
		return conn_answer_status(c, status, NULL);
	(void)err_set(&e, ERR_SYSTEM, NULL, "%s", why);
	return conn_answer_status(c, status, &e);
}

static enum conn_go
unanswered(struct conn *c)
{
	struct respond_error p = {.status = 503, .retry_after = 2};

	c->req->keep = false;
	return conn_answer_error(c, &p);
}

/* ---- the beginning ---- */

static struct conn_upload *
make(const struct http_answer *a, int64_t now_ms)
{
	struct conn_upload *up = calloc(1, sizeof(*up));

	if (up == NULL || !digest_sum_new(a->want, &up->sum, NULL)) {
		free(up);
		return NULL;
	}
	up->file = grant_ref(a->grant);
	up->leave = grant_ref(a->grant);
	up->size = grant_info(a->grant)->size;
	up->window_ms = now_ms;
	return up;
}

static bool
fits(const struct http_head *h, const struct grant *g)
{
	const struct grant_info *i = grant_info(g);

	return h->method == HTTP_PUT && i->kind == GRANT_WRITE && i->size == h->content_length;
}

enum conn_go
conn_receive_begin(struct conn *c, const struct http_answer *a)
{
	struct conn_request *r = c->req;

	if (!r->head.has_length)
		return refuse(c, 411, NULL);
	if (r->up != NULL || !fits(&r->head, a->grant))
		return refuse(c, 500, NULL);
	r->up = make(a, c->env->loop->now);
	if (r->up == NULL)
		return refuse(c, 500, NULL);
	if (r->unread && r->head.expect_continue && conn_read_behind(c).n == 0) {
		buf_reset(&c->env->head);
		respond_continue(&c->env->head);
		(void)tls_out_mem(&c->out, buf_span(&c->env->head));
	}
	c->state = CONN_RECEIVE;
	return CONN_GO;
}

/* ---- taking ---- */

static enum conn_go
write_failed(struct conn *c, int why)
{
	switch (why) {
	case ENOSPC:
	case EDQUOT:
		return refuse(c, 507, "There is no room for this file; nothing of it was kept.");
	case EFBIG:
		return refuse(c, 413,
			"The file is larger than the storage takes; nothing of it was kept.");
	default:
		return refuse(
			c, 500, "The storage does not take this file; nothing of it was kept.");
	}
}

/* What was written begins its way to the disk; nobody waits for it here. */
static void
flush(struct conn_upload *up)
{
	grant_flush(up->file, up->flushed, up->done - up->flushed);
	up->flushed = up->done;
}

/* 0, or errno. */
static int
put(struct conn_upload *up, struct span in)
{
	if (!digest_sum_add(up->sum, in.p, in.n))
		return EIO;
	while (in.n > 0) {
		ssize_t n = grant_pwrite(up->file, in.p, in.n, up->done);
		if (n <= 0)
			return n < 0 ? errno : EIO;
		in = span_skip(in, (size_t)n);
		up->done += (uint64_t)n;
		up->run += (uint64_t)n;
	}
	if (up->done - up->flushed >= CONN_RECEIVE_FLUSH)
		flush(up);
	return 0;
}

/* By the rate class; 0: nothing now, c->pause_ms says until when. */
static size_t
may_take(struct conn *c, size_t want)
{
	struct conn_request *r = c->req;
	int64_t wait_ms = 0;
	size_t n = rate_take(&r->rate, want, c->env->loop->now, &wait_ms);

	if (n > 0)
		return n;
	c->pause_soon = false;
	c->pause_ms = wait_ms < UINT32_MAX ? (uint32_t)wait_ms : UINT32_MAX;
	/* A pause is no client that is slow. */
	r->up->window_ms = c->env->loop->now;
	r->up->window_done = r->up->done;
	return 0;
}

static bool
slow(struct conn *c)
{
	struct conn_upload *up = c->req->up;
	uint64_t least = (uint64_t)c->env->limits->min_rate * CONN_RATE_SECONDS;
	int64_t now = c->env->loop->now;

	if (now - up->window_ms < (int64_t)CONN_RATE_SECONDS * SECOND)
		return false;
	bool is = up->done - up->window_done < least;
	up->window_ms = now;
	up->window_done = up->done;
	return is;
}

static enum conn_go
renew(struct conn *c)
{
	return conn_ask_renew(c) ? CONN_GO : unanswered(c);
}

/* The body is there: the same question again. */
static enum conn_go
commit(struct conn *c)
{
	struct conn_request *r = c->req;

	flush(r->up);
	if (!digest_sum_end(r->up->sum, &r->up->values))
		return refuse(c, 500, NULL);
	r->up->whole = true;
	r->unread = false;
	rate_leave(&r->rate);
	return conn_ask_commit(c) ? CONN_GO : unanswered(c);
}

static enum conn_go
read_more(struct conn *c)
{
	if (slow(c))
		return refuse(c, 408, NULL);
	enum conn_go go = conn_read_more(c);
	if (go != CONN_GO)
		c->req->up->run = 0;
	return go;
}

enum conn_go
conn_receive_take(struct conn *c)
{
	struct conn_request *r = c->req;
	struct conn_upload *up = r->up;
	uint64_t epoch = __atomic_load_n(c->env->epoch, __ATOMIC_ACQUIRE);

	if (up->done == up->size)
		return commit(c);
	if (!grant_valid(up->leave, c->env->loop->utc, epoch))
		return renew(c);
	if (up->run >= CONN_TURN_MAX) {
		up->run = 0;
		return CONN_YIELD;
	}
	struct span in = conn_read_behind(c);
	if (in.n == 0)
		return read_more(c);
	if (in.n > up->size - up->done)
		in.n = (size_t)(up->size - up->done);
	size_t n = may_take(c, in.n);
	if (n == 0)
		return CONN_PAUSES;
	int why = put(up, span_first(in, n));
	conn_read_used(c, n);
	return why == 0 ? CONN_GO : write_failed(c, why);
}

/* ---- the gate's later answers ---- */

enum conn_go
conn_receive_renewed(struct conn *c, const struct http_answer *a)
{
	struct conn_request *r = c->req;

	r->renewing = false;
	r->tries = 0;
	if (a == NULL)
		return unanswered(c);
	if (a->body != HTTP_UPLOAD) {
		r->keep = false;
		return conn_answer_gate(c, a);
	}
	if (!fits(&r->head, a->grant))
		return refuse(c, 500, NULL);
	/* It is leave to go on; the file that came along goes unused, for there is one already. */
	grant_unref(r->up->leave);
	r->up->leave = grant_ref(a->grant);
	rate_move(c->env->rates, &grant_info(a->grant)->rate, c->env->loop->now, &r->rate);
	c->state = CONN_RECEIVE;
	return CONN_GO;
}

bool
conn_receive_whole(const struct conn_request *r)
{
	return r->up != NULL && r->up->whole;
}

void
conn_receive_fill(const struct conn_request *r, struct http_ask *q)
{
	if (!conn_receive_whole(r))
		return;
	q->commit = true;
	q->digests = r->up->values;
	q->upload = r->up->file;
	q->again = true; /* a proof was used up by the first question */
}

void
conn_receive_end(struct conn_request *r)
{
	if (r->up == NULL)
		return;
	grant_unref(r->up->file);
	grant_unref(r->up->leave);
	digest_sum_free(r->up->sum);
	free(r->up);
	r->up = NULL;
}
