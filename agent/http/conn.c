/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn.h"

#include "agent/base/crypto.h"
#include "agent/base/scope.h"
#include "agent/http/conn_answer.h"
#include "agent/http/conn_archive.h"
#include "agent/http/conn_ask.h"
#include "agent/http/conn_h2.h"
#include "agent/http/conn_note.h"
#include "agent/http/conn_read.h"
#include "agent/http/conn_receive.h"
#include "agent/http/conn_relay.h"
#include "agent/http/conn_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND 1000

/* ---- what the connections of a worker share ---- */

bool
conn_env_init(struct conn_env *env, struct err *e)
{
	uint8_t random[16];

	if (!crypto_random(random, sizeof(random), e))
		return false;
	memcpy(env->trace, random, sizeof(env->trace));
	pool_init(&env->in, CONN_IN_SIZE);
	pool_init(&env->out, TLS_OUT_SIZE);
	pool_init(&env->request, sizeof(struct conn_request));
	env->head = (struct buf)BUF_INIT(CONN_OUT_ROOM);
	env->conns.next = &env->conns;
	env->conns.prev = &env->conns;
	return true;
}

static struct conn *
first(struct conn_env *env)
{
	return (struct conn *)(void *)env->conns.next;
}

void
conn_env_fini(struct conn_env *env)
{
	while (env->conns.next != &env->conns)
		conn_close(first(env));
	pool_fini(&env->in);
	pool_fini(&env->out);
	pool_fini(&env->request);
	buf_fini(&env->head);
}

void
conn_env_drain(struct conn_env *env)
{
	struct loop_link *at = env->conns.next;

	env->draining = true;
	while (at != &env->conns) {
		struct conn *c = (struct conn *)(void *)at;
		at = at->next;
		if (c->state == CONN_HEAD || c->state == CONN_H2)
			loop_task(env->loop, &c->task); /* closes it if it is idle */
	}
}

/* ---- buffers ---- */

static void
release_in(struct conn *c)
{
	if (c->in == NULL)
		return;
	explicit_bzero(c->in, c->in_top); /* it held credentials */
	pool_put(&c->env->in, c->in);
	c->in = NULL;
	c->in_at = 0;
	c->in_n = 0;
	c->in_top = 0;
}

static void
release_request(struct conn *c)
{
	struct conn_request *r = c->req;

	if (r == NULL)
		return;
	conn_archive_free(r->archive);
	buf_fini(&r->body);
	buf_wipe(&r->fields);
	conn_receive_end(r);
	conn_relay_free(take_ptr(&r->relay));
	body_fini(&r->out);
	rate_leave(&r->rate);
	share_leave(&r->link);
	free(r->text);
	pool_put(&c->env->request, r);
	c->req = NULL;
}

static bool
idle(const struct conn *c)
{
	return (c->state == CONN_HEAD || c->state == CONN_H2) && c->in_n == c->in_at &&
	       tls_out_waiting(&c->out) == 0;
}

/* ---- deadlines ---- */

static void
deadline(struct conn *c, enum conn_timer what, int64_t seconds)
{
	bool total = what != CONN_T_IDLE && what != CONN_T_BODY && what != CONN_T_NONE;

	if (what == c->deadline && total)
		return; /* counts from its first moment, whatever moves meanwhile */
	c->deadline = what;
	c->rate_mark = c->out.sent;
	if (what == CONN_T_NONE)
		loop_timer_stop(&c->timer);
	else
		loop_timer(c->env->loop, &c->timer, seconds * SECOND);
}

/* With the gate, the link has its own; a question that waits to be asked again has a moment. */
static void
deadline_ask(struct conn *c)
{
	if (c->req->asked || c->deadline == CONN_T_RETRY) {
		deadline(c, c->req->asked ? CONN_T_NONE : CONN_T_RETRY, 0);
		return;
	}
	c->deadline = CONN_T_RETRY;
	loop_timer(c->env->loop, &c->timer, CONN_RETRY_MS);
}

