/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to the files of an audit log: new ones, lost ones, faults, the end of old ones. */
#include "policy/audit_expire.h"
#include "tests/unit/audit_world.h"

#include <signal.h>
#include <sys/wait.h>

#define JULY (AUDIT_JUNE + 30 * AUDIT_DAY)

static const char *const june_july[] = {"audit-2026-06.jsonl", "audit.jsonl", NULL};

static void
by_month(void **state)
{
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);
	struct audit *b = open_log(p, NULL);
	struct audit_news news;
	AUTO_BUF text = BUF_INIT(1 << 20);

	assert_true(append(a, 3, AUDIT_JUNE) && append(b, 2, AUDIT_JUNE + 29 * AUDIT_DAY));
	size_t before = check_log(p);
	assert_true(append(a, 1, JULY));
	audit_news(a, &news);
	assert_string_equal(news.turned, "audit-2026-06.jsonl");
	/* The new file begins with a checkpoint, which vouches for it alone; the other gate
	 * follows. */
	assert_true(span_starts(whole(p, &text, "audit.jsonl"), SPAN("{\"seq\":")));
	assert_non_null(memmem(text.p, 200, "\"kind\":\"checkpoint\"", 19));
	assert_true(audit_flush(a, NULL) && append(b, 1, JULY));
	audit_news(b, &news);
	assert_string_equal(news.turned, "");
	assert_int_equal(check_log(p), 3);
	assert_int_equal(check_files(p, june_july), before + 3);
	audit_free(a);
	audit_free(b);
	a = open_log(p, NULL);
	assert_true(append(a, 1, JULY));
	assert_int_equal(check_files(p, june_july), before + 4);
	audit_free(a);
}

static void
by_size(void **state)
{
	static const char *const three[] = {
		"audit-2026-06.jsonl", "audit-2026-06.2.jsonl", "audit.jsonl", NULL};
	struct place *p = *state;

	p->max = 4000;
	struct audit *a = open_log(p, NULL);
	while (!exists(p, three[1]))
		assert_true(append(a, 2, AUDIT_JUNE));
	audit_free(a);
	(void)check_files(p, three);
	struct stat st;
	assert_int_equal(fstatat(p->dirfd, three[0], &st, 0), 0);
	assert_in_range(st.st_size, 4000, 4400);
}

/* Both write and begin new files all the time. */
static void
two_that_turn(void **state)
{
	struct place *p = *state;
	const char *names[64] = {NULL};
	char name[64][AUDIT_NAME_MAX];
	pid_t child[2];
	size_t n = 0;

	p->max = 5000;
	for (int c = 0; c < 2; c++) {
		child[c] = fork();
		if (child[c] == 0) {
			struct audit *a = open_log(p, NULL);
			bool ok = true;
			for (int i = 0; i < 100; i++)
				ok = append(a, 3, AUDIT_JUNE + i) && audit_flush(a, NULL) && ok;
			_exit(!ok);
		}
	}
	for (int c = 0; c < 2; c++) {
		int status = 0;
		assert_int_equal(waitpid(child[c], &status, 0), child[c]);
		assert_int_equal(status, 0);
	}
	while (n < 62 && audit_names_older("audit.jsonl", "2026-06", (unsigned)n + 1, name[n]) &&
		exists(p, name[n])) {
		names[n] = name[n];
		n++;
	}
	names[n] = "audit.jsonl";
	assert_in_range(n, 15, 61);
	assert_true(check_files(p, names) >= 600);
}

/* The gate died after it had renamed the file. */
static void
died_between(void **state)
{
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);

	assert_true(append(a, 3, AUDIT_JUNE));
	audit_free(a);
	assert_int_equal(renameat(p->dirfd, "audit.jsonl", p->dirfd, "audit-2026-06.jsonl"), 0);
	a = open_log(p, NULL);
	assert_true(append(a, 1, AUDIT_JUNE));
	audit_free(a);
	assert_int_equal(check_files(p, june_july), 5);
}

