/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_relay.h"

#include "agent/base/scope.h"
#include "agent/http/conn_answer.h"
#include "agent/http/conn_ask.h"
#include "transfer/tpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE  4096U /* of the pipe at a time */
#define AROUND 16U   /* a chunk's size and its ends of line */
#define WORD   8U    /* "success:", "failure:" and "aborted:" are so long */
#define RETRY  5U

struct conn_relay {
	struct loop *loop;
	struct loop_fd watch;
	struct grant *pipe;
	struct grant *valid; /* the one that says until when; at first the pipe's */
	struct buf fields;   /* of the answer, until it begins */
	char line[TPC_LINE_MAX + 1];
	size_t n_line;
	bool begun, chunked;
	char word[WORD]; /* how the line in work begins */
	size_t n_word;
	bool told; /* there was a last line */
};

void
conn_relay_free(struct conn_relay *r)
{
	if (r == NULL)
		return;
	if (r->watch.fd >= 0)
		loop_del(r->loop, &r->watch);
	grant_unref(r->pipe);
	grant_unref(r->valid);
	buf_fini(&r->fields);
	free(r);
}

static void
on_pipe(void *arg, uint32_t events)
{
	(void)events; /* its end is read like all else */
	conn_drive(arg);
}

enum conn_go
conn_relay_begin(struct conn *c, const struct http_answer *a)
{
	struct respond_error p = {.status = 503, .retry_after = RETRY};
	struct conn_relay *r = calloc(1, sizeof(*r));
	int fd = grant_pipe(a->grant);

	if (r == NULL || fd < 0) {
		free(r);
		return conn_answer_error(c, &p);
	}
	*r = (struct conn_relay){.loop = c->env->loop,
		.watch = {.fd = fd, .fn = on_pipe, .arg = c},
		.pipe = grant_ref(a->grant),
		.valid = grant_ref(a->grant),
		.fields = BUF_INIT(CONN_OUT_ROOM)};
	c->req->relay = r;
	buf_add(&r->fields, a->fields);
	if (!loop_add(r->loop, &r->watch, EPOLLIN | EPOLLET, NULL)) {
		r->watch.fd = -1;
		return conn_answer_error(c, &p);
	}
	c->state = CONN_SEND;
	return CONN_GO;
}

/* ---- ends ---- */

/* How each line begins: the last one of a transfer is known by its word. */
static void
look(struct conn_relay *r, struct span s)
{
	static const struct span words[] = {
		SPAN_INIT("success:"), SPAN_INIT("failure:"), SPAN_INIT("aborted:")};

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			r->n_word = 0;
		else if (r->n_word < WORD)
			r->word[r->n_word++] = s.p[i];
		for (size_t k = 0; r->n_word == WORD && k < 3; k++)
			r->told = r->told || memcmp(r->word, words[k].p, WORD) == 0;
	}
}

static void
put(struct conn *c, struct span s)
{
	struct conn_relay *r = c->req->relay;
	char size[AROUND];

	if (!r->chunked) {
		(void)tls_out_mem(&c->out, s);
		return;
	}
	(void)snprintf(size, sizeof(size), "%zx\r\n", s.n);
	(void)tls_out_mem(&c->out, span_of(size));
	(void)tls_out_mem(&c->out, s);
	(void)tls_out_mem(&c->out, SPAN("\r\n"));
}

/* The client must not take the end of the body for the end of its copy. */
static enum conn_go
end(struct conn *c, struct span why)
{
	struct conn_relay *r = c->req->relay;
	struct respond_error p = {.status = 503, .retry_after = RETRY};

	if (!r->begun)
		return conn_answer_error(c, &p);
	if (tls_out_room(&c->out) < PIECE && conn_answer_flush(c) != CONN_GO)
		return CONN_OVER; /* it has not read what came long before */
	if (!r->told)
		put(c, why);
	if (r->chunked)
		(void)tls_out_mem(&c->out, SPAN("0\r\n\r\n"));
	return conn_answer_done(c);
}

/* ---- the first line ---- */

static enum conn_go
begin(struct conn *c)
{
	struct conn_relay *r = c->req->relay;
	struct respond_error p = {.status = 502};
	struct span text = SPAN_NONE;
	struct err e = {.code = ERR_NONE};

	if (!tpc_line_read((struct span){r->line, r->n_line}, &p.status, &text))
		return conn_answer_error(c, &p);
	if (p.status != 202) {
		(void)err_set(&e, ERR_UPSTREAM, NULL, "%.*s", SPAN_ARG(text));
		p.err = &e;
		p.retry_after = p.status == 503 ? RETRY : 0;
		return conn_answer_error(c, &p);
	}
	r->begun = true;
	return conn_answer_stream(c, 202, buf_span(&r->fields), &r->chunked) ? CONN_GO : CONN_OVER;
}

/* CONN_GO: it is there, or more of the pipe may be. */
static enum conn_go
read_line(struct conn *c)
{
	struct conn_relay *r = c->req->relay;
	char x = 0;

	ssize_t n = read(r->watch.fd, &x, 1);
	if (n < 0)
		return errno == EINTR ? CONN_GO : errno == EAGAIN ? CONN_WAITS : CONN_OVER;
	if (n == 0 || (x != '\n' && r->n_line == TPC_LINE_MAX))
		return end(c, SPAN_NONE);
	if (x == '\n')
		return begin(c);
	r->line[r->n_line++] = x;
	return CONN_GO;
}

/* ---- the rest ---- */

static enum conn_go
read_piece(struct conn *c)
{
	struct conn_relay *r = c->req->relay;
	char piece[PIECE];

	if (tls_out_room(&c->out) < PIECE + 2 * AROUND) {
		enum conn_go go = conn_answer_flush(c);
		if (go != CONN_GO)
			return go;
	}
	ssize_t n = read(r->watch.fd, piece, sizeof(piece));
	if (n < 0)
		return errno == EINTR ? CONN_GO : errno == EAGAIN ? CONN_WAITS : CONN_OVER;
	if (n == 0)
		return end(c, SPAN("failure: the transfer was interrupted; try again\n"));
	look(r, (struct span){piece, (size_t)n});
	put(c, (struct span){piece, (size_t)n});
	return CONN_GO;
}

enum conn_go
conn_relay_send(struct conn *c)
{
	struct conn_relay *r = c->req->relay;
	uint64_t epoch = __atomic_load_n(c->env->epoch, __ATOMIC_ACQUIRE);

	if (!grant_valid(r->valid, c->env->loop->utc, epoch))
		return conn_ask_renew(c) ? CONN_GO
					 : end(c, SPAN("aborted: the agent could not be asked\n"));
	return r->begun ? read_piece(c) : read_line(c);
}

enum conn_go
conn_relay_renewed(struct conn *c, const struct http_answer *a)
{
	struct conn_relay *r = c->req->relay;

	c->state = CONN_SEND;
	if (a == NULL)
		return end(c, SPAN("aborted: the agent could not be asked\n"));
	if (a->body != HTTP_PIPE)
		return end(c, SPAN("aborted: this is not permitted any more\n"));
	grant_unref(r->valid);
	r->valid = grant_ref(a->grant);
	return CONN_GO;
}
