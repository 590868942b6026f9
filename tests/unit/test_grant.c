/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/scope.h"
#include "policy/grant_issue.h"
#include "tests/unit/check.h"

#include <fcntl.h>
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid),
		cmocka_unit_test(set_back),
	};
	return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