/* Somebody's own tool takes the file away while the gate writes, or empties it. */
static void
taken_away(void **state)
{
	static const char *const files[] = {"x", "audit.jsonl", NULL};
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);
	struct audit_news news;

	assert_true(append(a, 3, AUDIT_JUNE));
	assert_int_equal(renameat(p->dirfd, "audit.jsonl", p->dirfd, "x"), 0);
	assert_true(append(a, 1, AUDIT_JUNE));
	assert_int_equal(check_files(p, files), 5);
	assert_int_equal(check_log(p), 2);
	AUTO_FD fd = openat(p->dirfd, "audit.jsonl", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	audit_news(a, &news);
	assert_true(append(a, 1, AUDIT_JUNE));
	assert_int_equal(check_log(p), 2);
	audit_news(a, &news);
	assert_int_equal(news.lost_from, 1);
	assert_int_equal(news.lost_to, 5);
	/* Bytes that are no record stop it, until the file is moved away. */
	assert_int_equal(pwrite(fd, "nothing\n", 8, lseek(fd, 0, SEEK_END)), 8);
	assert_false(append(a, 1, AUDIT_JUNE));
	assert_int_equal(renameat(p->dirfd, "audit.jsonl", p->dirfd, "bad"), 0);
	assert_true(append(a, 1, AUDIT_JUNE));
	assert_int_equal(check_log(p), 2);
	assert_true(audit_flush(a, NULL));
	audit_free(a);
	/* Between two lives: what is known of it stands beside it. */
	assert_int_equal(unlinkat(p->dirfd, "audit.jsonl", 0), 0);
	a = open_log(p, &news);
	assert_int_equal(news.lost_to, 9);
	assert_true(append(a, 1, AUDIT_JUNE));
	assert_int_equal(check_log(p), 2);
	audit_free(a);
}

/* The last lines are cut off, whole ones: the hole is told, and stays to be seen. */
static void
cut(void **state)
{
	static const char *const log[] = {"audit.jsonl", NULL};
	struct place *p = *state;
	struct audit *a = open_log(p, NULL);
	struct audit_news news;
	AUTO_BUF text = BUF_INIT(1 << 20);
	struct err e;

	assert_true(append(a, 9, AUDIT_JUNE) && audit_flush(a, NULL));
	audit_free(a);
	struct span rest = whole(p, &text, "audit.jsonl");
	for (int i = 0; i < 6; i++)
		(void)span_cut(&rest, '\n');
	AUTO_FD fd = openat(p->dirfd, "audit.jsonl", O_RDWR | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)(text.n - rest.n)), 0);
	a = open_log(p, &news);
	assert_int_equal(news.lost_from, 7);
	assert_int_equal(news.lost_to, 9);
	assert_true(append(a, 1, AUDIT_JUNE));
	assert_int_equal(verify(p, log, &e).last_seq, 6);
	assert_string_equal(e.msg, "records 7 to 9 are missing before it");
	/* And while it is open. */
	assert_int_equal(ftruncate(fd, (off_t)(text.n - rest.n)), 0);
	assert_true(append(a, 1, AUDIT_JUNE));
	audit_news(a, &news);
	assert_int_equal(news.lost_from, 7);
	assert_true(news.lost_to >= 10);
	audit_free(a);
}

