/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A worker with one connection over plain bytes, and a gate that the test answers for. */
#include "agent/http/conn.h"
#include "tests/unit/granted.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

/* ---- the double of agent/http/tls.c: plain bytes over a socketpair ---- */

struct tls {
	int fd;
	bool certificate, http2;
};

bool
tls_new(struct tls_ctx *c, int fd, struct tls **ret, struct err *e)
{
	(void)c;
	(void)e;
	*ret = malloc(sizeof(**ret));
	**ret = (struct tls){.fd = fd};
	return true;
}

void
tls_free(struct tls *t)
{
	free(t);
}

void
tls_wake(struct tls *t, bool peer_closed)
{
	(void)t;
	(void)peer_closed;
}

enum step
tls_handshake(struct tls *t, struct err *e)
{
	(void)t;
	(void)e;
	return STEP_DONE;
}

bool
tls_http2(const struct tls *t)
{
	return t->http2;
}

enum step
tls_read(struct tls *t, char *buf, size_t cap, size_t *ret_n, struct err *e)
{
	ssize_t n = recv(t->fd, buf, cap, MSG_DONTWAIT);

	(void)e;
	if (n < 0)
		return errno == EAGAIN ? STEP_READ : STEP_FAIL;
	*ret_n = (size_t)n;
	return STEP_DONE;
}

enum step
tls_write(struct tls *t, struct span bytes, size_t *ret_n, struct err *e)
{
	ssize_t n = send(t->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)e;
	if (n < 0)
		return errno == EAGAIN ? STEP_WRITE : STEP_FAIL;
	*ret_n = (size_t)n;
	return STEP_DONE;
}

enum step
tls_push(struct tls *t, struct err *e)
{
	(void)t;
	(void)e;
	return STEP_DONE;
}

size_t
tls_pending(const struct tls *t)
{
	(void)t;
	return 0;
}

void
tls_close(struct tls *t)
{
	(void)t;
}

bool
tls_client_certificate(const struct tls *t, uint8_t ret[32])
{
	if (t->certificate)
		memset(ret, 7, 32);
	return t->certificate;
}

/* ---- a worker with one connection, and a gate that the test answers for ---- */

#define SMALL 20U
#define BIG   300000U

struct world {
	struct loop loop;
	struct conn_env env;
	struct settings_limits limits;
	uint64_t epoch;
	struct granted small, big;
	int client;
	struct buf got;
	bool closed;
	/* the question in flight */
	struct conn *asking;
	enum http_method method;
	char path[64];
	struct buf body;
	char who[256]; /* "dpop|session|login|origin|fetch_site|", and flags: 2 proofs, again, cert
			*/
	bool keep, mute, deny;
	/* a PUT: sees each question, and gives the answer; NULL: as others */
	void (*put_asked)(struct world *w, const struct http_ask *q);
	void (*put_answer)(struct world *w, struct http_answer *a);
	void *own;        /* of those two */
	unsigned n_stale; /* so many answers carry the grant of the last epoch */
	unsigned n_asks, n_forgotten, n_done, n_closed;
	struct http_done done;
	char done_file[64]; /* of the last note with one */
	uint64_t done_ranges[4];
	/* what a regrant and a refusal bring along */
	struct grant_rate rate;
	uint32_t audit_from, max_age;
	int64_t expires; /* 0: far away */
	struct http_finish finish;
	int n_identities;
};

static inline bool
on_ask(void *arg, struct conn *c, struct http_ask *q)
{
	struct world *w = arg;

	q->id = ++w->n_asks;
	w->asking = c;
	w->method = q->method;
	(void)snprintf(w->who, sizeof(w->who), "%.*s|%.*s|%.*s|%.*s|%.*s|%s%s%s", SPAN_ARG(q->dpop),
		SPAN_ARG(q->session), SPAN_ARG(q->login), SPAN_ARG(q->origin),
		SPAN_ARG(q->fetch_site), q->two_proofs ? "2" : "", q->again ? "a" : "",
		q->has_certificate && q->certificate[31] == 7 ? "c" : "");
	buf_reset(&w->body);
	buf_add(&w->body, q->body);
	if (q->method == HTTP_PUT && w->put_asked != NULL)
		w->put_asked(w, q);
	return span_cstr(q->path, w->path, sizeof(w->path));
}

static inline void
on_forget(void *arg, uint64_t id)
{
	struct world *w = arg;

	assert_int_equal(id, w->n_asks);
	w->asking = NULL;
	w->n_forgotten++;
}

static inline void
on_done(void *arg, const struct http_done *d)
{
	struct world *w = arg;

	w->n_done++;
	w->done = *d;
	if (d->file.p != NULL)
		(void)span_cstr(d->file, w->done_file, sizeof(w->done_file));
	if (d->ranges.n > 0 && d->ranges.n <= sizeof(w->done_ranges))
		memcpy(w->done_ranges, d->ranges.p, d->ranges.n);
}

static inline bool
on_identity(void *arg, uint64_t was, uint64_t is)
{
	struct world *w = arg;

	if (is != 0 && w->n_identities >= 1 && was == 0)
		return false;
	w->n_identities += (is != 0) - (was != 0);
	return true;
}

static inline void
on_closed(void *arg, struct conn *c)
{
	(void)c;
	((struct world *)arg)->n_closed++;
}

