/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/catalog/schema.h"
#include "agent/catalog/store.h"

#include <sys/stat.h>
#include <unistd.h>

enum { Q_PUT, Q_GET, Q_SLOW, Q_COUNT };
static const char *const sql[Q_COUNT] = {
	[Q_PUT] = "INSERT INTO meta(key, value) VALUES (?, ?)",
	[Q_GET] = "SELECT value FROM meta WHERE key = ?",
	[Q_SLOW] =
		"WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i FROM c) SELECT max(i) FROM c",
};

struct place {
	char dir[64], path[96];
};

static void
place_make(struct place *p)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/pan_store_XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof(p->path), "%s/c at?100%%.sqlite", p->dir);
}

static void
place_remove(struct place *p)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
	char name[128];

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", p->path, tails[i]);
		(void)unlink(name);
	}
	assert_int_equal(rmdir(p->dir), 0);
}

static struct store *
writer(const struct place *p)
{
	struct store *s = NULL;
	struct err e = {0};

	if (!store_open(p->path, STORE_WRITE, &s, &e) || !schema_create(s, &e) ||
		!store_prepare(s, sql, Q_COUNT, &e))
		fail_msg("%s", e.msg);
	return s;
}

static void
values(void **state)
{
	struct place p;
	struct err e = {0};
	int64_t n = 0;

	(void)state;
	place_make(&p);
	struct store *w = writer(&p);
	assert_true(store_number(w, "PRAGMA page_size", &n, &e));
	assert_int_equal(n, STORE_PAGE);
	assert_true(store_begin(w, &e));
	store_text(w, Q_PUT, 1, SPAN("a"));
	store_text(w, Q_PUT, 2, SPAN(""));
	assert_true(store_do(w, Q_PUT, &e));
	assert_true(store_commit(w, &e));
	store_text(w, Q_GET, 1, SPAN("a"));
	assert_int_equal(store_step(w, Q_GET, &e), STORE_ROW);
	assert_non_null(store_col_text(w, Q_GET, 0).p); /* empty is not absent */
	check_span(store_col_text(w, Q_GET, 0), "");
	assert_int_equal(store_step(w, Q_GET, &e), STORE_END);
	/* A binding that cannot be made comes out of the step, once. */
	store_i64(w, Q_GET, 9, 1);
	assert_int_equal(store_step(w, Q_GET, &e), STORE_FAIL);
	store_text(w, Q_GET, 1, SPAN("none"));
	assert_int_equal(store_step(w, Q_GET, &e), STORE_END);
	/* NOT NULL is told, not ignored. */
	store_text(w, Q_PUT, 1, SPAN("b"));
	store_text(w, Q_PUT, 2, SPAN_NONE);
	assert_false(store_do(w, Q_PUT, &e));
	assert_int_equal(e.code, ERR_UPSTREAM);
	/* What is rolled back is not there. */
	assert_true(store_begin(w, &e));
	store_text(w, Q_PUT, 1, SPAN("c"));
	store_text(w, Q_PUT, 2, SPAN("x"));
	assert_true(store_do(w, Q_PUT, &e));
	store_rollback(w);
	store_text(w, Q_GET, 1, SPAN("c"));
	assert_int_equal(store_step(w, Q_GET, &e), STORE_END);
	/* Nothing more goes into a file that has lost its name. */
	assert_int_equal(unlink(p.path), 0);
	assert_false(store_begin(w, &e));
	assert_non_null(strstr(e.msg, "restart pan-agentd"));
	store_close(w);
	place_remove(&p);
}

static void
deadline(void **state)
{
	struct place p;
	struct err e = {0};

	(void)state;
	place_make(&p);
	struct store *w = writer(&p);
	store_deadline(w, 30);
	assert_int_equal(store_step(w, Q_SLOW, &e), STORE_FAIL);
	assert_int_equal(e.code, ERR_LIMIT);
	store_deadline(w, 0);
	store_text(w, Q_GET, 1, SPAN("x"));
	assert_int_equal(store_step(w, Q_GET, &e), STORE_END);
	store_close(w);
	place_remove(&p);
}

static void
reader_and_writer(void **state)
{
	struct place p;
	struct err e = {0};
	struct store *r = NULL;

	(void)state;
	place_make(&p);
	assert_false(store_open(p.path, STORE_READ, &r, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	struct store *w = writer(&p);
	assert_true(store_open(p.path, STORE_READ, &r, &e));
	assert_false(store_is_snapshot(r));
	assert_true(schema_check(r, &e));
	assert_true(store_prepare(r, sql, Q_COUNT, &e));
	store_text(w, Q_PUT, 1, SPAN("k"));
	store_text(w, Q_PUT, 2, SPAN("v"));
	assert_true(store_do(w, Q_PUT, &e));
	store_text(r, Q_GET, 1, SPAN("k"));
	assert_int_equal(store_step(r, Q_GET, &e), STORE_ROW);
	check_span(store_col_text(r, Q_GET, 0), "v");
	store_reset(r, Q_GET);
	store_text(r, Q_PUT, 1, SPAN("z"));
	store_text(r, Q_PUT, 2, SPAN("v"));
	assert_false(store_do(r, Q_PUT, &e)); /* a reader writes nothing */
	store_close(r);
	store_close(w);
	place_remove(&p);
}

/* Nobody holds it open and this process may not write beside it: the file itself is read. */
static void
snapshot(void **state)
{
	struct place p;
	struct err e = {0};
	struct store *r = NULL;

	(void)state;
	place_make(&p);
	struct store *w = writer(&p);
	store_text(w, Q_PUT, 1, SPAN("k"));
	store_text(w, Q_PUT, 2, SPAN("v"));
	assert_true(store_do(w, Q_PUT, &e));
	store_close(w);
	if (geteuid() == 0) {
		assert_int_equal(chown(p.dir, 65534, 65534), 0);
		assert_int_equal(chmod(p.path, 0644), 0);
	}
	assert_int_equal(chmod(p.dir, 0555), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65533), 0);
	bool ok = store_open(p.path, STORE_READ, &r, &e);
	if (geteuid() == 65533)
		assert_int_equal(seteuid(0), 0);
	if (!ok)
		fail_msg("%s", e.msg);
	assert_true(store_is_snapshot(r));
	assert_true(schema_check(r, &e));
	store_close(r);
	assert_int_equal(chmod(p.dir, 0755), 0);
	place_remove(&p);
}

static void
strangers(void **state)
{
	static const char *const spoil[] = {
		"PRAGMA application_id = 1", "PRAGMA user_version = 99"};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct place p;
		place_make(&p);
		struct store *w = writer(&p);
		assert_true(store_run(w, spoil[i], &e));
		assert_false(schema_check(w, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_false(schema_create(w, &e));
		assert_false(store_in_transaction(w));
		store_close(w);
		place_remove(&p);
	}
	struct place p;
	struct store *r = NULL;
	place_make(&p);
	FILE *f = fopen(p.path, "we");
	assert_non_null(f);
	assert_true(fputs("this is not a database, but long enough to be read as one: "
			  "................................................................",
			    f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_false(store_open(p.path, STORE_READ, &r, &e));
	place_remove(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(deadline),
		cmocka_unit_test(reader_and_writer),
		cmocka_unit_test(snapshot),
		cmocka_unit_test(strangers),
	};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
