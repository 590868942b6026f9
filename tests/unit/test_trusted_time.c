/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/trusted_time.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0   INT64_C(1800000000000) /* ms UTC */
#define B0   INT64_C(5000)          /* ms since the boot */
#define SEC  INT64_C(1000)
#define MIN  (60 * SEC)
#define HOUR (60 * MIN)

/* Each row is one life of the agent: readings one after the other, and what they must become. */
struct reading {
	int64_t boot, wall; /* since B0; against T0 */
	int64_t want;       /* against T0 */
	int64_t step;       /* of the alarm; 0: none */
};
static const struct {
	const char *name;
	int64_t stored; /* against T0; INT64_MIN: none */
	struct reading at[6];
	size_t n;
} rows[] = {
	{"nothing happens", INT64_MIN, {{0, 0, 0, 0}, {MIN, MIN, MIN, 0}, {HOUR, HOUR, HOUR, 0}},
		3},
	{"small corrections are followed ahead", INT64_MIN,
		{{MIN, MIN + 2 * SEC, MIN + 2 * SEC, 0}, {HOUR, HOUR + 4 * MIN, HOUR + 4 * MIN, 0}},
		2},
	{"and waited for when they go back", INT64_MIN,
		{{MIN, MIN, MIN, 0}, {MIN, MIN - 2 * SEC, MIN, 0},
			{MIN + 2 * SEC, MIN, MIN + SEC, 0},
			{MIN + 4 * SEC, MIN + 2 * SEC, MIN + 2 * SEC, 0},
			{MIN + 9 * SEC, MIN + 7 * SEC, MIN + 7 * SEC, 0}},
		5},
	{"an hour back: nothing closes again, one alarm, caught up after two", INT64_MIN,
		{{HOUR, HOUR, HOUR, 0}, {HOUR, 0, HOUR, -HOUR},
			{HOUR + MIN, MIN, HOUR + 30 * SEC, 0}, {2 * HOUR, HOUR, HOUR + 30 * MIN, 0},
			{3 * HOUR, 2 * HOUR, 2 * HOUR, 0}, {4 * HOUR, 3 * HOUR, 3 * HOUR, 0}},
		6},
	{"an hour back and put right", INT64_MIN,
		{{HOUR, 0, HOUR, -HOUR}, {HOUR + MIN, HOUR + MIN, HOUR + MIN, 0},
			{HOUR + MIN, MIN, HOUR + MIN, -HOUR}},
		3},
	{"a day ahead: nothing opens early, one alarm, for ever", INT64_MIN,
		{{MIN, MIN, MIN, 0}, {MIN, MIN + 24 * HOUR, MIN, 24 * HOUR},
			{HOUR, HOUR + 24 * HOUR, HOUR, 0},
			{48 * HOUR, 48 * HOUR + 24 * HOUR, 48 * HOUR, 0}},
		4},
	{"a day ahead and put right", INT64_MIN,
		{{MIN, MIN + 24 * HOUR, MIN, 24 * HOUR}, {HOUR, HOUR, HOUR, 0},
			{HOUR, 25 * HOUR, HOUR, 24 * HOUR}},
		3},
	{"five minutes ahead are followed, one second more is not", INT64_MIN,
		{{MIN, MIN + 5 * MIN, MIN + 5 * MIN, 0},
			{2 * MIN, 2 * MIN + 5 * MIN + SEC, 7 * MIN, 0},
			{3 * MIN, 3 * MIN + 5 * MIN, 8 * MIN, 0}},
		3},
	{"many small steps ahead are one large one", INT64_MIN,
		{{MIN, MIN + 4 * MIN, 5 * MIN, 0}, {2 * MIN, 2 * MIN + 8 * MIN, 6 * MIN, 0},
			{3 * MIN, 3 * MIN + 12 * MIN, 7 * MIN, 8 * MIN},
			{4 * MIN, 4 * MIN + 16 * MIN, 8 * MIN, 0},
			{5 * MIN, 5 * MIN + 20 * MIN, 9 * MIN, 16 * MIN}},
		5},
	{"a second step back is told too", INT64_MIN,
		{{HOUR, 0, HOUR, -HOUR}, {HOUR, -SEC, HOUR, 0}, {HOUR, -HOUR, HOUR, -2 * HOUR}}, 3},
	{"from behind to ahead: another alarm", INT64_MIN,
		{{HOUR, 0, HOUR, -HOUR}, {HOUR, 3 * HOUR, HOUR, 2 * HOUR},
			{2 * HOUR, 4 * HOUR, 2 * HOUR, 0}},
		3},
	{"at the start the wall clock counts", -HOUR, {{0, 0, 0, 0}, {MIN, MIN, MIN, 0}}, 2},
	{"unless it is before what was kept", HOUR,
		{{0, 0, HOUR, -HOUR}, {MIN, MIN, HOUR + 30 * SEC, 0},
			{HOUR, HOUR, HOUR + 30 * MIN, 0}, {2 * HOUR, 2 * HOUR, 2 * HOUR, 0}},
		4},
	{"a little before: no alarm", MIN, {{0, 0, MIN, 0}, {2 * MIN, 2 * MIN, 2 * MIN, 0}}, 2},
	{"the machine slept: the boot clock did not", INT64_MIN,
		{{MIN, MIN, MIN, 0}, {10 * HOUR, 10 * HOUR, 10 * HOUR, 0}}, 2},
};