/* A pause is no client that is slow: the window of min_rate begins anew behind it. */
static void
deadline_pause(struct conn *c)
{
	c->deadline = CONN_T_PAUSE;
	if (c->pause_soon)
		loop_timer_soon(c->env->loop, &c->timer, c->pause_ms);
	else
		loop_timer(c->env->loop, &c->timer, c->pause_ms);
}

static void
deadline_h2(struct conn *c, enum conn_go go)
{
	const struct settings_limits *l = c->env->limits;
	enum conn_timer what = conn_h2_waits(c);

	if (go == CONN_WRITES || go == CONN_YIELD)
		deadline(c, CONN_T_RATE, CONN_RATE_SECONDS);
	else if (what != CONN_T_IDLE)
		deadline(c, what, l->head_seconds);
	else if (c->deadline != CONN_T_IDLE) /* from the last stream on, whatever it pings */
		deadline(c, CONN_T_IDLE, l->idle_seconds);
}

/* By what it waits for now. */
static void
deadline_set(struct conn *c, enum conn_go go)
{
	const struct settings_limits *l = c->env->limits;

	switch (c->state) {
	case CONN_HANDSHAKE:
		deadline(c, CONN_T_HANDSHAKE, l->handshake_seconds);
		return;
	case CONN_LINGER:
		deadline(c, CONN_T_LINGER, CONN_LINGER_SECONDS);
		return;
	case CONN_RECEIVE: /* it has its own watch on min_rate */
		if (go == CONN_PAUSES)
			deadline_pause(c);
		else
			deadline(c, CONN_T_BODY, l->body_seconds);
		return;
	case CONN_H2:
		deadline_h2(c, go);
		return;
	case CONN_HEAD:
	case CONN_BODY:
	case CONN_ASK:
	case CONN_SEND:
	case CONN_DROP:
	case CONN_FINISH:
		break;
	}
	if (go == CONN_PAUSES)
		deadline_pause(c);
	else if (go == CONN_WAITS && c->state == CONN_SEND)
		deadline(c, CONN_T_NONE, 0); /* for others, whom the agent watches */
	else if (go == CONN_WRITES || go == CONN_YIELD)
		deadline(c, CONN_T_RATE, CONN_RATE_SECONDS);
	else if (c->state == CONN_BODY || c->state == CONN_DROP)
		deadline(c, CONN_T_BODY, l->body_seconds);
	else if (c->state == CONN_ASK)
		deadline_ask(c);
	else if (c->in_n > c->in_at || !c->served)
		deadline(c, CONN_T_HEAD, l->head_seconds);
	else
		deadline(c, CONN_T_IDLE, l->idle_seconds);
}

static void
reset(struct conn *c)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	if (c->wire == NULL)
		(void)setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	conn_close(c);
}

static void
too_slow(struct conn *c)
{
	if (c->state == CONN_H2) {
		conn_h2_end(c);
		conn_drive(c);
		return;
	}
	if (c->state == CONN_DROP || c->req == NULL || (!c->req->begun && c->in_n == c->in_at)) {
		c->state = CONN_FINISH;
	} else {
		c->req->keep = false;
		if (conn_answer_status(c, 408, NULL) == CONN_OVER) {
			conn_close(c);
			return;
		}
	}
	conn_drive(c);
}

