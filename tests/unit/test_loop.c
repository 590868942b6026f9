/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/loop.h"
#include "tests/unit/check.h"

#include <time.h>
#include <unistd.h>

struct seen {
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_task *task;
	struct loop_fd *other;
	int64_t fired;
	int n;
};

static void
fires(void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->fired = s->loop->now;
}

static void
turn_until(struct loop *l, int64_t ms)
{
	int64_t end = l->now + ms;

	while (l->now < end)
		assert_true(loop_turn(l, 20, NULL));
}

static void
timers(void **state)
{
	struct loop l;
	struct seen s[3] = {{.loop = &l}, {.loop = &l}, {.loop = &l}};
	struct loop_timer t[3];

	(void)state;
	assert_true(loop_init(&l, NULL));
	for (int i = 0; i < 3; i++)
		t[i] = (struct loop_timer){.fn = fires, .arg = &s[i]};
	int64_t start = l.now;
	loop_timer(&l, &t[0], 300);
	loop_timer(&l, &t[1], 100);
	loop_timer(&l, &t[1], 700); /* to later: the slot stays, the moment moves */
	loop_timer(&l, &t[2], 600);
	loop_timer(&l, &t[2], 100); /* to sooner */
	turn_until(&l, 650);
	CHECK_ROW("never early, at most a tick late");
	assert_int_equal(s[0].n, 1);
	assert_true(s[0].fired - start >= 300 && s[0].fired - start <= 300 + 2 * LOOP_TICK_MS);
	assert_int_equal(s[1].n, 0);
	assert_int_equal(s[2].n, 1);
	assert_true(s[2].fired - start <= 100 + 2 * LOOP_TICK_MS);
	turn_until(&l, 500);
	CHECK_ROW("a moved timer fires at its last moment");
	assert_int_equal(s[1].n, 1);
	assert_true(s[1].fired - start >= 700);
	CHECK_ROW("once");
	assert_int_equal(s[0].n, 1);
	loop_fini(&l);
}

/* To the millisecond, in order, and to later and sooner as others. */
static void
soon(void **state)
{
	struct loop l;
	struct seen s[4] = {{.loop = &l}, {.loop = &l}, {.loop = &l}, {.loop = &l}};
	struct loop_timer t[4];

	(void)state;
	assert_true(loop_init(&l, NULL));
	for (int i = 0; i < 4; i++)
		t[i] = (struct loop_timer){.fn = fires, .arg = &s[i]};
	int64_t start = l.now;
	loop_timer_soon(&l, &t[0], 31);
	loop_timer_soon(&l, &t[0], 30); /* it is the last one of the list itself */
	loop_timer_soon(&l, &t[1], 5);
	loop_timer(&l, &t[2], 5000);
	loop_timer_soon(&l, &t[2], 12);
	loop_timer_soon(&l, &t[3], 3);
	loop_timer(&l, &t[3], 300);
	while (s[0].n == 0)
		assert_true(loop_turn(&l, -1, NULL));
	assert_true(s[0].fired - start >= 30 && s[0].fired - start < 200);
	assert_true(s[1].n == 1 && s[1].fired - start >= 5 && s[1].fired < s[0].fired);
	assert_true(s[2].n == 1 && s[2].fired - start >= 12 && s[2].fired < s[0].fired);
	assert_int_equal(s[3].n, 0);
	loop_timer_soon(&l, &t[0], 5);
	loop_timer_stop(&t[0]);
	turn_until(&l, 600);
	assert_int_equal(s[0].n, 1);
	assert_int_equal(s[3].n, 1);
	assert_true(s[3].fired - start >= 300);
	loop_fini(&l);
}

static void
wheel(void **state)
{
	struct loop l;
	struct seen s = {.loop = &l};
	struct loop_timer t = {.fn = fires, .arg = &s};

	(void)state;
	assert_true(loop_init(&l, NULL));
	l.tick -= LOOP_SLOTS - 2; /* its first slot then fires soon */
	loop_timer(&l, &t, (int64_t)10 * 60 * 1000);
	int64_t first = t.slotted;
	assert_true(first < t.due);
	turn_until(&l, 600);
	CHECK_ROW("a timer beyond the last slot goes round again");
	assert_int_equal(s.n, 0);
	assert_true(loop_timer_runs(&t));
	assert_true(t.slotted > first);
	loop_timer_stop(&t);
	assert_false(loop_timer_runs(&t));
	loop_timer_stop(&t);
	loop_fini(&l);
}

static void
asks_again(void *arg)
{
	struct seen *s = arg;

	if (++s->n < 3)
		loop_task(s->loop, s->task);
}

static void
tasks(void **state)
{
	struct loop l;
	struct seen s = {.loop = &l};
	struct loop_task t = {.fn = asks_again, .arg = &s};

	(void)state;
	assert_true(loop_init(&l, NULL));
	s.task = &t;
	loop_task(&l, &t);
	loop_task(&l, &t);
	assert_true(loop_turn(&l, -1, NULL));
	CHECK_ROW("asked twice, runs once; asked again, runs in the next turn");
	assert_int_equal(s.n, 1);
	assert_true(loop_turn(&l, -1, NULL));
	assert_true(loop_turn(&l, -1, NULL));
	assert_int_equal(s.n, 3);
	loop_task(&l, &t);
	loop_task_stop(&t);
	assert_true(loop_turn(&l, 0, NULL));
	assert_int_equal(s.n, 3);
	loop_fini(&l);
}

/* Takes the other watcher away, whose event stands in the same batch. */
static void
removes(void *arg, uint32_t events)
{
	struct seen *s = arg;

	assert_true((events & EPOLLIN) != 0);
	s->n++;
	loop_del(s->loop, s->other);
}

static void
descriptors(void **state)
{
	struct loop l;
	struct seen s[2] = {{.loop = &l}, {.loop = &l}};
	int a[2];
	int b[2];

	(void)state;
	assert_true(loop_init(&l, NULL));
	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	struct loop_fd w[2] = {{.fd = a[0], .fn = removes, .arg = &s[0]},
		{.fd = b[0], .fn = removes, .arg = &s[1]}};
	s[0].other = &w[1];
	s[1].other = &w[0];
	assert_true(loop_add(&l, &w[0], EPOLLIN, NULL));
	assert_true(loop_add(&l, &w[1], EPOLLIN, NULL));
	assert_int_equal(write(a[1], "x", 1), 1);
	assert_int_equal(write(b[1], "x", 1), 1);
	assert_true(loop_turn(&l, -1, NULL));
	CHECK_ROW("a watcher that was taken away is not called in the same turn");
	assert_int_equal(s[0].n + s[1].n, 1);
	loop_del(&l, &w[0]);
	loop_del(&l, &w[1]);
	for (int i = 0; i < 2; i++) {
		(void)close(a[i]);
		(void)close(b[i]);
	}
	loop_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers),
		cmocka_unit_test(soon),
		cmocka_unit_test(wheel),
		cmocka_unit_test(tasks),
		cmocka_unit_test(descriptors),
	};
	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