static void
lives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trusted_core c;
		const struct reading *r = rows[i].at;
		CHECK_ROW(rows[i].name);
		trusted_core_start(&c, T0 + (rows[i].at[0].boot == 0 ? r->wall : 0), B0,
			rows[i].stored == INT64_MIN ? 0 : T0 + rows[i].stored);
		for (size_t k = 0; k < rows[i].n; k++) {
			int64_t step = 0;
			int64_t got = trusted_core_now(&c, T0 + r[k].wall, B0 + r[k].boot, &step);
			print_message("      %zu\n", k);
			assert_int_equal(got - T0, r[k].want);
			assert_int_equal(step, r[k].step);
		}
	}
}

static uint64_t
random_of(uint64_t *s, uint64_t n)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s % n;
}

/* A clock that somebody plays with: it steps now and then, by a second or by days. */
static void
play(uint64_t *seed)
{
	int64_t boot = B0;
	int64_t away = 0;
	int64_t last = INT64_MIN;
	struct trusted_core c;

	trusted_core_start(&c, T0, boot, random_of(seed, 2) == 0 ? 0 : T0 + HOUR);
	int64_t first = c.first;
	for (int i = 0; i < 300; i++) {
		int64_t step = 0;
		boot += (int64_t)random_of(seed, 3) * (int64_t)random_of(seed, 10 * MIN);
		if (random_of(seed, 8) == 0)
			away = ((int64_t)random_of(seed, 4001) - 2000) *
			       (random_of(seed, 2) == 0 ? SEC : MIN);
		int64_t wall = T0 + boot - B0 + away;
		int64_t now = trusted_core_now(&c, wall, boot, &step);
		assert_true(now >= last);
		/* Never ahead of what the boot clock allows, nor of the wall clock unless that
		 * went back. */
		assert_true(now <= first + (boot - B0) + TRUSTED_STEP_MS);
		assert_true(step == 0 || (step > 0) == (wall > now));
		assert_true(step == 0 || wall - now == step);
		last = now;
	}
	/* Left alone and within reach, it catches up. */
	int64_t gap = last - (T0 + boot - B0 + away);
	if (gap < 0)
		return;
	int64_t step = 0;
	boot += 2 * gap + 2;
	assert_int_equal(
		trusted_core_now(&c, T0 + boot - B0 + away, boot, &step), T0 + boot - B0 + away);
}

static void
plays(void **state)
{
	uint64_t seed = 88172645463325252U;

	(void)state;
	for (int i = 0; i < 2000; i++)
		play(&seed);
}

static const struct {
	const char *name, *text;
	int64_t want;
} kept[] = {
	{"nothing", "", 0},
	{"one line", "00000001800000000000 00000001800000000000\n", 1800000000000},
	{"the larger of two",
		"00000001800000000000 00000001800000000000\n"
		"00000001800000000007 00000001800000000007\n",
		1800000000007},
	{"a torn line is none",
		"00000001800000000009 00000001800000000000\n"
		"00000001800000000001 00000001800000000001\n",
		1800000000001},
	{"half a line", "00000001800000000000 0000000180000000", 0},
	{"no line end", "00000001800000000000 00000001800000000000 ", 0},
	{"other bytes", "x0000001800000000000 x0000001800000000000\n", 0},
	{"beyond the year 3000", "00000032503680000001 00000032503680000001\n", 0},
};

