/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/audit_world.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void
chain(void **state)
{
	struct place *p = *state;
	struct audit_item items[2] = {{.kind = "own", .rest = SPAN("\"a\":1")}, {.kind = "bare"}};
	struct audit_news news;
	struct audit *a = open_log(p, &news);
	AUTO_BUF text = BUF_INIT(1 << 20);

	assert_false(news.torn);
	assert_int_equal(news.lost_to, 0);
	assert_true(audit_append(a, items, 2, 1780000000123, NULL));
	assert_int_equal(items[1].ret_seq, 2);
	/* A clock that went back cannot reorder: the time of the line before stands. */
	assert_true(audit_append(a, items, 1, 5, NULL));
	assert_true(audit_flush(a, NULL));
	struct span all = whole(p, &text, "audit.jsonl");
	assert_int_equal(check_log(p), 3);
	assert_non_null(
		memmem(all.p, all.n, "{\"seq\":3,\"time\":\"2026-05-28T20:26:40.123Z\"", 42));
	assert_non_null(
		memmem(all.p, all.n, "\"kind\":\"own\",\"node\":\"gate-1\",\"a\":1}\n", 36));
	audit_free(a);
	/* Opened again: the chain goes on. */
	a = open_log(p, &news);
	assert_true(audit_append(a, items, 1, 1780000009000, NULL));
	assert_int_equal(items[0].ret_seq, 4);
	assert_int_equal(check_log(p), 4);
	audit_free(a);
}

static void
torn_line(void **state)
{
	struct place *p = *state;
	struct audit_news news;
	struct audit *a = open_log(p, &news);
	AUTO_BUF lost = BUF_INIT(1 << 20);

	assert_true(append(a, 1, AUDIT_JUNE) && audit_flush(a, NULL));
	audit_free(a);
	AUTO_FD fd = openat(p->dirfd, "audit.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "{\"seq\":2,\"ti", 12), 12);
	a = open_log(p, &news);
	assert_true(news.torn);
	assert_int_equal(news.lost_to, 0);
	check_span(whole(p, &lost, "audit.jsonl.torn"), "{\"seq\":2,\"ti\n");
	assert_true(append(a, 1, AUDIT_JUNE));
	assert_int_equal(check_log(p), 2);
	/* One that another process left while this one writes. */
	assert_int_equal(write(fd, "{\"seq\"", 6), 6);
	assert_true(append(a, 1, AUDIT_JUNE));
	audit_news(a, &news);
	assert_true(news.torn);
	audit_news(a, &news);
	assert_false(news.torn); /* told once */
	assert_int_equal(check_log(p), 3);
	audit_free(a);
}

/* An old and a new gate write side by side during a reload; the chain holds. */
static void
two_processes(void **state)
{
	struct place *p = *state;
	pid_t child[2];

	for (int c = 0; c < 2; c++) {
		child[c] = fork();
		if (child[c] == 0) {
			struct audit *a = open_log(p, NULL);
			bool ok = true;
			for (int i = 0; i < 40; i++)
				ok = append(a, 2, AUDIT_JUNE + i) && ok;
			_exit(!ok);
		}
	}
	for (int c = 0; c < 2; c++) {
		int status = 0;
		assert_int_equal(waitpid(child[c], &status, 0), child[c]);
		assert_int_equal(status, 0);
	}
	assert_in_range(check_log(p), 160, 162); /* one checkpoint by whoever came second */
}

static void *
append_and_flush(void *arg)
{
	struct audit *a = arg;
	char id[AUDIT_ID_LEN];
	size_t bad = 0;

	for (int i = 0; i < 20; i++) {
		bad += !append(a, 2, AUDIT_JUNE + i);
		/* Around the end of a month, so that the key changes beneath the others. */
		bad += !audit_subject_id(
			a, SPAN("iss"), SPAN("sub"), 1780271990 + i % 2 * 20, id, NULL);
		bad += !audit_flush(a, NULL);
		bad += !audit_checkpoint(a, AUDIT_JUNE + i, i == 10, NULL);
	}
	return (void *)bad;
}

static void
threads(void **state)
{
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);
	pthread_t id[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&id[i], NULL, append_and_flush, a), 0);
	for (size_t i = 0; i < 4; i++) {
		void *bad = NULL;
		assert_int_equal(pthread_join(id[i], &bad), 0);
		assert_null(bad);
	}
	assert_in_range(check_log(p), 161, 164);
	audit_free(a);
}

/* A file that may not grow stands for a full disk: nothing half-written stays, and the log goes on
 * after. */
static void
full_disk(void **state)
{
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);
	struct audit_news news;
	struct rlimit old;

	assert_true(append(a, 1, AUDIT_JUNE));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	struct rlimit small = {.rlim_cur = 300, .rlim_max = old.rlim_max};
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(append(a, 1, AUDIT_JUNE));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	audit_news(a, &news);
	assert_true(news.failing);
	assert_int_equal(check_log(p), 1);
	assert_true(append(a, 1, AUDIT_JUNE));
	audit_news(a, &news);
	assert_false(news.failing);
	assert_int_equal(check_log(p), 2);
	audit_free(a);
}

