/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_h2.h"

#include "agent/http/conn_answer.h"
#include "agent/http/h2.h"

#include <stdlib.h>

/* A stream, from its head to the end of its answer. */
struct use {
	struct use *next, *prev; /* by age */
	struct conn_h2 *of;
	struct h2_stream *s;
	struct conn *inner; /* NULL: it waits for a place */
	bool ready;         /* to be driven */
};

struct conn_h2 {
	struct conn *c;
	struct h2 *h2;
	struct use *first, *last;
	unsigned n_active, n_reads;
	bool busy;  /* within conn_h2_step() */
	bool ready; /* one of the streams is, or may have a place */
	bool bye;
};

static void
wake(struct conn_h2 *h)
{
	if (!h->busy)
		loop_task(h->c->env->loop, &h->c->task);
}

static void
use_ready(struct use *u)
{
	u->ready = true;
	u->of->ready = true;
	wake(u->of);
}

static void
use_free(struct use *u)
{
	struct conn_h2 *h = u->of;

	*(u->prev != NULL ? &u->prev->next : &h->first) = u->next;
	*(u->next != NULL ? &u->next->prev : &h->last) = u->prev;
	h2_stream_leave(u->s);
	free(u);
}

/* ---- the wire of a stream (struct conn_wire) ---- */

static enum step
wire_flush(void *arg, struct tls_out *o)
{
	struct use *u = arg;
	bool last = u->inner->state == CONN_FINISH;
	size_t used = 0;

	o->at += h2_stream_taken(u->s);
	if (!h2_stream_put(u->s, o->buf + o->at, o->n - o->at, last, &used))
		return STEP_FAIL;
	o->at += used;
	if (o->at < o->n || !h2_stream_quiet(u->s, last)) {
		wake(u->of);
		return STEP_WRITE;
	}
	tls_out_release(o);
	return STEP_DONE;
}

/* At the end, one more for END_STREAM. */
static size_t
wire_pending(const void *arg)
{
	const struct use *u = arg;
	bool end = u->inner->state == CONN_FINISH && !h2_stream_quiet(u->s, true);

	return h2_stream_flight(u->s) + (end ? 1 : 0);
}

static enum step
wire_read(void *arg, char *buf, size_t cap, size_t *ret_n)
{
	struct use *u = arg;

	wake(u->of); /* windows may have opened */
	return h2_stream_read(u->s, buf, cap, ret_n);
}

static bool
wire_stalled(const void *arg)
{
	const struct use *u = arg;

	return tls_out_waiting(&u->of->c->out) == 0;
}

static void
wire_gone(void *arg, bool whole)
{
	struct use *u = arg;
	struct conn_h2 *h = u->of;

	h->n_active--;
	h->ready = true;
	if (!whole)
		h2_stream_reset(u->s, H2_INTERNAL);
	use_free(u);
	wake(h);
}

static const struct conn_wire wire = {
	.sink = {wire_flush, wire_pending},
	.read = wire_read,
	.stalled = wire_stalled,
	.gone = wire_gone,
};

/* ---- what the frames tell ---- */

static void
on_begun(void *arg, struct h2_stream *s)
{
	struct conn_h2 *h = arg;
	struct use *u = calloc(1, sizeof(*u));

	h->c->served = true;
	if (u == NULL) {
		h2_stream_reset(s, H2_REFUSED);
		h2_stream_leave(s);
		return;
	}
	*u = (struct use){.of = h, .s = s, .prev = h->last};
	*(h->last != NULL ? &h->last->next : &h->first) = u;
	h->last = u;
	h->ready = true;
	h2_stream_own(s, u);
}

static void
on_body(void *arg, struct h2_stream *s)
{
	struct conn_h2 *h = arg;
	struct use *u = h2_stream_user(s);
	size_t n = 0;

	if (u->inner != NULL) {
		use_ready(u);
		return;
	}
	for (const struct use *at = h->first; at != NULL; at = at->next)
		n += at->inner == NULL ? h2_stream_unread(at->s) : 0;
	if (n <= CONN_H2_QUEUED)
		return;
	h2_stream_reset(s, H2_REFUSED);
	use_free(u);
}

static void
on_closed(void *arg, struct h2_stream *s)
{
	struct use *u = h2_stream_user(s);

	(void)arg;
	if (u->inner != NULL)
		conn_close(u->inner);
	else
		use_free(u);
}

bool
conn_h2_begin(struct conn *c)
{
	struct conn_h2 *h = calloc(1, sizeof(*h));
	struct h2_calls calls = {h, on_begun, on_body, on_closed};

	if (h == NULL || !h2_new(&calls, c->env->loop->now, &h->h2, NULL)) {
		free(h);
		return false;
	}
	h->c = c;
	c->h2 = h;
	c->state = CONN_H2;
	return true;
}

void
conn_h2_free(struct conn *c)
{
	struct conn_h2 *h = c->h2;

	if (h == NULL)
		return;
	h->busy = true; /* nobody is to be woken any more */
	h2_free(h->h2);
	free(h);
	c->h2 = NULL;
}

