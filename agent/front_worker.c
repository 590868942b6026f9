/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front_worker.h"

#include "agent/base/loop.h"
#include "agent/base/scope.h"
#include "agent/front_link.h"
#include "agent/http/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define LISTENERS    16U  /* for one worker */
#define ACCEPT_BATCH 64U  /* connections taken in one turn */
#define SWEEP_MS     1000 /* kept answers that ended */
#define ACCEPT_PAUSE 500  /* ms without descriptors or memory */

struct front_worker {
	struct front_setup own; /* its lists must live as long */
	pthread_t thread;
	bool started;
	struct loop loop;
	struct conn_env env;
	struct front_link *link;
	struct loop_fd listener[LISTENERS];
	size_t n_listeners;
	bool accepting;
	int spare; /* given up for a moment when descriptors run out */
	struct loop_timer resume, sweep, drain;
	bool drained; /* its time is over */
	/* the mailbox of other threads */
	struct loop_fd bell;
	atomic_int mail_link; /* -1: none */
	atomic_bool mail_go, mail_drain, ended;
};

/* ---- accepting ---- */

static void
peer_of(const struct sockaddr_storage *from, uint8_t ret[16])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;

	memset(ret, 0, 16);
	if (from->ss_family == AF_INET6) {
		memcpy(ret, &v6->sin6_addr, 16);
		return;
	}
	ret[10] = 0xff;
	ret[11] = 0xff;
	if (from->ss_family == AF_INET)
		memcpy(ret + 12, &v4->sin_addr, 4);
}

static void
listen_on(struct front_worker *w)
{
	if (w->accepting)
		return;
	w->accepting = true;
	for (size_t i = 0; i < w->n_listeners; i++)
		(void)loop_add(&w->loop, &w->listener[i], EPOLLIN | EPOLLEXCLUSIVE, NULL);
}

static void
listen_off(struct front_worker *w)
{
	if (!w->accepting)
		return;
	w->accepting = false;
	for (size_t i = 0; i < w->n_listeners; i++) {
		int fd = w->listener[i].fd;
		loop_del(&w->loop, &w->listener[i]);
		w->listener[i].fd = fd;
	}
}

/*
 * No descriptor left: use the spare one to turn the client at the head of the queue away, then let
 * the others wait until a connection ends, instead of spinning.
 */
static void
out_of_descriptors(struct front_worker *w, int listener)
{
	if (w->spare >= 0)
		(void)close(take_fd(&w->spare));
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		(void)close(fd);
	w->spare = fcntl(w->bell.fd, F_DUPFD_CLOEXEC, 0);
	listen_off(w);
	loop_timer(&w->loop, &w->resume, ACCEPT_PAUSE);
}

/* False: no more now. */
static bool
accept_one(struct front_worker *w, int listener)
{
	struct sockaddr_storage from = {0};
	socklen_t n = sizeof(from);
	uint8_t peer[16];
	int fd = accept4(listener, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		if (kept_yield(w->own.kept, FRONT_LINK_SHORT) > 0)
			return true; /* there may be room now */
		out_of_descriptors(w, listener);
		return false;
	}
	if (fd >= w->own.high)
		(void)kept_yield(w->own.kept, front_link_give_up(fd, w->own.high));
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR;
	peer_of(&from, peer);
	if (!front_peers_enter(w->own.peers, peer)) {
		(void)close(fd);
		return true;
	}
	if (!conn_new(&w->env, fd, peer, NULL))
		front_peers_leave(w->own.peers, peer);
	return true;
}

static void
on_listener(void *arg, uint32_t events)
{
	struct front_worker *w = arg;

	(void)events;
	for (size_t i = 0; i < w->n_listeners; i++) {
		unsigned n = 0;
		while (w->accepting && n < ACCEPT_BATCH && accept_one(w, w->listener[i].fd))
			n++;
	}
}

static void
on_resume(void *arg)
{
	struct front_worker *w = arg;

	if (!w->env.draining)
		listen_on(w);
}

