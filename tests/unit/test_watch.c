/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/watch.h"
#include "tests/unit/check.h"

#include "agent/base/scope.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- when ---- */

static void
resting(void **state)
{
	/* What happens at `at`: 't' touched, or what is expected: 'n' not yet, 'y' over. */
	static const struct {
		const char *name;
		struct {
			long long at;
			char what;
		} step[8];
	} rows[] = {
		{"nothing happened", {{1000, 'n'}}},
		{"rest", {{1000, 't'}, {1199, 'n'}, {1200, 'y'}, {1201, 'n'}}},
		{"late is the same", {{1000, 't'}, {9000, 'y'}, {9001, 'n'}}},
		{"twice", {{1000, 't'}, {1150, 't'}, {1200, 'n'}, {1349, 'n'}, {1350, 'y'}}},
		{"again after it was over",
			{{1000, 't'}, {1200, 'y'}, {1300, 't'}, {1400, 'n'}, {1500, 'y'}}},
		{"never at rest", {{1000, 't'}, {2500, 't'}, {4900, 't'}, {5950, 't'}, {5999, 'n'},
					  {6000, 'y'}, {6001, 'n'}}},
		{"the first moment of a clock", {{0, 't'}, {199, 'n'}, {200, 'y'}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct watch_rest r = {0};
		CHECK_ROW(rows[i].name);
		for (size_t k = 0; k < 8 && rows[i].step[k].what != 0; k++) {
			long long at = rows[i].step[k].at;
			if (rows[i].step[k].what == 't') {
				watch_rest_touch(&r, at);
				continue;
			}
			int wait = watch_rest_wait(&r, at);
			assert_int_equal(wait == 0, rows[i].step[k].what == 'y');
			assert_int_equal(watch_rest_over(&r, at), rows[i].step[k].what == 'y');
			if (wait > 0) /* and then it is */
				assert_int_equal(watch_rest_wait(&r, at + wait), 0);
		}
	}
}

/* ---- what ---- */

/* A folder `p` with a file, another folder `q`, and a clock of our own. */
struct world {
	char dir[64], p[96], q[96], file[128], sig[160];
	struct watch *w;
	long long now;
};

static void
put(const char *path, const char *text)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static int
make(void **state)
{
	struct world *x = calloc(1, sizeof(*x));
	struct err e = {0};

	assert_non_null(x);
	(void)snprintf(x->dir, sizeof(x->dir), "/tmp/pan-watch-XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	(void)snprintf(x->p, sizeof(x->p), "%s/p", x->dir);
	(void)snprintf(x->q, sizeof(x->q), "%s/q", x->dir);
	(void)snprintf(x->file, sizeof(x->file), "%s/policy.yaml", x->p);
	(void)snprintf(x->sig, sizeof(x->sig), "%s.sig", x->file);
	assert_int_equal(mkdir(x->p, 0700), 0);
	assert_int_equal(mkdir(x->q, 0700), 0);
	put(x->file, "one");
	x->now = 100000;
	assert_true(watch_new(&x->w, &e));
	const char *const files[] = {x->file, x->sig};
	assert_true(watch_files(x->w, files, 2, x->now, &e));
	*state = x;
	return 0;
}

static int
clear(void **state)
{
	struct world *x = *state;
	char command[128];

	watch_free(x->w);
	(void)snprintf(command, sizeof(command), "rm -r %s", x->dir);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
	free(x);
	return 0;
}

/* Is it time, a moment after the last event, and then, when it has rested? */
static bool
comes(struct world *x)
{
	x->now += 10;
	assert_false(watch_due(x->w, x->now));
	x->now += WATCH_REST_MS;
	return watch_due(x->w, x->now);
}

static void
name_in(const struct world *x, const char *name, char out[160])
{
	(void)snprintf(out, 160, "%s/%s", x->p, name);
}

static void
quiet(void **state)
{
	struct world *x = *state;
	char other[160];

	assert_true(watch_fd(x->w) >= 0);
	assert_false(comes(x));
	name_in(x, "other", other);
	put(other, "x"); /* no file of ours */
	assert_false(comes(x));
	assert_int_equal(chmod(x->file, 0644), 0);
	assert_false(comes(x));
	AUTO_FD fd = open(x->file, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_false(comes(x));
}

static void
written_and_closed(void **state)
{
	struct world *x = *state;

	put(x->file, "two");
	assert_true(comes(x));
	assert_false(comes(x));
	put(x->sig, "sig"); /* one that was not there */
	assert_true(comes(x));
}

/* As long as somebody has it half-written, nobody looks; not even when others come and go. */
static void
half_written(void **state)
{
	struct world *x = *state;
	int fd = open(x->file, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "half", 4), 4);
	assert_false(comes(x));
	put(x->sig, "sig");
	assert_false(comes(x));
	assert_int_equal(write(fd, "whole", 5), 5);
	x->now += 10 * WATCH_LONG_MS;
	assert_false(watch_due(x->w, x->now));
	(void)close(fd);
	assert_true(comes(x));
}

/* vi: the old one is renamed, the new one written in its place, the old one removed. */
static void
editors_dance(void **state)
{
	struct world *x = *state;
	char old[160];

	name_in(x, "policy.yaml~", old);
	assert_int_equal(rename(x->file, old), 0);
	int fd = open(x->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && write(fd, "half", 4) == 4);
	assert_false(comes(x));
	assert_int_equal(unlink(old), 0);
	(void)close(fd);
	assert_true(comes(x));
	assert_false(comes(x));
	put(x->file, "again"); /* and the new file is watched as the old one was */
	assert_true(comes(x));
}

static void
moved_into_place(void **state)
{
	struct world *x = *state;
	char from[160];

	name_in(x, ".policy.yaml.tmp", from);
	put(from, "two");
	assert_false(comes(x));
	assert_int_equal(rename(from, x->file), 0);
	assert_true(comes(x));
	/* A file that is a link to what is moved. */
	assert_int_equal(unlink(x->file), 0);
	assert_int_equal(symlink("current/policy.yaml", x->file), 0);
	char link[160];
	char new[160];
	name_in(x, "current", link);
	name_in(x, "new", new);
	assert_int_equal(symlink("../q", new), 0);
	assert_false(comes(x));
	assert_int_equal(rename(new, link), 0);
	assert_true(comes(x));
}

/* The whole folder is another one: seen within a second. */
static void
folder_replaced(void **state)
{
	struct world *x = *state;
	char old[96];
	char there[128];

	(void)snprintf(there, sizeof(there), "%s/policy.yaml", x->q);
	put(there, "two");
	(void)snprintf(old, sizeof(old), "%s/old", x->dir);
	assert_int_equal(rename(x->p, old), 0);
	assert_int_equal(rename(x->q, x->p), 0);
	assert_in_range(watch_wait(x->w, x->now), 0, WATCH_LOOK_MS);
	x->now += WATCH_LOOK_MS;
	assert_true(!watch_due(x->w, x->now) && comes(x));
	put(x->file, "three");
	assert_true(comes(x));
	/* Gone, and there again. */
	char command[256];
	(void)snprintf(command, sizeof(command), "rm -r %s", x->p);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
	x->now += WATCH_LOOK_MS;
	(void)watch_due(x->w, x->now);
	x->now += WATCH_LOOK_MS;
	(void)watch_due(x->w, x->now);
	assert_false(comes(x));
	assert_int_equal(mkdir(x->p, 0700), 0);
	put(x->file, "four");
	x->now += WATCH_LOOK_MS;
	assert_true(!watch_due(x->w, x->now) && comes(x));
	put(x->file, "five");
	assert_true(comes(x));
}

static void
other_files(void **state)
{
	struct world *x = *state;
	char there[128];
	struct err e = {0};

	(void)snprintf(there, sizeof(there), "%s/other.yaml", x->q);
	const char *const files[] = {there};
	put(x->file, "two"); /* just before: looked at all the same */
	x->now += 10;
	assert_false(watch_due(x->w, x->now));
	assert_true(watch_files(x->w, files, 1, x->now, &e));
	assert_true(comes(x));
	put(x->file, "three"); /* no file of ours any more */
	assert_false(comes(x));
	put(there, "two");
	assert_true(comes(x));
	assert_true(watch_files(x->w, NULL, 0, x->now, &e));
	put(there, "three");
	assert_false(comes(x));
	assert_int_equal(watch_wait(x->w, x->now), -1);
}

int
main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, make, clear)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resting),
		WORLD_TEST(quiet),
		WORLD_TEST(written_and_closed),
		WORLD_TEST(half_written),
		WORLD_TEST(editors_dance),
		WORLD_TEST(moved_into_place),
		WORLD_TEST(folder_replaced),
		WORLD_TEST(other_files),
	};
	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
