/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_indexer.h"

#include "agent/base/fdpass.h"
#include "agent/base/log.h"
#include "agent/base/scope.h"

#include <pthread.h>
#include <stdlib.h>

#define MESSAGE_MAX 16384U

struct gate_indexer {
	pthread_mutex_t lock; /* of all below; only the reading thread changes fd */
	int fd;
	uint64_t next;                      /* number of the next wish */
	uint64_t open[GATE_INDEXER_WISHES]; /* not reported yet; 0: free */
};

bool
gate_indexer_new(struct gate_indexer **ret, struct err *e)
{
	struct gate_indexer *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the link to the indexer");
	g->fd = -1;
	g->next = 1;
	(void)pthread_mutex_init(&g->lock, NULL);
	*ret = g;
	return true;
}

void
gate_indexer_free(struct gate_indexer *g)
{
	if (g == NULL)
		return;
	scope_close(&g->fd);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

void
gate_indexer_link(struct gate_indexer *g, int *fd)
{
	(void)pthread_mutex_lock(&g->lock);
	int old = g->fd;
	g->fd = take_fd(fd);
	for (size_t i = 0; i < GATE_INDEXER_WISHES; i++)
		g->open[i] = 0;
	(void)pthread_mutex_unlock(&g->lock);
	scope_close(&old);
}

int
gate_indexer_fd(const struct gate_indexer *g)
{
	return g->fd;
}

static uint64_t *
slot_of(struct gate_indexer *g, uint64_t id)
{
	for (size_t i = 0; i < GATE_INDEXER_WISHES; i++)
		if (g->open[i] == id)
			return &g->open[i];
	return NULL;
}

uint64_t
gate_indexer_wish(struct gate_indexer *g, const struct wish *w)
{
	struct wish mine = *w;
	AUTO_BUF msg = BUF_INIT(MESSAGE_MAX);
	uint64_t id = 0;

	if (g == NULL)
		return 0;
	(void)pthread_mutex_lock(&g->lock);
	uint64_t *slot = g->fd >= 0 ? slot_of(g, 0) : NULL;
	if (slot != NULL) {
		mine.id = g->next;
		wish_write(&mine, &msg);
		if (buf_ok(&msg) &&
			fdpass_send(g->fd, buf_span(&msg), NULL, 0, NULL) == FDPASS_OK) {
			id = g->next++;
			*slot = id;
		}
	}
	(void)pthread_mutex_unlock(&g->lock);
	return id;
}

bool
gate_indexer_over(struct gate_indexer *g, uint64_t id)
{
	if (g == NULL || id == 0)
		return true;
	(void)pthread_mutex_lock(&g->lock);
	bool over = slot_of(g, id) == NULL;
	(void)pthread_mutex_unlock(&g->lock);
	return over;
}

void
gate_indexer_forget(struct gate_indexer *g, uint64_t id)
{
	if (g == NULL || id == 0)
		return;
	(void)pthread_mutex_lock(&g->lock);
	uint64_t *slot = slot_of(g, id);
	if (slot != NULL)
		*slot = 0;
	(void)pthread_mutex_unlock(&g->lock);
}

/* One report.  False: nothing more; *ret_gone: the link is of no use any more. */
static bool
serve_one(struct gate_indexer *g, bool *ret_gone)
{
	char in[MESSAGE_MAX];
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t n_fds = 0;
	struct wish_report r;
	struct err e = {0};
	enum fdpass got = fdpass_recv(g->fd, in, sizeof(in), &n, fds, &n_fds, &e);

	for (size_t i = 0; i < n_fds; i++) /* it has no descriptor to give */
		scope_close(&fds[i]);
	if (got == FDPASS_AGAIN)
		return false;
	*ret_gone = got != FDPASS_OK || !wish_read_report((struct span){in, n}, &r, &e);
	if (*ret_gone)
		return false;
	gate_indexer_forget(g, r.id);
	return true;
}

bool
gate_indexer_serve(struct gate_indexer *g)
{
	unsigned n = 0;
	bool gone = false;

	while (g->fd >= 0 && n < GATE_INDEXER_WISHES && serve_one(g, &gone))
		n++;
	if (gone) {
		int none = -1;
		gate_indexer_link(g, &none);
	}
	return n > 0 || gone;
}