/* kill -9 while it writes: nothing that was there before is lost, and the chain goes on. */
static void
killed(void **state)
{
	struct place *p = *state;
	size_t least = 0;

	for (int i = 0; i < 60; i++) {
		int ends[2];
		uint64_t seq = 0;
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		pid_t child = fork();
		if (child == 0) {
			struct audit *a = open_log(p, NULL);
			struct audit_item item = {.kind = "own", .rest = SPAN("\"a\":1")};
			for (int64_t k = 0;; k++) {
				if (!audit_append(a, &item, 1, AUDIT_JUNE + k, NULL) ||
					write(ends[1], &item.ret_seq, 8) != 8)
					_exit(1);
				(void)audit_flush(a, NULL);
			}
		}
		(void)close(ends[1]);
		for (int k = 0; k <= i % 7; k++)
			assert_int_equal(read(ends[0], &seq, 8), 8);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		while (read(ends[0], &seq, 8) == 8)
			continue;
		(void)close(ends[0]);
		least = seq;
		if (i % 10 == 9) { /* half a line, as a torn page leaves it */
			AUTO_FD fd =
				openat(p->dirfd, "audit.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
			assert_int_equal(write(fd, "{\"seq\":99,", 10), 10);
		}
	}
	struct audit *a = open_log(p, NULL);
	assert_true(append(a, 1, AUDIT_JUNE));
	assert_true(check_log(p) > least);
	audit_free(a);
}

/* A log that may be read alone is no log. */
static void
read_only(void **state)
{
	struct place *p = *state;
	const struct audit_place at = {.dir = -1};
	struct audit *a = open_log(p, NULL);
	struct audit_item item = {.kind = "own"};
	struct audit_news news;
	struct err e = {0};

	audit_free(a);
	int fd = openat(p->dirfd, "audit.jsonl", O_RDONLY | O_CLOEXEC);
	assert_true(audit_open(&fd, &at, "g", AUDIT_SYNC_ALWAYS, &a, &e));
	assert_false(audit_append(a, &item, 1, AUDIT_JUNE, &e));
	assert_int_equal(e.code, ERR_SYSTEM);
	audit_news(a, &news);
	assert_true(news.failing);
	audit_free(a);
}

static void
no_log(void **state)
{
	static const char *const texts[] = {"hello\n", "{}\n", "{\"seq\":1}\n"};
	struct place *p = *state;
	const struct audit_place at = {.dir = p->dirfd, .name = "audit.jsonl"};

	for (size_t i = 0; i < 3; i++) {
		struct audit *a = NULL;
		struct err e = {0};
		int fd = openat(p->dirfd, "audit.jsonl",
			O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
		assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
		int was = fd;
		assert_false(audit_open(&fd, &at, "g", AUDIT_SYNC_ALWAYS, &a, &e));
		assert_int_equal(fd, was);
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_string_equal(e.ref, "POL-20");
		(void)close(fd);
	}
	AUTO_FD key = openat(p->dirfd, "audit-sign.key", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(key, "no key", 6), 6);
	int fd = openat(p->dirfd, "audit.jsonl", O_RDWR | O_APPEND | O_TRUNC | O_CLOEXEC);
	struct audit *a = NULL;
	struct err e = {0};
	assert_false(audit_open(&fd, &at, "g", AUDIT_SYNC_ALWAYS, &a, &e));
	assert_string_equal(e.ref, "RFC 8410");
	(void)close(fd);
}

/* ---- the end of old ones ---- */

static void
make(const struct place *p, const char *name, const char *text)
{
	AUTO_FD fd = openat(p->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
expire(void **state)
{
	static struct audit_expired_names gone;
	static const char *const left[] = {"audit-2026-08.jsonl", "audit.jsonl", NULL};
	struct place *p = *state;
	const struct audit_place at = {.dir = p->dirfd, .name = "audit.jsonl"};
	struct policy_audit rules = {
		.retention = {.months = 1}, .pseudonymise_after = {.days = 10}};
	struct audit *a = open_log(p, NULL);
	struct err e = {0};
	const int64_t july_end = 1785542400; /* 2026-08-01T00:00:00Z */
	const int64_t august_end = july_end + 31LL * 86400;

	assert_true(append(a, 2, AUDIT_JUNE) && append(a, 2, JULY) &&
		    append(a, 2, JULY + 31 * AUDIT_DAY) && append(a, 2, JULY + 62 * AUDIT_DAY));
	audit_free(a);
	make(p, "audit-key-2026-06", "0123456789abcdef0123456789abcdef");
	make(p, "audit-key-2026-07", "0123456789abcdef0123456789abcdef");
	make(p, "audit-key-2026-13", "no month");
	make(p, "audit-2026-05.jsonl", "not a log\n");
	make(p, "audit-2026-04.jsonl", "");
	/* A second before the first is due: nothing. */
	assert_true(audit_expire(&at, &rules, 1782950400, &gone, &e)); /* 2026-07-02T00:00:00Z */
	assert_int_equal(gone.n_files, 1);                             /* 2026-06-01, and a month */
	assert_string_equal(gone.files[0], "audit-2026-06.jsonl");
	assert_int_equal(gone.n_keys, 0);
	assert_true(audit_expire(&at, &rules, july_end + 10 * 86400 - 1, &gone, &e));
	assert_int_equal(gone.n_files, 1); /* its last record is of 2026-07-01 */
	assert_string_equal(gone.files[0], "audit-2026-07.jsonl");
	assert_int_equal(gone.n_keys, 1);
	assert_string_equal(gone.keys[0], "audit-key-2026-06");
	assert_true(audit_expire(&at, &rules, july_end + 10 * 86400, &gone, &e));
	assert_int_equal(gone.n_files, 0);
	assert_int_equal(gone.n_keys, 1);
	assert_string_equal(gone.keys[0], "audit-key-2026-07");
	assert_false(exists(p, "audit-key-2026-07"));
	rules.retention = (struct period){.days = 100000};
	assert_true(audit_expire(&at, &rules, august_end * 2, &gone, &e));
	assert_int_equal(gone.n_files + gone.n_keys, 0);
	/* What is left is a chain, and what could not be read is there. */
	(void)check_files(p, left);
	assert_true(exists(p, "audit-key-2026-13") && exists(p, "audit-2026-05.jsonl") &&
		    exists(p, "audit-2026-04.jsonl") && exists(p, "audit-sign.key"));
	/* The log that is being written to never goes. */
	rules.retention = (struct period){0};
	assert_true(audit_expire(&at, &rules, august_end * 2, &gone, &e));
	assert_int_equal(gone.n_files, 1);
	(void)check_log(p);
}

/* ---- names ---- */

static void
file_names(void **state)
{
	static const struct {
		const char *log, *name;
		bool is;
	} rows[] = {
		{"audit.jsonl", "audit-2026-06.jsonl", true},
		{"audit.jsonl", "audit-2026-06.2.jsonl", true},
		{"audit.jsonl", "audit-2026-06.9999.jsonl", true},
		{"audit.jsonl", "audit-2026-06.10000.jsonl", false},
		{"audit.jsonl", "audit-2026-06.1.jsonl", false},
		{"audit.jsonl", "audit-2026-06.02.jsonl", false},
		{"audit.jsonl", "audit-2026-06..jsonl", false},
		{"audit.jsonl", "audit-2026-00.jsonl", false},
		{"audit.jsonl", "audit-2026-13.jsonl", false},
		{"audit.jsonl", "audit-2026-6.jsonl", false},
		{"audit.jsonl", "audit.jsonl", false},
		{"audit.jsonl", "audit-2026-06.jsonl.torn", false},
		{"audit.jsonl", "audit-2026-06.log", false},
		{"audit.jsonl", "other-2026-06.jsonl", false},
		{"log", "log-2026-06", true},
		{"log", "log-2026-06.2", true},
		{".log", ".log-2026-06", true},
	};
	char month[AUDIT_MONTH_LEN];
	char name[AUDIT_NAME_MAX];
	int64_t end = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(
			audit_names_is_older(rows[i].log, span_of(rows[i].name)), rows[i].is);
	}
	assert_true(audit_names_older("audit.jsonl", "2026-06", 3, name));
	assert_string_equal(name, "audit-2026-06.3.jsonl");
	audit_names_month(AUDIT_JUNE, month);
	assert_string_equal(month, "2026-06");
	assert_true(audit_names_month_end("2026-12", &end));
	assert_true(end == 1798761600); /* 2027-01-01T00:00:00Z */
	assert_false(audit_names_month_end("2026-1", &end));
	assert_true(audit_names_is_key(SPAN("audit-key-2026-06"), month));
	assert_false(audit_names_is_key(SPAN("audit-key-2026-06x"), month));
	assert_false(audit_names_is_key(SPAN("audit-key-2026-00"), month));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, audit_setup, audit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(by_month),
		TEST(by_size),
		TEST(two_that_turn),
		TEST(died_between),
		TEST(taken_away),
		TEST(cut),
		TEST(killed),
		TEST(read_only),
		TEST(no_log),
		TEST(expire),
		cmocka_unit_test(file_names),
	};
	return cmocka_run_group_tests_name("audit_file", tests, NULL, NULL);
}
