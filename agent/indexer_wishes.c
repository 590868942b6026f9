/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/indexer_wishes.h"

#include "agent/base/fdpass.h"
#include "agent/base/log.h"
#include "agent/base/scope.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define MESSAGE_MAX 16384U

struct waiting {
	struct wish wish; /* its spans lie in text */
	unsigned gate;
	char *text;
};

struct gate_link {
	int fd;          /* -1: free */
	unsigned number; /* which of all links that ever were */
};

struct indexer_wishes {
	int events;
	struct gate_link gate[INDEXER_GATES];
	unsigned links;
	struct waiting list[INDEXER_WISHES]; /* the oldest first */
	size_t n;
};

bool
indexer_wishes_new(struct indexer_wishes **ret, struct err *e)
{
	struct indexer_wishes *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the gates' wishes");
	w->events = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < INDEXER_GATES; i++)
		w->gate[i].fd = -1;
	if (w->events < 0) {
		free(w);
		return err_set(e, ERR_SYSTEM, NULL, "epoll_create1");
	}
	*ret = w;
	return true;
}

void
indexer_wishes_free(struct indexer_wishes *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < INDEXER_GATES; i++)
		scope_close(&w->gate[i].fd);
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i].text);
	scope_close(&w->events);
	free(w);
}

bool
indexer_wishes_watch(struct indexer_wishes *w, int also, struct err *e)
{
	struct epoll_event ev = {.events = EPOLLIN};

	return epoll_ctl(w->events, EPOLL_CTL_ADD, also, &ev) == 0 ||
	       err_set(e, ERR_SYSTEM, NULL, "epoll_ctl");
}

int
indexer_wishes_fd(const struct indexer_wishes *w)
{
	return w->events;
}

void
indexer_wishes_link(struct indexer_wishes *w, int fd)
{
	struct gate_link *at = &w->gate[0];
	struct err e = {0};

	for (size_t i = 0; i < INDEXER_GATES; i++) {
		if (w->gate[i].fd < 0) {
			at = &w->gate[i];
			break;
		}
		if (w->gate[i].number < at->number)
			at = &w->gate[i]; /* the oldest has to go */
	}
	scope_close(&at->fd);
	*at = (struct gate_link){.fd = fd, .number = w->links++};
	if (!indexer_wishes_watch(w, fd, &e))
		log_err(LOG_ERROR, "link", &e);
}

static void
tell(struct indexer_wishes *w, unsigned number, uint64_t id, enum wish_result result)
{
	const struct wish_report r = {.id = id, .result = result};
	AUTO_BUF msg = BUF_INIT(64);

	wish_write_report(&r, &msg);
	for (size_t i = 0; i < INDEXER_GATES; i++)
		if (w->gate[i].fd >= 0 && w->gate[i].number == number)
			(void)fdpass_send(w->gate[i].fd, buf_span(&msg), NULL, 0, NULL);
}

static void
keep(struct indexer_wishes *w, const struct gate_link *from, struct span msg)
{
	struct waiting *at = &w->list[w->n];
	struct wish seen;
	struct err e = {0};

	if (!wish_read(msg, &seen, &e)) {
		log_err(LOG_ERROR, "wire", &e);
		return;
	}
	bool room = w->n < INDEXER_WISHES &&
		    (seen.kind != WISH_DIGESTS ||
			    indexer_wishes_count_of(w, WISH_DIGESTS) < INDEXER_LATE);
	char *text = room ? malloc(msg.n) : NULL;
	if (text == NULL) {
		tell(w, from->number, seen.id, WISH_BUSY);
		return;
	}
	memcpy(text, msg.p, msg.n);
	*at = (struct waiting){.gate = from->number, .text = text};
	(void)wish_read((struct span){text, msg.n}, &at->wish, NULL); /* as before, in place */
	w->n++;
}

void
indexer_wishes_take(struct indexer_wishes *w)
{
	char in[MESSAGE_MAX];
	int fds[FDPASS_MAX];

	for (size_t i = 0; i < INDEXER_GATES; i++) {
		struct gate_link *g = &w->gate[i];
		enum fdpass got = FDPASS_OK;
		while (g->fd >= 0 && got == FDPASS_OK) {
			size_t n = 0;
			size_t n_fds = 0;
			got = fdpass_recv(g->fd, in, sizeof(in), &n, fds, &n_fds, NULL);
			for (size_t k = 0; k < n_fds; k++) /* it has no descriptor to give */
				scope_close(&fds[k]);
			if (got == FDPASS_OK)
				keep(w, g, (struct span){in, n});
		}
		if (got == FDPASS_CLOSED || got == FDPASS_FAIL) {
			scope_close(&g->fd); /* and with it its place in the epoll set */
			g->fd = -1;
		}
	}
}

static const struct waiting *
oldest(const struct indexer_wishes *w, enum wish_kind kind)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->list[i].wish.kind == kind)
			return &w->list[i];
	return NULL;
}

bool
indexer_wishes_next(const struct indexer_wishes *w, enum wish_kind kind, struct wish *ret)
{
	const struct waiting *first = oldest(w, kind);

	if (first != NULL)
		*ret = first->wish;
	return first != NULL;
}

/* Would a run for `a` also have done what `b` wishes?  Wishes came before it began. */
static bool
covers(const struct wish *a, const struct wish *b)
{
	return a->kind == b->kind && span_eq(a->root, b->root) && span_eq(a->folder, b->folder) &&
	       (a->path.p == NULL) == (b->path.p == NULL) && span_eq(a->path, b->path);
}

void
indexer_wishes_done(struct indexer_wishes *w, enum wish_kind kind, bool ok)
{
	const struct waiting *at = oldest(w, kind);
	size_t kept = 0;

	if (at == NULL)
		return;
	struct waiting first = *at;
	for (size_t i = 0; i < w->n; i++) {
		struct waiting *one = &w->list[i];
		if (!covers(&first.wish, &one->wish)) {
			w->list[kept++] = *one;
			continue;
		}
		tell(w, one->gate, one->wish.id, ok ? WISH_DONE : WISH_FAILED);
		if (one->text != first.text)
			free(one->text);
	}
	free(first.text);
	w->n = kept;
}

size_t
indexer_wishes_count(const struct indexer_wishes *w)
{
	return w->n;
}

size_t
indexer_wishes_count_of(const struct indexer_wishes *w, enum wish_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->list[i].wish.kind == kind;
	return n;
}
