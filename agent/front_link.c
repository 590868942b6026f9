/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front_link.h"

#include "agent/base/fdpass.h"
#include "agent/base/scope.h"
#include "agent/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NONE      UINT32_MAX
#define SWEEP_MS  500
#define NOTE_MS   250
#define NOTES_MAX (64UL * 1024) /* bytes of a message of notes */
#define NOTE_SIZE 64U           /* one without a file, and some */
/* A PUT has made a file without a name, or a commit, which is known again; a COPY a pipe, now shut.
 */
#define TWICE                                                                                      \
	(1U << HTTP_GET | 1U << HTTP_HEAD | 1U << HTTP_OPTIONS | 1U << HTTP_PROPFIND |             \
		1U << HTTP_PUT | 1U << HTTP_COPY)

/* One question; `conn` NULL while the slot is in use: nobody waits for the answer any more. */
struct ask {
	struct conn *conn;
	struct buf msg;
	int64_t since;
	uint32_t turn; /* how often the slot was used: part of the id */
	uint32_t next; /* in the free list */
	bool used;
	bool writes;          /* it may change something: never asked twice */
	struct grant *upload; /* of a commit: its descriptor goes along */
	bool sent;
};

/* What waits to be sent: a question by its slot, or notes with bytes of their own. */
struct item {
	uint32_t slot; /* NONE: notes */
	uint32_t turn; /* or how many notes */
	struct buf notes;
};

struct front_link {
	struct loop *loop;
	struct loop_fd watch; /* fd -1: the gate is away */
	struct loop_task flush;
	struct loop_timer sweep, lazy;
	struct ask *asks;
	uint32_t n_asks, free, n_used;
	struct item *items; /* a ring */
	size_t at, n, cap;
	struct item open; /* notes to which more are added, before they enter the ring */
	size_t n_notes;   /* here and in the ring */
	size_t note_bytes;
	uint64_t lost;
	bool blocked;
	int high; /* of descriptors: front_link_short */
	void (*shortage)(void *arg, size_t n);
	void *shortage_arg;
	char in[FDPASS_MESSAGE];
};

/* ---- slots ---- */

static uint32_t
slot_take(struct front_link *l)
{
	if (l->free == NONE) {
		uint32_t more = l->n_asks > 0 ? l->n_asks * 2 : 64;
		if (more > FRONT_LINK_ASKS)
			return NONE;
		struct ask *bigger = reallocarray(l->asks, more, sizeof(*bigger));
		if (bigger == NULL)
			return NONE;
		l->asks = bigger;
		for (uint32_t i = l->n_asks; i < more; i++) {
			l->asks[i] = (struct ask){.msg = BUF_INIT(FDPASS_MESSAGE), .next = l->free};
			l->free = i;
		}
		l->n_asks = more;
	}
	uint32_t slot = l->free;
	l->free = l->asks[slot].next;
	l->asks[slot].used = true;
	l->n_used++;
	return slot;
}

static void
slot_give(struct front_link *l, uint32_t slot)
{
	struct ask *a = &l->asks[slot];

	if (a->msg.p != NULL)
		explicit_bzero(a->msg.p, a->msg.n); /* it held a credential */
	buf_fini(&a->msg);
	grant_unref(a->upload);
	a->upload = NULL;
	a->conn = NULL;
	a->used = false;
	a->turn++;
	a->next = l->free;
	l->free = slot;
	l->n_used--;
}

static struct ask *
slot_of(struct front_link *l, uint64_t id)
{
	uint32_t slot = (uint32_t)id;

	if (slot >= l->n_asks || !l->asks[slot].used || l->asks[slot].turn != (uint32_t)(id >> 32))
		return NULL;
	return &l->asks[slot];
}

/* ---- the queue ---- */

static struct item *
item_at(struct front_link *l, size_t i)
{
	return &l->items[(l->at + i) % l->cap];
}

static bool
queue_grow(struct front_link *l)
{
	size_t cap = l->cap > 0 ? l->cap * 2 : 64;
	struct item *bigger = calloc(cap, sizeof(*bigger));

	if (bigger == NULL)
		return false;
	for (size_t i = 0; i < l->n; i++)
		bigger[i] = *item_at(l, i);
	free(l->items);
	l->items = bigger;
	l->at = 0;
	l->cap = cap;
	return true;
}

static bool
queue_add(struct front_link *l, struct item it)
{
	if (l->n == l->cap && !queue_grow(l))
		return false;
	l->n++;
	*item_at(l, l->n - 1) = it;
	if (!l->blocked)
		loop_task(l->loop, &l->flush);
	return true;
}

