/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_mover.h"

#include "agent/base/fdpass.h"
#include "agent/base/log.h"
#include "agent/base/scope.h"
#include "policy/audit_record.h"

#include <pthread.h>
#include <string.h>

struct gate_mover {
	struct audit *audit;
	struct metrics *metrics;
	pthread_mutex_t
		lock; /* of fd, against those who send; only the reading thread changes it */
	int fd;
	char in[FDPASS_MESSAGE];
};

bool
gate_mover_new(struct audit *audit, struct metrics *metrics, struct gate_mover **ret, struct err *e)
{
	struct gate_mover *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the link to the mover");
	g->audit = audit;
	g->metrics = metrics;
	g->fd = -1;
	(void)pthread_mutex_init(&g->lock, NULL);
	*ret = g;
	return true;
}

void
gate_mover_free(struct gate_mover *g)
{
	if (g == NULL)
		return;
	scope_close(&g->fd);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

void
gate_mover_link(struct gate_mover *g, int *fd)
{
	(void)pthread_mutex_lock(&g->lock);
	int old = g->fd;
	g->fd = take_fd(fd);
	(void)pthread_mutex_unlock(&g->lock);
	scope_close(&old);
}

int
gate_mover_fd(const struct gate_mover *g)
{
	return g->fd;
}

/* Bytes of the message, or a little more: growing would leave a token behind in the heap. */
static size_t
haul_size(const struct haul *h)
{
	return 256 + h->url.n + h->fields.n + h->file.n;
}

bool
gate_mover_send(struct gate_mover *g, const struct haul *h, int file, int pipe)
{
	struct buf msg = BUF_INIT(FDPASS_MESSAGE);
	const int fds[2] = {file, pipe};
	bool sent = false;

	(void)buf_reserve(&msg, haul_size(h));
	haul_write(h, &msg);
	(void)pthread_mutex_lock(&g->lock);
	if (g->fd >= 0 && buf_ok(&msg))
		sent = fdpass_send(g->fd, buf_span(&msg), fds, 2, NULL) == FDPASS_OK;
	(void)pthread_mutex_unlock(&g->lock);
	buf_wipe(&msg);
	return sent;
}

static void
record(struct gate_mover *g, const struct haul_ended *h, int64_t now_ms)
{
	static const char *const results[] = {"complete", "client-gone", "cut", "error"};
	const uint64_t whole[1][2] = {{0, h->size > 0 ? h->size - 1 : 0}};
	struct audit_closing c = {.decision = h->decision,
		.bytes = h->bytes,
		.result = results[h->result],
		.to = h->host,
		.full = h->file.p != NULL,
		.file = h->file,
		.ranges = whole,
		.n_ranges = h->size > 0 ? 1 : 0};
	struct audit_item item = {.kind = "close"};
	struct err e = {.code = ERR_NONE};
	AUTO_BUF text = BUF_INIT(AUDIT_LINE_MAX);

	memcpy(c.trace, h->trace, sizeof(c.trace));
	audit_record_close(&text, &c);
	item.rest = buf_span(&text);
	bool ok = buf_ok(&text) && audit_append(g->audit, &item, 1, now_ms, &e);
	metric_add(g->metrics, ok ? METRIC_AUDIT_RECORDS : METRIC_AUDIT_FAILED, 1);
	if (!ok)
		log_err(LOG_ERROR, "audit", &e);
}

/* One report.  False: nothing more; *ret_gone: the link is of no use any more. */
static bool
serve_one(struct gate_mover *g, int64_t now_ms, bool *ret_gone)
{
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t n_fds = 0;
	struct haul_ended h;
	struct err e = {.code = ERR_NONE};
	enum fdpass got = fdpass_recv(g->fd, g->in, sizeof(g->in), &n, fds, &n_fds, &e);

	for (size_t i = 0; i < n_fds; i++) /* a mover has no descriptor to give */
		scope_close(&fds[i]);
	if (got == FDPASS_AGAIN)
		return false;
	if (got == FDPASS_OK && haul_read_ended((struct span){g->in, n}, &h, &e)) {
		record(g, &h, now_ms);
		return true;
	}
	if (got != FDPASS_CLOSED)
		log_err(LOG_ERROR, "link", &e);
	*ret_gone = true;
	return false;
}

void
gate_mover_serve(struct gate_mover *g, int64_t now_ms)
{
	int none = -1;
	bool gone = false;

	for (unsigned i = 0; g->fd >= 0 && i < GATE_MOVER_TURN && serve_one(g, now_ms, &gone);
		i++) {
	}
	if (gone)
		gate_mover_link(g, &none);
}