static void
on_closed(void *arg, struct conn *c)
{
	struct front_worker *w = arg;

	front_peers_leave(w->own.peers, c->peer);
	if (loop_timer_runs(&w->resume)) {
		loop_timer_stop(&w->resume);
		loop_timer(&w->loop, &w->resume, 0);
	}
}

/* ---- the gate, for connections ---- */

static bool
on_ask(void *arg, struct conn *c, struct http_ask *q)
{
	return front_link_ask(((struct front_worker *)arg)->link, c, q);
}

static void
on_forget(void *arg, uint64_t id)
{
	front_link_forget(((struct front_worker *)arg)->link, id);
}

static void
on_done(void *arg, const struct http_done *d)
{
	front_link_done(((struct front_worker *)arg)->link, d);
}

static bool
on_identity(void *arg, uint64_t was, uint64_t is)
{
	struct front_worker *w = arg;
	uint8_t key[16] = {0};

	memcpy(key, &is, sizeof(is));
	if (is != 0 && !front_peers_enter(w->own.identities, key))
		return false;
	memcpy(key, &was, sizeof(was));
	if (was != 0)
		front_peers_leave(w->own.identities, key);
	return true;
}

/* The lowest free number is taken, so that a high one means that they run short. */
static void
on_short(void *arg, size_t n)
{
	(void)kept_yield(((struct front_worker *)arg)->own.kept, n);
}

/* ---- mail ---- */

static void
ring(struct front_worker *w)
{
	uint64_t one = 1;

	if (write(w->bell.fd, &one, sizeof(one)) < 0) {
		/* full: the bell is ringing already */
	}
}

/* Closing a listener drops who waits in its queue: take all of them first. */
static void
drain_begin(struct front_worker *w)
{
	if (w->env.draining)
		return;
	for (size_t i = 0; i < w->n_listeners && w->accepting; i++) {
		while (w->accepting && accept_one(w, w->listener[i].fd)) {
		}
	}
	listen_off(w);
	for (size_t i = 0; i < w->n_listeners; i++)
		(void)close(take_fd(&w->listener[i].fd));
	w->n_listeners = 0;
	conn_env_drain(&w->env);
	loop_timer(&w->loop, &w->drain, (int64_t)w->own.settings->limits.drain_seconds * 1000);
}

static void
on_bell(void *arg, uint32_t events)
{
	struct front_worker *w = arg;
	uint64_t n = 0;

	(void)events;
	if (read(w->bell.fd, &n, sizeof(n)) < 0)
		return;
	int fd = atomic_exchange(&w->mail_link, -1);
	if (fd >= 0)
		front_link_up(w->link, fd);
	if (atomic_load(&w->mail_go) && !w->env.draining)
		listen_on(w);
	if (atomic_load(&w->mail_drain))
		drain_begin(w);
}

/* ---- time ---- */

static void
on_sweep(void *arg)
{
	struct front_worker *w = arg;

	kept_sweep(w->env.kept, w->loop.utc, __atomic_load_n(w->env.epoch, __ATOMIC_ACQUIRE));
	loop_timer(&w->loop, &w->sweep, SWEEP_MS);
}

static void
on_drained(void *arg)
{
	((struct front_worker *)arg)->drained = true;
}

static bool
runs(const struct front_worker *w)
{
	if (!w->env.draining)
		return true;
	return !w->drained && (w->env.n_conns > 0 || !front_link_quiet(w->link));
}

static void *
thread_main(void *arg)
{
	struct front_worker *w = arg;
	struct err e;

	while (runs(w) && loop_turn(&w->loop, -1, &e)) {
	}
	conn_env_fini(&w->env);
	front_link_push(w->link);
	atomic_store(&w->ended, true);
	return NULL;
}

/* ---- life ---- */

