/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_courier.h"

#include "agent/base/fdpass.h"
#include "agent/base/log.h"
#include "agent/base/scope.h"
#include "agent/errand.h"

#include <pthread.h>
#include <string.h>

struct gate_courier {
	struct auth *auth;
	pthread_mutex_t
		lock; /* of fd, against those who send; only the reading thread changes it */
	int fd;
	char in[FDPASS_MESSAGE];
};

bool
gate_courier_new(struct auth *auth, struct gate_courier **ret, struct err *e)
{
	struct gate_courier *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the link to the courier");
	g->auth = auth;
	g->fd = -1;
	(void)pthread_mutex_init(&g->lock, NULL);
	auth_courier(auth, gate_courier_send, g);
	*ret = g;
	return true;
}

void
gate_courier_free(struct gate_courier *g)
{
	if (g == NULL)
		return;
	auth_courier(g->auth, NULL, NULL);
	scope_close(&g->fd);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

void
gate_courier_link(struct gate_courier *g, int *fd)
{
	(void)pthread_mutex_lock(&g->lock);
	int old = g->fd;
	g->fd = take_fd(fd);
	(void)pthread_mutex_unlock(&g->lock);
	scope_close(&old);
}

static void
drop(struct gate_courier *g)
{
	int none = -1;

	gate_courier_link(g, &none);
}

int
gate_courier_fd(const struct gate_courier *g)
{
	return g->fd;
}

/* Bytes of the message, or a little more: growing would leave a token behind in the heap. */
static size_t
errand_size(const struct errand *r)
{
	return 128 + r->issuer.n + r->token.n + r->verifier.n + r->redirect.n;
}

bool
gate_courier_send(void *arg, const struct errand *r)
{
	struct gate_courier *g = arg;
	struct buf msg = BUF_INIT(FDPASS_MESSAGE);
	bool sent = false;

	(void)buf_reserve(&msg, errand_size(r));
	errand_write(r, &msg);
	(void)pthread_mutex_lock(&g->lock);
	if (g->fd >= 0 && buf_ok(&msg))
		sent = fdpass_send(g->fd, buf_span(&msg), NULL, 0, NULL) == FDPASS_OK;
	(void)pthread_mutex_unlock(&g->lock);
	if (msg.p != NULL)
		explicit_bzero(msg.p, msg.cap);
	buf_fini(&msg);
	return sent;
}

static bool
take_report(struct gate_courier *g, size_t n, int64_t now_ms)
{
	struct report r;
	struct err e = {0};
	bool read = errand_read_report((struct span){g->in, n}, &r, &e);

	if (read)
		auth_report(g->auth, &r, now_ms);
	else
		log_err(LOG_ERROR, "wire", &e);
	explicit_bzero(g->in, n); /* an answer may hold claims or tokens */
	return read;
}

/* One report.  False: nothing more; *ret_gone: the link is of no use any more. */
static bool
serve_one(struct gate_courier *g, int64_t now_ms, bool *ret_gone)
{
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t n_fds = 0;
	struct err e = {0};
	enum fdpass got = fdpass_recv(g->fd, g->in, sizeof(g->in), &n, fds, &n_fds, &e);

	for (size_t i = 0; i < n_fds; i++) /* a courier has no descriptor to give */
		scope_close(&fds[i]);
	switch (got) {
	case FDPASS_OK:
		*ret_gone = !take_report(g, n, now_ms);
		return !*ret_gone;
	case FDPASS_AGAIN:
		return false;
	case FDPASS_FAIL:
		log_err(LOG_ERROR, "wire", &e);
		break;
	case FDPASS_CLOSED:
		break;
	}
	*ret_gone = true;
	return false;
}

bool
gate_courier_serve(struct gate_courier *g, int64_t now_ms)
{
	unsigned n = 0;
	bool gone = false;

	while (g->fd >= 0 && n < GATE_COURIER_TURN && serve_one(g, now_ms, &gone))
		n++;
	if (gone)
		drop(g);
	return n > 0;
}
