/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/indexer_pool.h"

#include "agent/base/fdpass.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"

#include <errno.h>
#include <poll.h>

#define GRACE_MS 1000U /* the reader's own alarm comes first */
#define ALARM_MS 300U  /* which may be noticed that much before the deadline is over */

void
indexer_pool_serve(struct indexer_pool *p, const struct indexer_pool_calls *calls)
{
	p->calls = *calls;
}

void
indexer_pool_init(struct indexer_pool *p)
{
	p->calls = (struct indexer_pool_calls){0};
	p->seen = proc_now_ms();
	for (size_t i = 0; i < POOL_READERS; i++)
		p->slot[i] = (struct indexer_pool_slot){.fd = -1};
}

void
indexer_pool_fini(struct indexer_pool *p)
{
	for (size_t i = 0; i < POOL_READERS; i++) {
		scope_close(&p->slot[i].fd);
		p->slot[i].fd = -1;
	}
}

static void
finish(struct indexer_pool *p, struct indexer_pool_slot *s, enum indexer_pool_end how,
	struct span text)
{
	void *ticket = s->ticket;

	s->ticket = NULL;
	if (ticket != NULL)
		p->calls.done(p->calls.ctx, ticket, how, text);
}

/* The link is of no more use. */
static void
lose(struct indexer_pool *p, struct indexer_pool_slot *s, enum indexer_pool_end how)
{
	scope_close(&s->fd);
	s->fd = -1;
	p->seen = proc_now_ms();
	finish(p, s, how, SPAN_NONE);
}

void
indexer_pool_link(struct indexer_pool *p, unsigned slot, int fd)
{
	if (slot >= POOL_READERS) {
		scope_close(&fd);
		return;
	}
	lose(p, &p->slot[slot], POOL_DIED);
	p->slot[slot].fd = fd;
}

bool
indexer_pool_ask(struct indexer_pool *p, int fd, void *ticket)
{
	for (size_t i = 0; i < POOL_READERS; i++) {
		struct indexer_pool_slot *s = &p->slot[i];
		if (s->fd < 0 || s->ticket != NULL)
			continue;
		if (fdpass_send(s->fd, SPAN("nexus"), &fd, 1, NULL) != FDPASS_OK) {
			lose(p, s, POOL_MISSED); /* idle: nobody is told */
			continue;
		}
		s->ticket = ticket;
		s->deadline = proc_now_ms() + (uint64_t)READING_DEADLINE * 1000U + GRACE_MS;
		return true;
	}
	return false;
}

bool
indexer_pool_idle(const struct indexer_pool *p)
{
	for (size_t i = 0; i < POOL_READERS; i++)
		if (p->slot[i].fd >= 0 && p->slot[i].ticket == NULL)
			return true;
	return false;
}

size_t
indexer_pool_busy(const struct indexer_pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < POOL_READERS; i++)
		n += p->slot[i].ticket != NULL;
	return n;
}

uint64_t
indexer_pool_bereft(const struct indexer_pool *p)
{
	for (size_t i = 0; i < POOL_READERS; i++)
		if (p->slot[i].fd >= 0)
			return 0;
	return proc_now_ms() - p->seen;
}

/*
 * A peer that closes with our question unread gives ECONNRESET (unix(7)): the file had no part in
 * it.  Its own alarm ends a reader at the deadline, a little before we would.
 */
static enum indexer_pool_end
how_lost(const struct indexer_pool_slot *s, int sys)
{
	if (sys == ECONNRESET)
		return POOL_MISSED;
	return (uint64_t)proc_now_ms() + GRACE_MS + ALARM_MS >= s->deadline ? POOL_OVERRAN
									    : POOL_DIED;
}

static void
take(struct indexer_pool *p, struct indexer_pool_slot *s)
{
	struct err e = {0};
	int fds[FDPASS_MAX];
	size_t n_fds = 0;
	size_t n = 0;
	enum fdpass r = fdpass_recv(s->fd, p->answer, READING_MAX, &n, fds, &n_fds, &e);

	for (size_t i = 0; i < n_fds; i++) /* a reader has none to give */
		scope_close(&fds[i]);
	if (r == FDPASS_AGAIN)
		return;
	if (r != FDPASS_OK) {
		lose(p, s, how_lost(s, e.sys));
		return;
	}
	finish(p, s, POOL_ANSWER, (struct span){p->answer, n});
}

static void
overdue(struct indexer_pool *p, unsigned slot, uint64_t now)
{
	struct indexer_pool_slot *s = &p->slot[slot];

	if (s->ticket == NULL || now < s->deadline)
		return;
	p->calls.kill(p->calls.ctx, slot);
	lose(p, s, POOL_OVERRAN);
}

/* Not beyond the next deadline. */
static int
wait_for(const struct indexer_pool *p, int timeout_ms)
{
	uint64_t now = proc_now_ms();

	for (size_t i = 0; i < POOL_READERS; i++) {
		const struct indexer_pool_slot *s = &p->slot[i];
		if (s->ticket == NULL)
			continue;
		uint64_t left = s->deadline > now ? s->deadline - now : 0;
		if (left < (uint64_t)timeout_ms)
			timeout_ms = (int)left;
	}
	return timeout_ms;
}

void
indexer_pool_wait(struct indexer_pool *p, int other, int timeout_ms)
{
	struct pollfd fds[POOL_READERS + 1];

	for (size_t i = 0; i < POOL_READERS; i++)
		fds[i] = (struct pollfd){.fd = p->slot[i].fd, .events = POLLIN};
	fds[POOL_READERS] = (struct pollfd){.fd = other, .events = POLLIN};
	int n = poll(fds, POOL_READERS + 1, wait_for(p, timeout_ms));
	for (size_t i = 0; n > 0 && i < POOL_READERS; i++)
		if (fds[i].revents != 0 && fds[i].fd == p->slot[i].fd)
			take(p, &p->slot[i]);
	uint64_t now = proc_now_ms();
	for (unsigned i = 0; i < POOL_READERS; i++)
		overdue(p, i, now);
}