static void
names(void **state)
{
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);
	char one[AUDIT_ID_LEN];
	char two[AUDIT_ID_LEN];
	struct stat st;

	assert_true(audit_subject_id(a, SPAN("https://a"), SPAN("jane"), 1780000000, one, NULL));
	assert_int_equal(strlen(one), 8 + 32);
	assert_memory_equal(one, "2026-05:", 8);
	assert_true(audit_subject_id(a, SPAN("https://a"), SPAN("joe"), 1780000000, two, NULL));
	assert_string_not_equal(one, two);
	/* The seam between issuer and subject cannot be moved. */
	assert_true(audit_subject_id(a, SPAN("https://aj"), SPAN("ane"), 1780000000, two, NULL));
	assert_string_not_equal(one, two);
	assert_true(audit_subject_id(a, SPAN("https://a"), SPAN("jane"), 1782900000, two, NULL));
	assert_memory_equal(two, "2026-07:", 8);
	assert_string_not_equal(one + 8, two + 8);
	audit_free(a);
	/* Another process finds the month's key again. */
	a = open_log(p, NULL);
	assert_true(audit_subject_id(a, SPAN("https://a"), SPAN("jane"), 1780000000, two, NULL));
	assert_string_equal(one, two);
	audit_free(a);
	assert_int_equal(fstatat(p->dirfd, "audit-key-2026-05", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- checkpoints ---- */

static struct audit_verified
found(const struct place *p)
{
	static const char *const log[] = {"audit.jsonl", NULL};
	struct err e;
	struct audit_verified v = verify(p, log, &e);

	if (e.code != ERR_NONE)
		fail_msg("%s", e.msg);
	return v;
}

/* With two processes, too: no 1000 records without one. */
static void
checkpoints(void **state)
{
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);
	struct audit *b = open_log(p, NULL);
	struct stat st;

	for (int i = 0; i < 99; i++)
		assert_true(append(i % 3 == 0 ? b : a, 20, AUDIT_JUNE));
	struct audit_verified v = found(p);
	assert_int_equal(v.checkpoints + 1980, v.records);
	assert_in_range(v.checkpoints, 1, 3);
	assert_true(v.signed_upto + 1000 > v.last_seq);
	assert_int_equal(fstatat(p->dirfd, "audit-sign.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fstatat(p->dirfd, "audit-sign.pub", &st, 0), 0);
	assert_int_equal(st.st_mode & 0077, 0044);
	audit_free(a);
	audit_free(b);
}

static void
exactly_a_thousand(void **state)
{
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);

	for (int i = 0; i < 37; i++)
		assert_true(append(a, 27, AUDIT_JUNE));
	assert_int_equal(found(p).records, 999 + 1); /* 37 * 27 */
	assert_int_equal(found(p).signed_upto, 999);
	assert_true(append(a, 64, AUDIT_JUNE));
	assert_int_equal(found(p).records, 1064);
	audit_free(a);
}

static void
hourly(void **state)
{
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);

	assert_true(audit_checkpoint(a, AUDIT_JUNE, true, NULL)); /* nothing to sign */
	assert_true(append(a, 1, AUDIT_JUNE));
	assert_true(append(a, 1, AUDIT_JUNE + AUDIT_CHECKPOINT_MS - 1));
	assert_true(audit_checkpoint(a, AUDIT_JUNE + AUDIT_CHECKPOINT_MS - 1, false, NULL));
	assert_int_equal(found(p).records, 2);
	assert_true(audit_checkpoint(a, AUDIT_JUNE + AUDIT_CHECKPOINT_MS, false, NULL));
	assert_int_equal(found(p).signed_upto, 2);
	assert_true(audit_checkpoint(a, AUDIT_JUNE + 9 * AUDIT_CHECKPOINT_MS, true, NULL));
	assert_int_equal(found(p).records, 3); /* nothing new since */
	/* The record that comes after an hour brings its own, and a new process knows of it. */
	assert_true(append(a, 1, AUDIT_JUNE + 2 * AUDIT_CHECKPOINT_MS));
	assert_int_equal(found(p).records, 4);
	assert_true(audit_flush(a, NULL));
	audit_free(a);
	a = open_log(p, NULL);
	assert_true(append(a, 1, AUDIT_JUNE + 2 * AUDIT_CHECKPOINT_MS + 1));
	assert_int_equal(found(p).records, 6);
	assert_int_equal(found(p).signed_upto, 4);
	assert_true(audit_checkpoint(a, AUDIT_JUNE, true, NULL));
	assert_int_equal(found(p).signed_upto, 6);
	audit_free(a);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, audit_setup, audit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(chain),
		TEST(torn_line),
		TEST(two_processes),
		TEST(threads),
		TEST(full_disk),
		TEST(names),
		TEST(checkpoints),
		TEST(exactly_a_thousand),
		TEST(hourly),
	};
	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