static void
notes_drop(struct front_link *l, struct item *it)
{
	if (it->slot == NONE) {
		l->n_notes -= it->turn;
		l->note_bytes -= it->notes.n;
	}
	buf_fini(&it->notes);
}

/* The open message of notes enters the ring. */
static void
notes_close(struct front_link *l)
{
	if (l->open.turn == 0)
		return;
	if (!buf_ok(&l->open.notes) || !queue_add(l, l->open)) {
		l->lost += l->open.turn;
		notes_drop(l, &l->open);
	}
	l->open = (struct item){.slot = NONE, .notes = BUF_INIT(NOTES_MAX)};
}

static void
queue_drop(struct front_link *l, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		notes_drop(l, item_at(l, i));
	l->at = (l->at + n) % l->cap;
	l->n -= n;
}

/* The bytes of an item; absent: the question was answered or forgotten meanwhile. */
static struct span
item_bytes(struct front_link *l, const struct item *it)
{
	if (it->slot == NONE)
		return buf_span(&it->notes);
	const struct ask *a = &l->asks[it->slot];
	if (!a->used || a->turn != it->turn || a->conn == NULL)
		return SPAN_NONE;
	return buf_span(&a->msg);
}

/* A forgotten question that was not sent yet never gets an answer: its slot is free now. */
static void
item_skip(struct front_link *l, const struct item *it)
{
	if (it->slot != NONE && l->asks[it->slot].used && l->asks[it->slot].turn == it->turn)
		slot_give(l, it->slot);
}

/* ---- sending ---- */

static void
down(struct front_link *l)
{
	int fd = l->watch.fd;

	if (fd < 0)
		return;
	loop_del(l->loop, &l->watch);
	(void)close(fd);
	l->blocked = false;
	for (size_t i = 0; i < l->n; i++) {
		if (item_at(l, i)->slot != NONE)
			item_at(l, i)->turn--; /* void: front_link_up puts all questions in again */
	}
	for (uint32_t i = 0; i < l->n_asks; i++) {
		if (l->asks[i].used && l->asks[i].conn == NULL)
			slot_give(l, i); /* the gate that would have answered is gone */
		else if (l->asks[i].used)
			l->asks[i].since = l->loop->now;
	}
}

static void
wait_for_room(struct front_link *l, bool blocked)
{
	if (l->blocked == blocked || l->watch.fd < 0)
		return;
	l->blocked = blocked;
	(void)loop_mod(l->loop, &l->watch, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, NULL);
}

static void
note_sent(struct front_link *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (item_at(l, i)->slot != NONE)
			l->asks[item_at(l, i)->slot].sent = true;
}

/* The descriptor of a commit goes with its question. */
static int
item_descriptor(struct front_link *l, const struct item *it)
{
	return it->slot != NONE ? wire_descriptor(l->asks[it->slot].upload) : -1;
}

/* Up to FRONT_LINK_BATCH messages; false: stop for now. */
static bool
send_batch(struct front_link *l)
{
	struct mmsghdr m[FRONT_LINK_BATCH];
	struct fdpass_one along[FRONT_LINK_BATCH];
	struct iovec iov[FRONT_LINK_BATCH];
	unsigned n = 0;

	while (n < FRONT_LINK_BATCH && n < l->n) {
		struct span s = item_bytes(l, item_at(l, n));
		if (s.p == NULL)
			break;
		iov[n] = (struct iovec){.iov_base = (void *)(uintptr_t)s.p, .iov_len = s.n};
		m[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[n], .msg_iovlen = 1}};
		fdpass_attach(&m[n].msg_hdr, &along[n], item_descriptor(l, item_at(l, n)));
		n++;
	}
	if (n == 0) {
		item_skip(l, item_at(l, 0));
		queue_drop(l, 1);
		return true;
	}
	int sent = sendmmsg(l->watch.fd, m, n, MSG_NOSIGNAL);
	if (sent > 0) {
		note_sent(l, (size_t)sent);
		queue_drop(l, (size_t)sent);
		return true;
	}
	if (errno == EINTR)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS)
		wait_for_room(l, true);
	else
		down(l);
	return false;
}

static void
on_flush(void *arg)
{
	struct front_link *l = arg;

	loop_timer_stop(&l->lazy);
	wait_for_room(l, false);
	if (l->watch.fd >= 0)
		notes_close(l);
	loop_task_stop(&l->flush); /* all of it leaves now */
	while (l->watch.fd >= 0 && l->n > 0 && send_batch(l)) {
	}
}

