/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/loop.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

static void
list_init(struct loop_link *head)
{
	head->next = head;
	head->prev = head;
}

static void
list_add(struct loop_link *head, struct loop_link *x)
{
	x->prev = head->prev;
	x->next = head;
	head->prev->next = x;
	head->prev = x;
}

static void
list_del(struct loop_link *x)
{
	if (x->next == NULL)
		return;
	x->next->prev = x->prev;
	x->prev->next = x->next;
	x->next = NULL;
	x->prev = NULL;
}

/* Everything from head to a list of its own, so that callbacks may add to head meanwhile. */
static void
list_move(struct loop_link *head, struct loop_link *to)
{
	list_init(to);
	if (head->next == head)
		return;
	*to = *head;
	to->next->prev = to;
	to->prev->next = to;
	list_init(head);
}

static void
clock_read(struct loop *l)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	l->now = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	l->utc = ts.tv_sec;
}

bool
loop_init(struct loop *l, struct err *e)
{
	*l = (struct loop){.epfd = epoll_create1(EPOLL_CLOEXEC)};
	if (l->epfd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "epoll_create1");
	for (size_t i = 0; i < LOOP_SLOTS; i++)
		list_init(&l->slots[i]);
	list_init(&l->soon);
	list_init(&l->tasks);
	clock_read(l);
	l->tick = l->now / LOOP_TICK_MS;
	return true;
}

void
loop_fini(struct loop *l)
{
	if (l->epfd >= 0)
		(void)close(l->epfd);
	l->epfd = -1;
}

/* ---- timers: a wheel of slots, one for each tick ---- */

static void
timer_slot(struct loop *l, struct loop_timer *t)
{
	int64_t tick = (t->due + LOOP_TICK_MS - 1) / LOOP_TICK_MS;

	if (tick <= l->tick)
		tick = l->tick + 1;
	if (tick >= l->tick + LOOP_SLOTS)
		tick = l->tick + LOOP_SLOTS - 1;
	t->slotted = tick * LOOP_TICK_MS;
	list_add(&l->slots[tick % LOOP_SLOTS], &t->link);
}

void
loop_timer(struct loop *l, struct loop_timer *t, int64_t ms)
{
	t->due = l->now + ms;
	if (loop_timer_runs(t) && t->slotted <= t->due)
		return; /* its slot fires first, and then finds that it is not due yet */
	list_del(&t->link);
	timer_slot(l, t);
}

static struct loop_timer *
timer_of(struct loop_link *x)
{
	return (struct loop_timer *)(void *)x;
}

/* Most are put behind all others, for waits are alike. */
void
loop_timer_soon(struct loop *l, struct loop_timer *t, int64_t ms)
{
	list_del(&t->link);
	struct loop_link *at = l->soon.prev;
	t->due = l->now + (ms > 0 ? ms : 1);
	t->slotted = t->due;
	while (at != &l->soon && timer_of(at)->slotted > t->due)
		at = at->prev;
	list_add(at->next, &t->link);
}

void
loop_timer_stop(struct loop_timer *t)
{
	list_del(&t->link);
}

static void
timers_run(struct loop *l)
{
	int64_t until = l->now / LOOP_TICK_MS;

	if (until - l->tick >= LOOP_SLOTS) /* the machine slept: every slot once is enough */
		l->tick = until - LOOP_SLOTS + 1;
	while (l->tick < until) {
		struct loop_link due;
		l->tick++;
		list_move(&l->slots[l->tick % LOOP_SLOTS], &due);
		while (due.next != &due) {
			struct loop_timer *t = (struct loop_timer *)(void *)due.next;
			list_del(&t->link);
			if (t->due > l->now)
				timer_slot(l, t);
			else
				t->fn(t->arg);
		}
	}
}

static void
soon_run(struct loop *l)
{
	while (l->soon.next != &l->soon && timer_of(l->soon.next)->slotted <= l->now) {
		struct loop_timer *t = timer_of(l->soon.next);
		list_del(&t->link);
		if (t->due > l->now)
			timer_slot(l, t); /* it was moved to later */
		else
			t->fn(t->arg);
	}
}

/* ---- tasks ---- */

void
loop_task(struct loop *l, struct loop_task *t)
{
	if (t->link.next == NULL)
		list_add(&l->tasks, &t->link);
}

void
loop_task_stop(struct loop_task *t)
{
	list_del(&t->link);
}

static void
tasks_run(struct loop *l)
{
	struct loop_link due;

	list_move(&l->tasks, &due);
	while (due.next != &due) {
		struct loop_task *t = (struct loop_task *)(void *)due.next;
		list_del(&t->link);
		t->fn(t->arg);
	}
}

/* ---- descriptors ---- */

bool
loop_add(struct loop *l, struct loop_fd *w, uint32_t events, struct err *e)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "epoll_ctl add");
	return true;
}

bool
loop_mod(struct loop *l, struct loop_fd *w, uint32_t events, struct err *e)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (epoll_ctl(l->epfd, EPOLL_CTL_MOD, w->fd, &ev) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "epoll_ctl mod");
	return true;
}

void
loop_del(struct loop *l, struct loop_fd *w)
{
	if (w->fd < 0)
		return;
	(void)epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
	for (int i = l->at + 1; i < l->n; i++) {
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL; /* an event that nobody waits for any more */
	}
}

static int
wait_ms(const struct loop *l, int ms)
{
	if (l->tasks.next != &l->tasks)
		return 0;
	if (ms < 0 || ms > (int)LOOP_TICK_MS)
		ms = (int)LOOP_TICK_MS;
	if (l->soon.next == &l->soon)
		return ms;
	int64_t left = timer_of(l->soon.next)->slotted - l->now;
	return left <= 0 ? 0 : left < ms ? (int)left : ms;
}

bool
loop_turn(struct loop *l, int ms, struct err *e)
{
	int n = epoll_wait(l->epfd, l->batch, LOOP_BATCH, wait_ms(l, ms));

	if (n < 0 && errno != EINTR)
		return err_set(e, ERR_SYSTEM, NULL, "epoll_wait");
	clock_read(l);
	l->n = n > 0 ? n : 0;
	for (l->at = 0; l->at < l->n; l->at++) {
		struct loop_fd *w = l->batch[l->at].data.ptr;
		if (w != NULL)
			w->fn(w->arg, l->batch[l->at].events);
	}
	l->n = 0;
	tasks_run(l);
	soon_run(l);
	timers_run(l);
	return true;
}
