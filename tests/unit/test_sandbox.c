/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/catalog.h"
#include "agent/catalog/ingest.h"
#include "policy/view_all.h"
#include "tests/unit/sandbox_world.h"

#include <sys/prctl.h>

/* SQLite at its real work: it locks, maps, truncates, and asks much about paths. */
static int
try_write_catalogue(const struct world *w)
{
	struct ingest *i = NULL;
	struct err e = {0};
	char path[128];
	int64_t id = 0;

	(void)snprintf(path, sizeof(path), "%s/catalogue/c.sqlite", w->folder);
	bool ok = ingest_open(path, &i, &e) && ingest_begin(i, &e) &&
		  ingest_source(i, SPAN("raw"), 0, SPAN("/data"), &id, &e) &&
		  ingest_commit(i, &e) && ingest_settle(i, &e);
	if (!ok)
		(void)fprintf(stderr, "%s\n", e.msg);
	ingest_close(i);
	return ok ? 0 : EPERM;
}

static int
try_read_catalogue(const struct world *w)
{
	struct catalog *c = NULL;
	struct err e = {0};
	char path[128];
	struct catalog_counts n = {.datasets = 77};
	AUTO_ARENA a = {0};

	(void)snprintf(path, sizeof(path), "%s/catalogue/c.sqlite", w->folder);
	bool ok = arena_init(&a, 65536) && catalog_open(path, &c, &e) &&
		  catalog_count(c, view_all(), &a, &n, &e) && n.datasets == 0;
	if (!ok)
		(void)fprintf(stderr, "%s\n", e.msg);
	catalog_close(c);
	return ok ? 0 : EPERM;
}

/* What a missing part does: 1 refused with its name, 2 noted with its name, 0 neither. */
static int
without_landlock(bool required)
{
	static struct role r;
	struct settings s = {.sandbox_required = required, .landlock = false};
	struct err e = {0};
	char missing[256];

	r = (struct role){.what = PROCESS_READER, .settings = &s};
	if (!sandbox_enter(&r, missing, sizeof(missing), &e))
		return e.code == ERR_SYSTEM && strstr(e.msg, "Landlock") != NULL ? 1 : 0;
	return strstr(missing, "Landlock") != NULL ? 2 : 0;
}

static void
catalogue(void **state)
{
	struct world *w = *state;

	assert_int_equal(outcome(w, PROCESS_INDEXER, try_write_catalogue), 0);
	assert_int_equal(outcome(w, PROCESS_INDEXER, try_write_catalogue), 0); /* there already */
	assert_int_equal(outcome(w, PROCESS_GATE, try_read_catalogue), 0);
	assert_int_not_equal(outcome(w, PROCESS_FRONT, try_read_catalogue), 0);
	assert_int_equal(unlinkat(w->catalogue, "c.sqlite", 0), 0);
	(void)unlinkat(w->catalogue, "c.sqlite-wal", 0);
	(void)unlinkat(w->catalogue, "c.sqlite-shm", 0);
}

static void
a_part_is_missing(void **state)
{
	(void)state;
	for (int required = 0; required < 2; required++) {
		int status = 0;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(without_landlock(required == 1));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), required == 1 ? 1 : 2);
	}
}

static void
supervisor_has_no_table(void **state)
{
	static struct role r = {.what = PROCESS_SUPERVISOR};
	struct err e = {0};
	char missing[16];
	(void)state;
	assert_false(sandbox_enter(&r, missing, sizeof(missing), &e));
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(catalogue),
		cmocka_unit_test(a_part_is_missing),
		cmocka_unit_test(supervisor_has_no_table),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