/* ---- receiving ---- */

static void
take_answer(struct front_link *l, struct span msg, int *fd)
{
	struct http_answer answer;

	if (wire_kind(msg) != WIRE_ANSWER || !wire_read_answer(msg, fd, &answer, NULL)) {
		down(l); /* not a gate of ours */
		return;
	}
	struct ask *a = slot_of(l, answer.id);
	struct conn *c = a != NULL ? a->conn : NULL;
	if (a != NULL)
		slot_give(l, (uint32_t)answer.id);
	if (c != NULL)
		conn_answered(c, &answer); /* takes the grant; c may be gone now */
	else
		grant_unref(answer.grant);
}

/* An answer without its descriptor, for this process had no room for it. */
static void
take_bare(struct front_link *l, struct span msg)
{
	uint64_t id = 0;

	if (l->shortage != NULL)
		l->shortage(l->shortage_arg, FRONT_LINK_SHORT);
	struct ask *a = wire_answer_id(msg, &id) ? slot_of(l, id) : NULL;
	if (a == NULL)
		return;
	struct conn *c = a->conn;
	slot_give(l, (uint32_t)id);
	if (c != NULL)
		conn_postponed(c);
}

static void
take_granted(struct front_link *l, struct span msg, int *fds, size_t n)
{
	if (fds[0] >= l->high && l->shortage != NULL)
		l->shortage(l->shortage_arg, front_link_give_up(fds[0], l->high));
	take_answer(l, msg, &fds[0]);
	for (size_t i = 0; i < n; i++)
		scope_close(&fds[i]);
}

static void
on_readable(struct front_link *l)
{
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t n_fds = 0;
	struct err e = {.code = ERR_NONE};

	for (unsigned i = 0; i < LOOP_BATCH && l->watch.fd >= 0; i++) {
		switch (fdpass_recv(l->watch.fd, l->in, sizeof(l->in), &n, fds, &n_fds, &e)) {
		case FDPASS_OK:
			take_granted(l, (struct span){l->in, n}, fds, n_fds);
			continue;
		case FDPASS_AGAIN:
			return;
		case FDPASS_FAIL:
			if (e.code == ERR_LIMIT)
				take_bare(l, (struct span){l->in, n});
			else
				down(l);
			return; /* the others when there may be room */
		case FDPASS_CLOSED:
			down(l);
			return;
		}
	}
}

static void
on_event(void *arg, uint32_t events)
{
	struct front_link *l = arg;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		on_readable(l);
	if (l->watch.fd >= 0 && (events & EPOLLOUT) != 0)
		on_flush(l);
}

/* ---- time ---- */

static void
on_sweep(void *arg)
{
	struct front_link *l = arg;
	int64_t limit = l->watch.fd < 0 ? FRONT_LINK_DOWN_MS : FRONT_LINK_ASK_MS;

	for (uint32_t i = 0; i < l->n_asks; i++) {
		struct conn *c = l->asks[i].conn;
		if (!l->asks[i].used || c == NULL || l->loop->now - l->asks[i].since < limit)
			continue;
		l->asks[i].conn = NULL;
		if (l->watch.fd < 0)
			slot_give(l, i);
		conn_unanswered(c);
	}
	if (l->n_used > 0)
		loop_timer(l->loop, &l->sweep, SWEEP_MS);
}

/* ---- services ---- */

/* Bytes of the message, or a little more. */
static size_t
ask_size(const struct http_ask *q)
{
	return 256 + q->path.n + q->query.n + q->authorization.n + q->accept.n + q->depth.n +
	       q->want_digest.n + q->want_repr_digest.n + q->dpop.n + q->session.n + q->login.n +
	       q->origin.n + q->fetch_site.n + q->body.n + q->fields.n + q->within.n;
}

bool
front_link_ask(void *arg, struct conn *c, struct http_ask *q)
{
	struct front_link *l = arg;
	uint32_t slot = slot_take(l);

	if (slot == NONE)
		return false;
	struct ask *a = &l->asks[slot];
	q->id = (uint64_t)a->turn << 32 | slot;
	/* All of it at once: growing would leave credentials behind in the heap. */
	(void)buf_reserve(&a->msg, ask_size(q));
	wire_write_ask(q, &a->msg);
	a->conn = c;
	a->upload = q->commit && q->upload != NULL ? grant_ref(q->upload) : NULL;
	a->since = l->loop->now;
	a->sent = false;
	a->writes = (TWICE >> q->method & 1U) == 0;
	bool waits = l->watch.fd < 0; /* front_link_up puts it into the queue */
	if (!buf_ok(&a->msg) ||
		(!waits && !queue_add(l, (struct item){.slot = slot, .turn = a->turn}))) {
		slot_give(l, slot);
		return false;
	}
	if (!loop_timer_runs(&l->sweep))
		loop_timer(l->loop, &l->sweep, SWEEP_MS);
	return true;
}