/* ---- steps ---- */

/* Its turn: a place where there is one, and on with it. */
static void
use_drive(struct conn_h2 *h, struct use *u)
{
	if (u->inner == NULL && h->n_active == CONN_H2_ACTIVE)
		return;
	if (u->inner == NULL) {
		u->inner = conn_new_over(h->c, &wire, u);
		if (u->inner == NULL) {
			h2_stream_reset(u->s, H2_REFUSED);
			use_free(u);
			return;
		}
		h->n_active++;
		u->ready = true;
	}
	if (!u->ready)
		return;
	u->ready = false;
	conn_drive(u->inner); /* may be its end */
}

static void
drive(struct conn_h2 *h)
{
	struct use *next = NULL;

	while (h->ready) {
		h->ready = false;
		for (struct use *u = h->first; u != NULL; u = next) {
			next = u->next;
			use_drive(h, u);
		}
	}
}

static void
use_left(struct use *u)
{
	struct tls_out *o = &u->inner->out;

	o->at += h2_stream_taken(u->s);
	o->sent += h2_stream_left(u->s);
	if (o->at == o->n)
		tls_out_release(o);
	u->ready = true;
	u->of->ready = true;
}

static void
all_left(struct conn_h2 *h)
{
	for (struct use *u = h->first; u != NULL; u = u->next)
		if (u->inner != NULL && h2_stream_busy(u->s))
			use_left(u);
}

/* Frames of all streams, collected into one buffer; CONN_GO: none are left. */
static enum conn_go
collect(struct conn *c)
{
	struct conn_h2 *h = c->h2;
	enum conn_go go = CONN_GO;
	size_t n = 1;

	while (n > 0 && go == CONN_GO) {
		size_t room = 0;
		char *to = tls_out_space(&c->out, &room);
		if (to == NULL)
			return CONN_OVER;
		n = room < CONN_H2_LEAST ? 0 : h2_send(h->h2, to, room);
		tls_out_filled(&c->out, n);
		if (n > 0 && tls_out_room(&c->out) >= CONN_H2_LEAST)
			continue;
		n = tls_out_waiting(&c->out);
		go = conn_answer_flush(c);
		if (go == CONN_GO && n > 0)
			all_left(h);
		if (go == CONN_GO && c->out.sent - c->turn_mark >= CONN_TURN_MAX)
			return CONN_YIELD;
	}
	if (go == CONN_GO && tls_out_waiting(&c->out) == 0)
		tls_out_release(&c->out);
	return go;
}

static enum conn_go
read_some(struct conn *c)
{
	struct conn_h2 *h = c->h2;
	size_t n = 0;

	if (++h->n_reads > CONN_H2_READS)
		return CONN_YIELD;
	if (c->in == NULL)
		c->in = pool_get(&c->env->in);
	if (c->in == NULL)
		return CONN_OVER;
	switch (tls_read(c->tls, c->in, CONN_IN_SIZE, &n, NULL)) {
	case STEP_DONE:
		break;
	case STEP_READ:
		return CONN_READS;
	case STEP_WRITE:
		return CONN_WRITES;
	case STEP_FAIL:
		return CONN_OVER;
	}
	if (n > c->in_top)
		c->in_top = (uint32_t)n;
	if (n > 0) {
		h2_receive(h->h2, (struct span){c->in, n}, c->env->loop->now);
		return CONN_GO;
	}
	c->eof = true;
	c->state = CONN_FINISH;
	return CONN_GO;
}

/* RFC 9113 6.8: no new streams; those that are there have their answers. */
static void
bye(struct conn_h2 *h)
{
	if (!h->bye)
		h2_goaway(h->h2, H2_NO_ERROR);
	h->bye = true;
}

static enum conn_go
steps(struct conn *c)
{
	struct conn_h2 *h = c->h2;

	if (c->env->draining)
		bye(h);
	drive(h);
	enum conn_go go = collect(c);
	if (go != CONN_GO || h->ready)
		return go;
	if (h2_over(h->h2) || (h->bye && h->first == NULL)) {
		c->state = CONN_FINISH;
		return CONN_GO;
	}
	return read_some(c);
}

enum conn_go
conn_h2_step(struct conn *c)
{
	struct conn_h2 *h = c->h2;

	h->busy = true;
	enum conn_go go = steps(c);
	h->busy = false;
	if (go != CONN_GO)
		h->n_reads = 0;
	return go;
}

enum conn_timer
conn_h2_waits(const struct conn *c)
{
	if (!c->served || h2_in_head(c->h2->h2))
		return CONN_T_HEAD;
	return c->h2->first == NULL ? CONN_T_IDLE : CONN_T_NONE;
}

void
conn_h2_end(struct conn *c)
{
	size_t room = 0;

	bye(c->h2);
	char *to = tls_out_space(&c->out, &room);
	if (to != NULL)
		tls_out_filled(&c->out, h2_send(c->h2->h2, to, room));
	c->state = CONN_FINISH;
}