static void
reads(void **state)
{
	char line[TRUSTED_LINE + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		CHECK_ROW(kept[i].name);
		assert_int_equal(trusted_kept_read(span_of(kept[i].text)), kept[i].want);
	}
	trusted_kept_line(T0, line);
	assert_int_equal(strlen(line), TRUSTED_LINE);
	assert_int_equal(trusted_kept_read(span_of(line)), T0);
}

/* ---- with its file ---- */

static int
folder(void)
{
	char name[] = "/tmp/pan-trusted.XXXXXX";

	assert_non_null(mkdtemp(name));
	int dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	return dir;
}

static int64_t
clock_of(clockid_t which)
{
	struct timespec t;

	assert_int_equal(clock_gettime(which, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What one life saw, the next one does not go behind; a step ahead is believed by the next. */
static void
kept_between_lives(void **state)
{
	int dir = folder();
	struct trusted_time *t = NULL;
	int64_t step = 0;
	int64_t used = 0;
	struct err e = {0};

	(void)state;
	assert_true(trusted_time_new(dir, &t, &e));
	int64_t wall = clock_of(CLOCK_REALTIME);
	int64_t boot = clock_of(CLOCK_BOOTTIME);
	assert_true(trusted_time_ms(t) - wall < MIN);
	/* Four minutes ahead are followed, and kept. */
	assert_int_equal(trusted_time_at(t, wall + 4 * MIN, boot), wall + 4 * MIN);
	assert_false(trusted_time_alarm(t, &step, &used));
	assert_true(trusted_time_keep(t, true, &e));
	trusted_time_free(t);
	struct stat st;
	assert_int_equal(fstatat(dir, TRUSTED_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(trusted_time_new(dir, &t, &e));
	assert_true(trusted_time_ms(t) >= wall + 4 * MIN);
	/* An hour ahead is not, and told once. */
	assert_true(trusted_time_at(t, wall + HOUR, boot + SEC) < wall + 5 * MIN);
	assert_true(trusted_time_alarm(t, &step, &used));
	assert_true(step > 50 * MIN && used < wall + 5 * MIN);
	assert_false(trusted_time_alarm(t, &step, &used));
	trusted_time_free(t);
	assert_int_equal(unlinkat(dir, TRUSTED_FILE, 0), 0);
	(void)close(dir);
}

/* A gate that is still there after a reload does not put back what the new one has kept. */
static void
two_lives(void **state)
{
	int dir = folder();
	struct trusted_time *old = NULL;
	struct trusted_time *new = NULL;
	struct err e = {0};
	char text[2 * TRUSTED_LINE];

	(void)state;
	assert_true(trusted_time_new(dir, &old, &e) && trusted_time_new(dir, &new, &e));
	int64_t wall = clock_of(CLOCK_REALTIME);
	(void)trusted_time_at(new, wall + 3 * MIN, clock_of(CLOCK_BOOTTIME));
	assert_true(trusted_time_keep(new, true, &e) && trusted_time_keep(old, true, &e));
	int fd = openat(dir, TRUSTED_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text));
	assert_true(n >= (ssize_t)TRUSTED_LINE);
	assert_true(trusted_kept_read((struct span){text, (size_t)n}) >= wall + 3 * MIN);
	(void)close(fd);
	trusted_time_free(old);
	trusted_time_free(new);
	assert_int_equal(unlinkat(dir, TRUSTED_FILE, 0), 0);
	(void)close(dir);
}

static void *
look(void *arg)
{
	struct trusted_time *t = arg;
	int64_t last = 0;
	intptr_t wrong = 0;

	for (int i = 0; i < 20000; i++) {
		int64_t now = trusted_time_ms(t);
		wrong += now < last;
		last = now;
	}
	return (void *)wrong;
}

static void
threads(void **state)
{
	struct trusted_time *t = NULL;
	pthread_t id[4];

	(void)state;
	assert_true(trusted_time_new(-1, &t, NULL));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&id[i], NULL, look, t), 0);
	for (int i = 0; i < 200; i++)
		(void)trusted_time_at(
			t, clock_of(CLOCK_REALTIME) + (i % 7 - 3) * HOUR, clock_of(CLOCK_BOOTTIME));
	for (int i = 0; i < 4; i++) {
		void *wrong = NULL;
		assert_int_equal(pthread_join(id[i], &wrong), 0);
		assert_null(wrong);
	}
	trusted_time_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives),
		cmocka_unit_test(plays),
		cmocka_unit_test(reads),
		cmocka_unit_test(kept_between_lives),
		cmocka_unit_test(two_lives),
		cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests_name("trusted_time", tests, NULL, NULL);
}
