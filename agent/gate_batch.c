/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_batch.h"

#include "agent/base/fdpass.h"
#include "agent/base/log.h"
#include "agent/base/metric.h"
#include "agent/base/scope.h"
#include "agent/base/unpack.h"
#include "agent/gate_grant.h"
#include "agent/gate_parked.h"
#include "agent/wire.h"
#include "policy/audit_record.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#define BATCH_BYTES (4 * FDPASS_MESSAGE) /* of questions; pages that stay empty cost nothing */

#define BATCH_CLOSINGS 256U /* in one audit write */
/* Files and ranges of those: more are written at once, so that all of it is one write of the log.
 */
#define BATCH_MORE (128UL * 1024)

/* A question of this turn: one that has just come, or one that waited. */
struct question {
	struct http_ask ask; /* new */
	struct span msg;     /* new: where its spans lie */
	struct gate_question *old;
};

struct gate_batch {
	struct gate_desk *desk;
	int link;
	uint64_t *epoch;
	struct gate_parked *parked;
	struct question asks[GATE_TURN];
	struct gate_case cases[GATE_TURN];
	size_t n_asks;
	struct audit_closing closing[BATCH_CLOSINGS];
	size_t n_closings;
	struct arena more; /* what closings of audit:full name */
	struct buf out;
	char in[BATCH_BYTES]; /* the asks' spans lie here */
};

bool
gate_batch_new(
	struct gate_desk *d, int link, uint64_t *epoch, struct gate_batch **ret, struct err *e)
{
	struct gate_batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for a worker's questions");
	if (!arena_init(&b->more, BATCH_MORE + 2 * FDPASS_MESSAGE)) {
		free(b);
		return err_set(e, ERR_LIMIT, NULL, "no memory for a worker's notes");
	}
	if (!gate_parked_new(d, &b->parked, e)) {
		arena_fini(&b->more);
		free(b);
		return false;
	}
	b->desk = d;
	b->link = link;
	b->epoch = epoch;
	b->out.max = FDPASS_MESSAGE;
	*ret = b;
	return true;
}

void
gate_batch_free(struct gate_batch *b)
{
	if (b == NULL)
		return;
	gate_parked_free(b->parked);
	arena_fini(&b->more);
	buf_fini(&b->out);
	free(b);
}

size_t
gate_batch_parked(const struct gate_batch *b)
{
	return gate_parked_count(b->parked);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Many closings in one write.  What cannot be recorded must not go on leaving: the epoch
 * moves, so that the front asks again for what it kept and what it sends, and is refused.
 */
static void
write_closings(struct gate_batch *b)
{
	struct audit_item items[BATCH_CLOSINGS];
	size_t from[BATCH_CLOSINGS + 1];
	struct err e = {0};
	AUTO_BUF text = BUF_INIT(BATCH_CLOSINGS * AUDIT_LINE_MAX);

	const size_t n = b->n_closings;

	b->n_closings = 0;
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		from[i] = text.n;
		audit_record_close(&text, &b->closing[i]);
	}
	from[n] = text.n;
	arena_reset(&b->more);
	for (size_t i = 0; i < n; i++)
		items[i] = (struct audit_item){
			.kind = "close", .rest = {text.p + from[i], from[i + 1] - from[i]}};
	if (!audit_append(
		    b->desk->gate->audit, items, n, gate_time_ms(b->desk->gate, now_ms()), &e)) {
		metric_add(b->desk->metrics, METRIC_AUDIT_FAILED, (int64_t)n);
		log_err(LOG_ERROR, "audit", &e);
		(void)__atomic_add_fetch(b->epoch, 1, __ATOMIC_SEQ_CST);
		return;
	}
	metric_add(b->desk->metrics, METRIC_AUDIT_RECORDS, (int64_t)n);
}

/* Obligation audit:full: which file, and which ranges of it. */
static void
note_full(struct gate_batch *b, const struct http_done *d, struct audit_closing *c)
{
	struct unpack u = {.rest = d->ranges};
	const size_t n = d->ranges.n / HTTP_RANGE_SIZE;
	uint64_t(*list)[2] = arena_array(&b->more, n, sizeof(*list));

	c->full = true;
	c->file = arena_span(&b->more, d->file);
	for (size_t i = 0; i < n && list != NULL; i++) {
		list[i][0] = unpack_le(&u, 8);
		list[i][1] = unpack_le(&u, 8);
	}
	c->ranges = (const uint64_t(*)[2])list;
	c->n_ranges = list != NULL ? n : 0;
}

static void
note_done(struct gate_batch *b, const struct http_done *d)
{
	static const char *const results[] = {"complete", "client-gone", "cut", "error"};
	static const char *const reasons[] = {
		NULL, "denied", "overdue", "unanswered", "changed", "rate"};

	if (d->decision == 0)
		return;
	struct audit_closing *c = &b->closing[b->n_closings++];
	*c = (struct audit_closing){.decision = d->decision,
		.bytes = d->bytes,
		.result = results[d->result],
		.why = reasons[d->why]};
	memcpy(c->trace, d->trace, sizeof(c->trace));
	if (d->file.p != NULL)
		note_full(b, d, c);
}