static bool
prepare(struct front_worker *w, struct err *e)
{
	const struct front_setup *s = &w->own;

	w->env.loop = &w->loop;
	w->env.limits = &s->settings->limits;
	w->env.copies = s->settings->transfer.push;
	w->env.own = s->own;
	w->env.n_own = s->n_own;
	w->env.epoch = s->epoch;
	w->env.metrics = s->metrics;
	w->env.rates = s->rates;
	w->env.kept = s->kept;
	w->env.share = s->share;
	w->env.gate = (struct conn_gate){w, on_ask, on_forget, on_done, on_identity, on_closed};
	memcpy(w->env.identity_key, s->identity_key, sizeof(w->env.identity_key));
	memcpy(w->env.boundary_key, s->boundary_key, sizeof(w->env.boundary_key));
	if (!loop_init(&w->loop, e) || !conn_env_init(&w->env, e))
		return false;
	w->bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->bell.fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "eventfd");
	w->spare = fcntl(w->bell.fd, F_DUPFD_CLOEXEC, 0);
	if (!loop_add(&w->loop, &w->bell, EPOLLIN, e) || !front_link_new(&w->loop, &w->link, e))
		return false;
	front_link_short(w->link, s->high, on_short, w);
	return tls_ctx_new(s->pairs, s->n_pairs, s->keys, s->backend, &w->env.tls, e) &&
	       (!s->settings->tls_record_writer ||
		       tls_ctx_write_records(w->env.tls, TLS_RECORD_MOST, e)) &&
	       (!s->settings->client_certificates || tls_ctx_ask_clients(w->env.tls, e));
}

static void
worker_free(struct front_worker *w)
{
	front_link_free(w->link);
	tls_ctx_free(w->env.tls);
	for (size_t i = 0; i < w->n_listeners; i++)
		(void)close(w->listener[i].fd);
	int mail = atomic_load(&w->mail_link);
	if (mail >= 0)
		(void)close(mail);
	if (w->spare >= 0)
		(void)close(w->spare);
	if (w->bell.fd >= 0)
		(void)close(w->bell.fd);
	loop_fini(&w->loop);
	free(w);
}

bool
front_worker_new(const struct front_setup *s, struct front_worker **ret, struct err *e)
{
	struct front_worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for a worker");
	w->own = *s;
	w->spare = -1;
	w->loop.epfd = -1;
	w->bell = (struct loop_fd){.fd = -1, .fn = on_bell, .arg = w};
	w->resume = (struct loop_timer){.fn = on_resume, .arg = w};
	w->sweep = (struct loop_timer){.fn = on_sweep, .arg = w};
	w->drain = (struct loop_timer){.fn = on_drained, .arg = w};
	atomic_init(&w->mail_link, -1);
	if (!prepare(w, e)) {
		worker_free(w);
		return false;
	}
	for (size_t i = 0; i < s->n_listen && i < LISTENERS; i++) {
		int fd = fcntl(s->listen[i], F_DUPFD_CLOEXEC, 0);
		if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
			worker_free(w);
			return err_set(e, ERR_SYSTEM, NULL, "take a listening socket");
		}
		w->listener[w->n_listeners++] =
			(struct loop_fd){.fd = fd, .fn = on_listener, .arg = w};
	}
	loop_timer(&w->loop, &w->sweep, SWEEP_MS);
	*ret = w;
	return true;
}

bool
front_worker_start(struct front_worker *w, struct err *e)
{
	errno = pthread_create(&w->thread, NULL, thread_main, w);
	if (errno != 0)
		return err_set(e, ERR_SYSTEM, NULL, "start a worker thread");
	w->started = true;
	return true;
}

void
front_worker_go(struct front_worker *w)
{
	atomic_store(&w->mail_go, true);
	ring(w);
}

void
front_worker_link(struct front_worker *w, int fd)
{
	int old = atomic_exchange(&w->mail_link, fd);

	if (old >= 0)
		(void)close(old);
	ring(w);
}

void
front_worker_drain(struct front_worker *w)
{
	atomic_store(&w->mail_drain, true);
	ring(w);
}

bool
front_worker_ended(const struct front_worker *w)
{
	return atomic_load(&w->ended);
}

void
front_worker_join(struct front_worker *w)
{
	if (w->started)
		(void)pthread_join(w->thread, NULL);
	worker_free(w);
}
