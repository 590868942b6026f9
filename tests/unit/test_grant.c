/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/scope.h"
#include "policy/grant_issue.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static struct grant *
issue(int64_t expires)
{
	struct grant_info info = {.expires = expires, .epoch = 1};
	AUTO_FD fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct grant *g = NULL;

	assert_true(grant_issue(&fd, &info, &g, NULL));
	return g;
}

/* By the clock that is given, and by the epoch. */
static void
valid(void **state)
{
	static const struct {
		const char *name;
		int64_t expires, now;
		uint64_t epoch;
		bool want;
	} rows[] = {
		{"before the end", 4000000000, 3999999999, 1, true},
		{"at the end", 4000000000, 4000000000, 1, false},
		{"another epoch", 4000000000, 3999999999, 2, false},
		{"without an end", INT64_MAX, 4000000000, 1, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		struct grant *g = issue(rows[i].expires);
		assert_int_equal(grant_valid(g, rows[i].now, rows[i].epoch), rows[i].want);
		grant_unref(g);
	}
}

/* A wall clock that is set back does not lengthen it. */
static void
set_back(void **state)
{
	int64_t now = (int64_t)time(NULL);
	struct grant *g = issue(now + 1);
	int waited = 0;

	(void)state;
	for (; grant_valid(g, now - 3600, 1) && waited < 300; waited++)
		(void)usleep(10000);
	assert_true(waited < 300);
	grant_unref(g);
}

/* Only what is granted for writing takes bytes, and only as many as were announced. */
static void
writes(void **state)
{
	struct grant_info info = {.kind = GRANT_WRITE, .size = 5};
	AUTO_FD fd = memfd_create("upload", MFD_CLOEXEC);
	struct grant *g = NULL;
	char back[8] = "";

	(void)state;
	assert_true(grant_issue(&fd, &info, &g, NULL));
	assert_int_equal(grant_info(g)->size, 5);
	assert_int_equal(grant_pwrite(g, "abc", 3, 0), 3);
	assert_int_equal(grant_pwrite(g, "de", 2, 3), 2);
	assert_int_equal(grant_pwrite(g, "f", 1, 5), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(grant_pwrite(g, "f", 1, UINT64_MAX), -1);
	assert_int_equal(grant_pread(g, back, sizeof(back), 0), 5);
	assert_string_equal(back, "abcde");
	assert_int_equal(grant_pipe(g), -1);
	grant_unref(g);
	g = issue(4000000000);
	assert_int_equal(grant_pwrite(g, "x", 1, 0), -1);
	assert_int_equal(errno, EBADF);
	grant_unref(g);
}

/* A pipe is what it says, and nothing else passes for one. */
static void
pipes(void **state)
{
	struct grant_info info = {.kind = GRANT_PIPE};
	struct grant *g = NULL;
	int ends[2] = {-1, -1};
	struct err e = {0};

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	int fd = ends[0];
	assert_true(grant_issue(&fd, &info, &g, NULL));
	assert_int_equal(grant_pipe(g), ends[0]);
	grant_unref(g);
	info.kind = GRANT_READ;
	assert_false(grant_issue(&ends[1], &info, &g, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	info.kind = GRANT_PIPE;
	AUTO_FD file = memfd_create("file", MFD_CLOEXEC);
	assert_false(grant_issue(&file, &info, &g, &e));
	(void)close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid),
		cmocka_unit_test(set_back),
		cmocka_unit_test(writes),
		cmocka_unit_test(pipes),
	};
	return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