static void
take_notes(struct gate_batch *b, struct span msg)
{
	struct http_done list[WIRE_DONES];
	size_t n = 0;
	struct err e = {0};

	if (!wire_read_done(msg, list, &n, &e)) {
		log_err(LOG_ERROR, "wire", &e);
		return;
	}
	if (BATCH_CLOSINGS - b->n_closings < n || b->more.used > BATCH_MORE)
		write_closings(b);
	for (size_t i = 0; i < n; i++)
		note_done(b, &list[i]);
}

static void
send_answer(struct gate_batch *b, const struct http_answer *a)
{
	struct err e = {0};
	int fd = gate_descriptor(a);

	buf_reset(&b->out);
	wire_write_answer(a, &b->out);
	enum fdpass sent = fdpass_send(b->link, buf_span(&b->out), &fd, fd >= 0 ? 1 : 0, &e);
	while (sent == FDPASS_AGAIN) { /* the worker is behind: wait for it, not for others */
		struct pollfd p = {.fd = b->link, .events = POLLOUT};
		gate_end(b->desk);
		(void)poll(&p, 1, 1000);
		sent = fdpass_send(b->link, buf_span(&b->out), &fd, fd >= 0 ? 1 : 0, &e);
	}
	if (sent == FDPASS_FAIL)
		log_err(LOG_ERROR, "wire", &e);
}

/* False: there is no room for it. */
static bool
park(struct gate_batch *b, size_t i)
{
	struct gate_wait *wait = &b->cases[i].wait;
	struct question *q = &b->asks[i];

	if (q->old == NULL)
		return gate_parked_add(b->parked, q->msg, &q->ask.landed, wait, NULL);
	gate_parked_back(b->parked, take_ptr(&q->old), wait);
	return true;
}

static void
answer_one(struct gate_batch *b, size_t i)
{
	struct http_answer answer;

	if (b->cases[i].found == GATE_WAITS && park(b, i))
		return;
	gate_finish(b->desk, &b->cases[i], &answer);
	if (b->cases[i].wait.wish != 0 && park(b, i)) {
		grant_unref(answer.grant);
		return;
	}
	gate_forget(b->desk, &b->cases[i].wait);
	send_answer(b, &answer);
	grant_unref(answer.grant);
	if (b->asks[i].old != NULL)
		gate_parked_end(b->parked, b->asks[i].old);
	else
		scope_close(&b->asks[i].ask.landed);
}

static void
answer_asks(struct gate_batch *b)
{
	if (b->n_asks == 0)
		return;
	int64_t now = now_ms();
	gate_start(b->desk);
	for (size_t i = 0; i < b->n_asks; i++) {
		struct gate_question *old = b->asks[i].old;
		gate_begin(b->desk, old != NULL ? &old->ask : &b->asks[i].ask, now,
			old != NULL ? &old->wait : NULL, &b->cases[i]);
	}
	gate_record(b->desk, b->cases, b->n_asks);
	for (size_t i = 0; i < b->n_asks; i++)
		answer_one(b, i);
	gate_end(b->desk);
}

/* Returns how many bytes of `in` the message keeps; the descriptor of a commit is taken. */
static size_t
take_message(struct gate_batch *b, struct span msg, int *fd)
{
	struct err e = {0};

	switch (wire_kind(msg)) {
	case WIRE_ASK:
		b->asks[b->n_asks] = (struct question){.msg = msg};
		if (wire_read_ask(msg, &b->asks[b->n_asks].ask, &e)) {
			if (b->asks[b->n_asks].ask.commit)
				b->asks[b->n_asks].ask.landed = take_fd(fd);
			b->n_asks++;
			return msg.n;
		}
		log_err(LOG_ERROR, "wire", &e);
		break;
	case WIRE_DONE:
		take_notes(b, msg);
		break;
	case WIRE_ANSWER:
		break; /* the gate asks nothing */
	}
	return 0;
}

/* Those whose answer has come, at most half a turn of them: new ones get the rest. */
static void
take_parked(struct gate_batch *b)
{
	struct gate_question *ready[GATE_TURN / 2];
	size_t n = gate_parked_take(b->parked, now_ms(), ready, GATE_TURN / 2);

	for (size_t i = 0; i < n; i++)
		b->asks[b->n_asks++] = (struct question){.old = ready[i]};
}

bool
gate_batch_wait(struct gate_batch *b, int wake)
{
	struct pollfd p[2] = {{.fd = b->link, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
	int n = poll(p, 2, gate_parked_timeout(b->parked, now_ms()));
	eventfd_t times = 0;

	if (n > 0 && p[1].revents != 0 && eventfd_read(wake, &times) == 0)
		gate_parked_wake(b->parked);
	return n >= 0;
}

bool
gate_batch_serve(struct gate_batch *b)
{
	size_t used = 0;
	bool open = true;

	b->n_asks = 0;
	b->n_closings = 0;
	take_parked(b);
	for (size_t i = b->n_asks; i < GATE_TURN && open && sizeof(b->in) - used >= FDPASS_MESSAGE;
		i++) {
		int fds[FDPASS_MAX];
		size_t n = 0;
		size_t nfds = 0;
		enum fdpass got =
			fdpass_recv(b->link, b->in + used, FDPASS_MESSAGE, &n, fds, &nfds, NULL);
		if (got == FDPASS_AGAIN)
			break;
		open = got == FDPASS_OK;
		if (open)
			used += take_message(b, (struct span){b->in + used, n}, &fds[0]);
		for (size_t f = 0; f < nfds; f++)
			scope_close(&fds[f]);
	}
	answer_asks(b);
	write_closings(b);
	return open;
}
