/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_parked.h"

#include "agent/base/scope.h"
#include "agent/wire.h"

#include <stdlib.h>
#include <string.h>

struct gate_parked {
	struct gate_desk *desk;
	struct gate_question *list[GATE_PARKED_MAX]; /* the oldest first */
	size_t n;
	size_t held, bytes; /* of them and of those that are out with gate_parked_take */
	int64_t next_ms;    /* the first of their limits */
	bool look;          /* something may be ready before that */
};

bool
gate_parked_new(struct gate_desk *d, struct gate_parked **ret, struct err *e)
{
	struct gate_parked *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for questions that wait");
	p->desk = d;
	p->next_ms = INT64_MAX;
	*ret = p;
	return true;
}

static void
wipe(struct gate_question *q)
{
	scope_close(&q->ask.landed);
	explicit_bzero(q, sizeof(*q) + q->n);
	free(q);
}

void
gate_parked_free(struct gate_parked *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++) {
		gate_forget(p->desk, &p->list[i]->wait);
		wipe(p->list[i]);
	}
	free(p);
}

size_t
gate_parked_count(const struct gate_parked *p)
{
	return p->held;
}

static void
insert(struct gate_parked *p, struct gate_question *q, const struct gate_wait *wait)
{
	q->wait = *wait;
	p->list[p->n++] = q;
	if (gate_until(wait) < p->next_ms)
		p->next_ms = gate_until(wait);
	/* The answer may have come while the question was on its way here. */
	p->look = true;
}

bool
gate_parked_add(
	struct gate_parked *p, struct span msg, int *landed, struct gate_wait *wait, struct err *e)
{
	if (p->held >= GATE_PARKED_MAX || msg.n > GATE_PARKED_BYTES - p->bytes)
		return err_set(e, ERR_LIMIT, NULL, "too many questions wait");
	struct gate_question *q = malloc(sizeof(*q) + msg.n);
	if (q == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for a question that waits");
	*q = (struct gate_question){.n = msg.n, .ask = {.landed = -1}};
	memcpy(q->msg, msg.p, msg.n);
	if (!wire_read_ask((struct span){q->msg, q->n}, &q->ask, e)) {
		wipe(q);
		return false;
	}
	q->ask.landed = take_fd(landed);
	p->held++;
	p->bytes += q->n;
	insert(p, q, wait);
	*wait = (struct gate_wait){0};
	return true;
}

void
gate_parked_wake(struct gate_parked *p)
{
	p->look = true;
}

int
gate_parked_timeout(const struct gate_parked *p, int64_t now_ms)
{
	if (p->n == 0)
		return -1;
	if (p->look || now_ms >= p->next_ms)
		return 0;
	int64_t wait = p->next_ms - now_ms;
	return (int)(wait < GATE_WAIT_MS ? wait : GATE_WAIT_MS);
}

size_t
gate_parked_take(struct gate_parked *p, int64_t now_ms, struct gate_question **ret, size_t max)
{
	size_t taken = 0;
	size_t kept = 0;

	/* A clock that went back shows as a limit that is far away. */
	if (!p->look && now_ms < p->next_ms && p->next_ms - now_ms <= GATE_WAIT_MS)
		return 0;
	p->look = false;
	p->next_ms = INT64_MAX;
	for (size_t i = 0; i < p->n; i++) {
		struct gate_question *q = p->list[i];
		if (taken < max && gate_ready(p->desk, &q->wait, now_ms)) {
			ret[taken++] = q;
			continue;
		}
		p->list[kept++] = q;
		if (gate_until(&q->wait) < p->next_ms)
			p->next_ms = gate_until(&q->wait);
	}
	p->n = kept;
	p->look = taken == max && kept > 0; /* there may be more */
	return taken;
}

void
gate_parked_back(struct gate_parked *p, struct gate_question *q, const struct gate_wait *wait)
{
	insert(p, q, wait);
}

void
gate_parked_end(struct gate_parked *p, struct gate_question *q)
{
	p->held--;
	p->bytes -= q->n;
	wipe(q);
}