static void
on_timer(void *arg)
{
	struct conn *c = arg;
	uint64_t rate = (uint64_t)c->env->limits->min_rate * CONN_RATE_SECONDS;

	switch (c->deadline) {
	case CONN_T_RATE:
		if (c->out.sent - c->rate_mark < rate &&
			(c->wire == NULL || c->wire->stalled(c->wire_arg))) {
			reset(c);
			return;
		}
		c->deadline = CONN_T_NONE;
		deadline(c, CONN_T_RATE, CONN_RATE_SECONDS);
		return;
	case CONN_T_HEAD:
	case CONN_T_BODY:
		too_slow(c);
		return;
	case CONN_T_IDLE:
		if (c->state == CONN_H2)
			conn_h2_end(c);
		c->state = CONN_FINISH;
		conn_drive(c);
		return;
	case CONN_T_RETRY:
		c->deadline = CONN_T_NONE;
		conn_ask_again(c);
		return;
	case CONN_T_PAUSE:
		c->deadline = CONN_T_NONE;
		conn_drive(c);
		return;
	case CONN_T_NONE:
	case CONN_T_HANDSHAKE:
	case CONN_T_LINGER:
		break;
	}
	conn_close(c);
}

/* ---- steps ---- */

static enum conn_go
handshake(struct conn *c)
{
	static const char plain[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
				    "Content-Length: 35\r\nConnection: close\r\n\r\n"
				    "This port speaks HTTPS, not HTTP.\r\n";
	struct err e = {.code = ERR_NONE};

	switch (tls_handshake(c->tls, &e)) {
	case STEP_DONE:
		metric_add(c->env->metrics, METRIC_HANDSHAKES, 1);
		c->state = CONN_HEAD;
		return !tls_http2(c->tls) || conn_h2_begin(c) ? CONN_GO : CONN_OVER;
	case STEP_READ:
		return CONN_READS;
	case STEP_WRITE:
		return CONN_WRITES;
	case STEP_FAIL:
		break;
	}
	metric_add(c->env->metrics, METRIC_HANDSHAKES_FAILED, 1);
	if (e.code != ERR_SYNTAX)
		return CONN_OVER;
	(void)send(c->watch.fd, plain, sizeof(plain) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(c->watch.fd, SHUT_WR);
	c->state = CONN_LINGER;
	return CONN_GO;
}

static enum conn_go
finish(struct conn *c)
{
	enum conn_go go = conn_answer_flush(c);

	if (go != CONN_GO)
		return go;
	if (c->wire != NULL) {
		c->whole = true;
		return CONN_OVER;
	}
	tls_close(c->tls);
	if (c->eof || shutdown(c->watch.fd, SHUT_WR) < 0)
		return CONN_OVER;
	c->state = CONN_LINGER;
	return CONN_GO;
}

/* Closing with unread bytes would make the kernel send a reset, which can overtake the answer. */
static enum conn_go
linger(struct conn *c)
{
	char nothing[4096];

	while (c->lingered < CONN_DROP_MAX) {
		ssize_t n = recv(c->watch.fd, nothing, sizeof(nothing), 0);
		if (n < 0 && errno == EAGAIN)
			return CONN_READS;
		if (n <= 0)
			return CONN_OVER;
		c->lingered += (uint32_t)n;
	}
	return CONN_OVER;
}

static enum conn_go
step(struct conn *c)
{
	switch (c->state) {
	case CONN_HANDSHAKE:
		return handshake(c);
	case CONN_H2:
		return conn_h2_step(c);
	case CONN_HEAD:
		return conn_read_head(c);
	case CONN_BODY:
		return conn_read_body(c);
	case CONN_ASK:
		return CONN_WAITS;
	case CONN_RECEIVE:
		return conn_receive_take(c);
	case CONN_SEND:
		return conn_stream_send(c);
	case CONN_DROP:
		return conn_read_drop(c);
	case CONN_FINISH:
		return finish(c);
	case CONN_LINGER:
		return linger(c);
	}
	return CONN_OVER;
}

void
conn_drive(struct conn *c)
{
	enum conn_go go = CONN_GO;

	c->turn_mark = c->out.sent;
	while (go == CONN_GO)
		go = step(c);
	if ((go == CONN_READS || go == CONN_WAITS) && tls_out_waiting(&c->out) > 0) {
		enum conn_go sent = conn_answer_flush(c);
		go = sent == CONN_GO ? go : sent;
	} else if (go == CONN_READS && c->state == CONN_HEAD) {
		conn_note_flush(c, true);
	}
	if (go == CONN_OVER) {
		conn_close(c);
		return;
	}
	if (go == CONN_YIELD)
		loop_task(c->env->loop, &c->task);
	if (idle(c)) {
		release_in(c);
		release_request(c);
	}
	deadline_set(c, go);
}

static void
on_task(void *arg)
{
	conn_drive(arg);
}

static void
on_event(void *arg, uint32_t events)
{
	struct conn *c = arg;

	if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		conn_close(c);
		return;
	}
	if ((events & (EPOLLIN | EPOLLRDHUP)) != 0)
		tls_wake(c->tls, (events & EPOLLRDHUP) != 0);
	conn_drive(c);
}

/* ---- life ---- */

static void
socket_options(int fd)
{
	int one = 1;
	unsigned timeout = CONN_RATE_SECONDS * SECOND;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

bool
conn_new(struct conn_env *env, int fd, const uint8_t peer[16], struct err *e)
{
	AUTO_FD own = fd;
	AUTO_FREE struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for a connection");
	*c = (struct conn){.env = env,
		.watch = {.fd = fd, .fn = on_event, .arg = c},
		.timer = {.fn = on_timer, .arg = c},
		.task = {.fn = on_task, .arg = c}};
	memcpy(c->peer, peer, sizeof(c->peer));
	socket_options(fd);
	if (!tls_new(env->tls, fd, &c->tls, e))
		return false;
	if (!loop_add(env->loop, &c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, e)) {
		tls_free(c->tls);
		return false;
	}
	c->out = (struct tls_out){.tls = c->tls, .pool = &env->out};
	c->link.prev = env->conns.prev;
	c->link.next = &env->conns;
	env->conns.prev->next = &c->link;
	env->conns.prev = &c->link;
	env->n_conns++;
	metric_add(env->metrics, METRIC_CONNECTIONS, 1);
	metric_add(env->metrics, METRIC_CONNECTIONS_TOTAL, 1);
	(void)take_fd(&own);
	struct conn *made = take_ptr(&c);
	deadline_set(made, CONN_READS);
	return true;
}

struct conn *
conn_new_over(struct conn *under, const struct conn_wire *wire, void *arg)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	*c = (struct conn){.env = under->env,
		.state = CONN_HEAD,
		.tls = under->tls,
		.wire = wire,
		.wire_arg = arg,
		.under = under,
		.watch = {.fd = -1},
		.timer = {.fn = on_timer, .arg = c},
		.task = {.fn = on_task, .arg = c}};
	memcpy(c->peer, under->peer, sizeof(c->peer));
	c->out = (struct tls_out){.sink = &wire->sink, .sink_arg = arg, .pool = &c->env->out};
	return c;
}

/* What only a connection with a socket of its own has. */
static void
close_socket(struct conn *c)
{
	struct conn_env *env = c->env;
	int fd = c->watch.fd;

	loop_del(env->loop, &c->watch);
	tls_free(c->tls);
	(void)close(fd);
	c->link.next->prev = c->link.prev;
	c->link.prev->next = c->link.next;
	env->n_conns--;
	metric_add(env->metrics, METRIC_CONNECTIONS, -1);
	if (c->identity != 0)
		(void)env->gate.identity(env->gate.arg, c->identity, 0);
	env->gate.closed(env->gate.arg, c);
}

void
conn_close(struct conn *c)
{
	struct conn_env *env = c->env;

	conn_h2_free(c);
	if (c->state == CONN_ASK && c->req->asked)
		env->gate.forget(env->gate.arg, c->req->ask_id);
	conn_archive_gone(c);
	conn_note_flush(c, false);
	loop_timer_stop(&c->timer);
	loop_task_stop(&c->task);
	tls_out_release(&c->out);
	release_in(c);
	release_request(c);
	if (c->wire != NULL)
		c->wire->gone(c->wire_arg, c->whole);
	else
		close_socket(c);
	free(c);
}
