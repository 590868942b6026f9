/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/trusted_time.h"

#include "agent/base/scope.h"
#include "agent/base/span.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- the core ---- */

static int64_t
magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

static void
set_base(struct trusted_core *c, int state, int64_t time, int64_t boot)
{
	c->state = state;
	c->base = time;
	c->base_boot = boot;
}

void
trusted_core_start(struct trusted_core *c, int64_t wall, int64_t boot, int64_t stored)
{
	int64_t first = stored > wall ? stored : wall;

	*c = (struct trusted_core){.first = first, .first_boot = boot};
	set_base(c, TRUSTED_STEADY, first, boot);
}

/* An alarm when the wall clock is away by more than a step, and again when by one more. */
static int64_t
alarm_of(struct trusted_core *c, int64_t away)
{
	bool same_side = (away < 0) == (c->told_ms < 0) || c->told_ms == 0;

	if (magnitude(away) <= TRUSTED_STEP_MS ||
		(same_side && magnitude(away) - magnitude(c->told_ms) <= TRUSTED_STEP_MS))
		return 0;
	c->told_ms = away;
	return away;
}

int64_t
trusted_core_now(struct trusted_core *c, int64_t wall, int64_t boot, int64_t *step)
{
	int64_t run = boot > c->base_boot ? boot - c->base_boot : 0;
	int64_t here = c->base + (c->state == TRUSTED_BEHIND ? run / 2 : run);
	int64_t most = c->first + (boot - c->first_boot) + TRUSTED_STEP_MS;

	if (wall > most) {
		if (c->state != TRUSTED_AHEAD)
			set_base(c, TRUSTED_AHEAD, here, boot);
		*step = alarm_of(c, wall - here);
		return here;
	}
	if (wall < here) {
		if (c->state != TRUSTED_BEHIND)
			set_base(c, TRUSTED_BEHIND, here, boot);
		*step = alarm_of(c, wall - here);
		return here;
	}
	set_base(c, TRUSTED_STEADY, wall, boot);
	c->told_ms = 0;
	*step = 0;
	return wall;
}

/* ---- the file ---- */

#define DIGITS   20U
#define YEAR3000 UINT64_C(32503680000000) /* no such time was ever seen */

int64_t
trusted_kept_read(struct span text)
{
	uint64_t best = 0;

	for (; text.n >= TRUSTED_LINE; text = span_skip(text, TRUSTED_LINE)) {
		struct span once = span_first(text, DIGITS);
		struct span again = span_first(span_skip(text, DIGITS + 1), DIGITS);
		uint64_t v = 0;
		if (text.p[DIGITS] == ' ' && text.p[TRUSTED_LINE - 1] == '\n' &&
			span_eq(once, again) && span_u64(once, YEAR3000, &v) && v > best)
			best = v;
	}
	return (int64_t)best;
}

void
trusted_kept_line(int64_t time, char out[TRUSTED_LINE + 1])
{
	(void)snprintf(
		out, TRUSTED_LINE + 1, "%020lld %020lld\n", (long long)time, (long long)time);
}

/* ---- for threads ---- */

#define KEEP_MS 30000

struct trusted_time {
	pthread_mutex_t lock; /* over core, last, step */
	struct trusted_core core;
	int64_t last;
	int64_t step; /* of an alarm that nobody has taken; 0: none */
	/* The file is the main thread's alone. */
	int fd; /* -1: nothing is kept */
	unsigned line;
	int64_t kept_boot; /* when it was written last */
};

static int64_t
clock_ms(clockid_t which)
{
	struct timespec t = {0};

	(void)clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t
read_kept(int fd)
{
	char text[2 * TRUSTED_LINE];
	ssize_t n = fd >= 0 ? pread(fd, text, sizeof(text), 0) : 0;

	return trusted_kept_read((struct span){text, n > 0 ? (size_t)n : 0});
}

bool
trusted_time_new(int dir, struct trusted_time **ret, struct err *e)
{
	struct trusted_time *t = calloc(1, sizeof(*t));

	if (t == NULL || pthread_mutex_init(&t->lock, NULL) != 0) {
		free(t);
		return err_set(e, ERR_LIMIT, NULL, "no memory for the clock");
	}
	t->fd = dir < 0 ? -1
			: openat(dir, TRUSTED_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				  0600);
	if (dir >= 0 && t->fd < 0) {
		trusted_time_free(t);
		return err_set(e, ERR_SYSTEM, NULL,
			"the file '" TRUSTED_FILE "' beside the audit log, which keeps the time");
	}
	t->kept_boot = clock_ms(CLOCK_BOOTTIME) - KEEP_MS;
	trusted_core_start(
		&t->core, clock_ms(CLOCK_REALTIME), clock_ms(CLOCK_BOOTTIME), read_kept(t->fd));
	*ret = t;
	return true;
}

void
trusted_time_free(struct trusted_time *t)
{
	if (t == NULL)
		return;
	scope_close(&t->fd);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

/* With the lock held. */
static int64_t
step_core(struct trusted_time *t, int64_t wall, int64_t boot)
{
	int64_t step = 0;
	int64_t now = trusted_core_now(&t->core, wall, boot, &step);

	if (step != 0)
		t->step = step;
	if (now > t->last)
		t->last = now;
	return t->last;
}

int64_t
trusted_time_at(struct trusted_time *t, int64_t wall_ms, int64_t boot_ms)
{
	(void)pthread_mutex_lock(&t->lock);
	int64_t now = step_core(t, wall_ms, boot_ms);
	(void)pthread_mutex_unlock(&t->lock);
	return now;
}

int64_t
trusted_time_ms(struct trusted_time *t)
{
	/* Both clocks are read under the lock, so that no thread comes with older readings. */
	(void)pthread_mutex_lock(&t->lock);
	int64_t boot = clock_ms(CLOCK_BOOTTIME);
	int64_t now = step_core(t, clock_ms(CLOCK_REALTIME), boot);
	(void)pthread_mutex_unlock(&t->lock);
	return now;
}

bool
trusted_time_alarm(struct trusted_time *t, int64_t *step_ms, int64_t *used_ms)
{
	(void)pthread_mutex_lock(&t->lock);
	*step_ms = t->step;
	*used_ms = t->last;
	t->step = 0;
	(void)pthread_mutex_unlock(&t->lock);
	return *step_ms != 0;
}

bool
trusted_time_keep(struct trusted_time *t, bool now, struct err *e)
{
	int64_t boot = clock_ms(CLOCK_BOOTTIME);
	int64_t time = trusted_time_ms(t);
	char line[TRUSTED_LINE + 1];

	if (t->fd < 0 || (!now && boot - t->kept_boot < KEEP_MS))
		return true;
	t->kept_boot = boot;
	/* During a reload another gate keeps its time here too: the larger one stays. */
	if (read_kept(t->fd) >= time)
		return true;
	trusted_kept_line(time, line);
	off_t at = (off_t)t->line * (off_t)TRUSTED_LINE;
	t->line = 1 - t->line;
	if (pwrite(t->fd, line, TRUSTED_LINE, at) != TRUSTED_LINE || fdatasync(t->fd) < 0)
		return err_set(e, ERR_SYSTEM, NULL,
			"the time could not be kept in '" TRUSTED_FILE "' beside the audit log");
	return true;
}