/* The same files under the epoch of now. */
static inline void
regrant(struct world *w)
{
	struct granted *files[] = {&w->small, &w->big};

	for (size_t i = 0; i < 2; i++) {
		struct grant_info info = *grant_info(files[i]->grant);
		if (info.epoch == w->epoch)
			continue;
		int fd = fcntl(files[i]->fd, F_DUPFD_CLOEXEC, 0);
		info.epoch = w->epoch;
		info.decision++;
		info.rate = w->rate;
		info.audit_from = w->audit_from;
		info.max_age = w->max_age;
		if (w->expires != 0)
			info.expires = w->expires;
		grant_unref(files[i]->grant);
		assert_true(grant_issue(&fd, &info, &files[i]->grant, NULL));
	}
}

static inline void
answer(struct world *w)
{
	struct http_answer a = {.status = 404,
		.body = HTTP_INLINE,
		.text = SPAN("no such file\n"),
		.finish = w->finish};
	struct conn *c = w->asking;

	if (c == NULL || w->mute)
		return;
	w->asking = NULL;
	if (w->n_stale > 0)
		w->n_stale--;
	else
		regrant(w);
	a.fields = SPAN("Content-Type: text/plain\r\n");
	if (w->method == HTTP_PUT && w->put_answer != NULL) {
		w->put_answer(w, &a);
		conn_answered(c, &a);
		return;
	}
	if (w->method == HTTP_PROPFIND) {
		a.status = 207;
		a.text = buf_span(&w->body);
	} else if (!w->deny &&
		   (strcmp(w->path, "/data/x/small") == 0 || strcmp(w->path, "/data/x/big") == 0)) {
		struct granted *g = w->path[8] == 's' ? &w->small : &w->big;
		a = (struct http_answer){.status = 200,
			.body = HTTP_FILE,
			.fields = a.fields,
			.grant = grant_ref(g->grant),
			.ranges = true,
			.keep = w->keep};
	} else if (strcmp(w->path, "/data/x/public") == 0) {
		a.status = 200;
		a.fields = SPAN(
			"Content-Type: application/json\r\nCache-Control: public, max-age=9\r\n");
		a.text = SPAN("{}");
		a.rate = w->rate;
	}
	conn_answered(c, &a);
}

static inline void
world_begin(struct world *w)
{
	static const struct span own[] = {SPAN_INIT("h")};
	static const uint8_t seed[16];
	static const uint8_t peer[16];
	int pair[2];

	*w = (struct world){.limits = {1, 1, 1, 1, 1024, 100, 100, 100, 1, 16, 0},
		.epoch = GRANTED_EPOCH,
		.got = BUF_INIT(4 << 20),
		.body = BUF_INIT(1 << 20)};
	assert_true(loop_init(&w->loop, NULL));
	w->env = (struct conn_env){.loop = &w->loop,
		.limits = &w->limits,
		.own = own,
		.n_own = 1,
		.epoch = &w->epoch,
		.gate = {w, on_ask, on_forget, on_done, on_identity, on_closed}};
	assert_true(conn_env_init(&w->env, NULL));
	assert_true(kept_new(4, seed, &w->env.kept, NULL));
	assert_true(rate_table_new(64, &w->env.rates, NULL));
	w->small = granted_make(SMALL);
	w->big = granted_make(BIG);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	w->client = pair[0];
	assert_true(conn_new(&w->env, pair[1], peer, NULL));
}

static inline void
world_end(struct world *w)
{
	conn_env_fini(&w->env);
	rate_table_free(w->env.rates);
	kept_free(w->env.kept);
	loop_fini(&w->loop);
	granted_end(&w->small);
	granted_end(&w->big);
	buf_fini(&w->got);
	buf_fini(&w->body);
	(void)close(w->client);
}

static inline void
drink(struct world *w)
{
	char p[65536];

	for (;;) {
		ssize_t n = recv(w->client, p, sizeof(p), MSG_DONTWAIT);
		if (n == 0)
			w->closed = true;
		if (n <= 0)
			return;
		buf_add(&w->got, (struct span){p, (size_t)n});
	}
}

/* Turns until nothing moves any more. */
static inline void
settle(struct world *w)
{
	for (int still = 0; still < 4; still++) {
		size_t before = w->got.n;
		unsigned asks = w->n_asks;
		assert_true(loop_turn(&w->loop, 0, NULL));
		answer(w);
		drink(w);
		if (w->got.n != before || w->n_asks != asks)
			still = -1;
	}
}

static inline void
say(struct world *w, struct span text, size_t step)
{
	while (text.n > 0 && !w->closed) {
		struct span now = span_first(text, step);
		ssize_t n = send(w->client, now.p, now.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return;
		text = span_skip(text, n > 0 ? (size_t)n : 0);
		settle(w);
	}
	settle(w);
}

/* "200 404 ", the statuses of what came. */
static inline void
statuses(struct span got, char *ret)
{
	const char *at = got.p;
	size_t left = got.n;

	*ret = '\0';
	while (left > 0 && (at = memmem(at, left, "HTTP/1.1 ", 9)) != NULL) {
		memcpy(ret, at + 9, 4);
		ret += 4;
		*ret = '\0';
		at += 9;
		left = (size_t)(got.p + got.n - at);
	}
}

#define GET(path)   "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define WITH(field) "GET /data/x/small HTTP/1.1\r\nHost: h\r\n" field "\r\n\r\n"