void
front_link_forget(void *arg, uint64_t id)
{
	struct front_link *l = arg;
	struct ask *a = slot_of(l, id);

	if (a == NULL)
		return;
	a->conn = NULL;
	if (l->watch.fd < 0)
		slot_give(l, (uint32_t)id);
}

void
front_link_done(void *arg, const struct http_done *d)
{
	struct front_link *l = arg;

	size_t size = NOTE_SIZE + d->file.n + d->ranges.n;

	if (l->n_notes >= FRONT_LINK_NOTES || l->note_bytes + size > FRONT_LINK_NOTED) {
		l->lost++;
		return;
	}
	if (l->open.notes.n + size > NOTES_MAX)
		notes_close(l);
	size_t before = l->open.notes.n;
	wire_write_done(d, &l->open.notes);
	l->note_bytes += l->open.notes.n - before;
	l->open.turn++;
	l->n_notes++;
	if (l->open.turn == WIRE_DONES)
		notes_close(l);
	else if (!loop_timer_runs(&l->lazy)) /* a note has time: it goes with the next question */
		loop_timer(l->loop, &l->lazy, NOTE_MS);
}

/*
 * What may have been carried out already must not be carried out again: whoever sent it hears that
 * it is not known.  The gate is away still, so that what is asked meanwhile waits.
 */
static void
refuse_writes(struct front_link *l)
{
	for (uint32_t i = 0; i < l->n_asks; i++) {
		struct conn *c = l->asks[i].conn;
		if (!l->asks[i].used || c == NULL || !l->asks[i].writes || !l->asks[i].sent)
			continue;
		slot_give(l, i);
		conn_unanswered(c);
	}
}

void
front_link_up(struct front_link *l, int fd)
{
	down(l);
	refuse_writes(l);
	l->watch.fd = fd;
	l->blocked = false;
	if (!loop_add(l->loop, &l->watch, EPOLLIN, NULL)) {
		l->watch.fd = -1;
		(void)close(fd);
		return;
	}
	notes_close(l);
	/* What the last gate had not answered, and what came while there was none. */
	for (uint32_t i = 0; i < l->n_asks; i++) {
		struct ask *a = &l->asks[i];
		if (a->used && a->conn != NULL)
			(void)queue_add(l, (struct item){.slot = i, .turn = a->turn});
	}
	loop_task(l->loop, &l->flush);
}

void
front_link_short(struct front_link *l, int high, void (*fn)(void *arg, size_t n), void *arg)
{
	l->high = high;
	l->shortage = fn;
	l->shortage_arg = arg;
}

void
front_link_push(struct front_link *l)
{
	on_flush(l);
}

bool
front_link_is_up(const struct front_link *l)
{
	return l->watch.fd >= 0;
}

bool
front_link_quiet(const struct front_link *l)
{
	return l->n == 0 && l->n_notes == 0 && l->n_used == 0;
}

uint64_t
front_link_lost(const struct front_link *l)
{
	return l->lost;
}

bool
front_link_new(struct loop *loop, struct front_link **ret, struct err *e)
{
	struct front_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the link to the gate");
	l->loop = loop;
	l->free = NONE;
	l->open = (struct item){.slot = NONE, .notes = BUF_INIT(NOTES_MAX)};
	l->watch = (struct loop_fd){.fd = -1, .fn = on_event, .arg = l};
	l->flush = (struct loop_task){.fn = on_flush, .arg = l};
	l->sweep = (struct loop_timer){.fn = on_sweep, .arg = l};
	l->lazy = (struct loop_timer){.fn = on_flush, .arg = l};
	*ret = l;
	return true;
}

void
front_link_free(struct front_link *l)
{
	if (l == NULL)
		return;
	down(l);
	loop_task_stop(&l->flush);
	loop_timer_stop(&l->sweep);
	loop_timer_stop(&l->lazy);
	for (uint32_t i = 0; i < l->n_asks; i++) {
		if (l->asks[i].used)
			slot_give(l, i);
	}
	queue_drop(l, l->n);
	buf_fini(&l->open.notes);
	free(l->items);
	free(l->asks);
	free(l);
}
