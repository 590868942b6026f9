/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit.h"

#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/scope.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
	char dir[64];
	int dirfd;
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/pan-audit-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->dirfd = open(p->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	AUTO_DIR d = opendir(p->dir);

	for (struct dirent *x = readdir(d); x != NULL;
		x = readdir(d)) // NOLINT(concurrency-mt-unsafe): one thread
		(void)unlinkat(p->dirfd, x->d_name, 0);
	(void)rmdir(p->dir);
	(void)close(p->dirfd);
	free(p);
	return 0;
}

static struct audit *
open_log(const struct place *p, bool *torn)
{
	struct audit *a = NULL;
	struct err e = {0};
	int fd = openat(p->dirfd, "audit.jsonl", O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (!audit_open(&fd, p->dirfd, "gate-1", AUDIT_SYNC_SECOND, &a, &e))
		fail_msg("%s", e.msg);
	*torn = audit_was_torn(a);
	return a;
}

static struct span
whole(const struct place *p, struct buf *b, const char *name)
{
	AUTO_FD fd = openat(p->dirfd, name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && buf_reserve(b, 65536));
	ssize_t n = read(fd, b->p, 65536);
	assert_true(n >= 0);
	b->n = (size_t)n;
	return buf_span(b);
}

/* Each line's prev is the hash of the line before, numbers rise by one, the last line is whole. */
static size_t
check_chain(struct span text)
{
	char want[65] = {0};
	size_t n = 0;

	memset(want, '0', 64);
	assert_true(text.n == 0 || text.p[text.n - 1] == '\n');
	while (text.n > 0) {
		struct span line = span_cut(&text, '\n');
		AUTO_BUF head = BUF_INIT(256);
		AUTO_BUF hex = BUF_INIT(128);
		uint8_t hash[32];
		buf_addf(&head, "{\"seq\":%zu,\"time\":\"", ++n);
		assert_true(span_starts(line, buf_span(&head)));
		const char *prev = memmem(line.p, line.n, "\"prev\":\"", 8);
		assert_non_null(prev);
		assert_memory_equal(prev + 8, want, 64);
		assert_true(crypto_sha256(line, hash));
		buf_add_hex(&hex, hash, 32);
		memcpy(want, hex.p, 64);
	}
	return n;
}

static void
chain(void **state)
{
	struct place *p = *state;
	struct audit_item items[2] = {
		{.kind = "decision", .rest = SPAN("\"a\":1")}, {.kind = "close"}};
	bool torn = false;
	struct audit *a = open_log(p, &torn);
	AUTO_BUF text = BUF_INIT(1 << 20);

	assert_false(torn);
	assert_true(audit_append(a, items, 2, 1780000000123, NULL));
	assert_int_equal(items[1].ret_seq, 2);
	/* A clock that went back cannot reorder: the time of the line before stands. */
	assert_true(audit_append(a, items, 1, 5, NULL));
	assert_true(audit_flush(a, NULL));
	struct span all = whole(p, &text, "audit.jsonl");
	assert_int_equal(check_chain(all), 3);
	assert_non_null(
		memmem(all.p, all.n, "{\"seq\":3,\"time\":\"2026-05-28T20:26:40.123Z\"", 42));
	assert_non_null(
		memmem(all.p, all.n, "\"kind\":\"decision\",\"node\":\"gate-1\",\"a\":1}\n", 41));
	audit_free(a);
	/* Opened again: the chain goes on. */
	a = open_log(p, &torn);
	assert_true(audit_append(a, items, 1, 1790000000000, NULL));
	assert_int_equal(items[0].ret_seq, 4);
	assert_int_equal(check_chain(whole(p, &text, "audit.jsonl")), 4);
	audit_free(a);
}

static void
torn_line(void **state)
{
	struct place *p = *state;
	struct audit_item item = {.kind = "start"};
	bool torn = false;
	struct audit *a = open_log(p, &torn);
	AUTO_BUF text = BUF_INIT(1 << 20);
	AUTO_BUF lost = BUF_INIT(1 << 20);

	assert_true(audit_append(a, &item, 1, 1780000000000, NULL));
	audit_free(a);
	AUTO_FD fd = openat(p->dirfd, "audit.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "{\"seq\":2,\"ti", 12), 12);
	a = open_log(p, &torn);
	assert_true(torn);
	check_span(whole(p, &lost, "audit.torn"), "{\"seq\":2,\"ti\n");
	assert_true(audit_append(a, &item, 1, 1780000000000, NULL));
	assert_int_equal(check_chain(whole(p, &text, "audit.jsonl")), 2);
	audit_free(a);
}

/* An old and a new gate write side by side during a reload; the chain holds. */
static void
two_processes(void **state)
{
	struct place *p = *state;
	bool torn = false;
	AUTO_BUF text = BUF_INIT(1 << 20);
	pid_t child[2];

	for (int c = 0; c < 2; c++) {
		child[c] = fork();
		if (child[c] == 0) {
			struct audit *a = open_log(p, &torn);
			struct audit_item items[2] = {{.kind = "close"}, {.kind = "close"}};
			int bad = 0;
			for (int i = 0; i < 40; i++)
				bad |= !audit_append(a, items, 2, 1780000000000 + i, NULL);
			_exit(bad);
		}
	}
	for (int c = 0; c < 2; c++) {
		int status = 0;
		assert_int_equal(waitpid(child[c], &status, 0), child[c]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(check_chain(whole(p, &text, "audit.jsonl")), 160);
}

static void *
append_and_flush(void *arg)
{
	struct audit *a = arg;
	struct audit_item items[2] = {{.kind = "decision"}, {.kind = "close"}};
	char id[AUDIT_ID_LEN];
	size_t bad = 0;

	for (int i = 0; i < 20; i++) {
		bad += !audit_append(a, items, 2, 1780000000000 + i, NULL);
		bad += items[1].ret_seq != items[0].ret_seq + 1;
		/* Around the end of a month, so that the key changes beneath the others. */
		bad += !audit_subject_id(
			a, SPAN("iss"), SPAN("sub"), 1780271990 + i % 2 * 20, id, NULL);
		bad += !audit_flush(a, NULL);
	}
	return (void *)bad;
}

static void
threads(void **state)
{
	struct place *p = *state;
	bool torn = false;
	struct audit *a = open_log(p, &torn);
	AUTO_BUF text = BUF_INIT(1 << 20);
	pthread_t id[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&id[i], NULL, append_and_flush, a), 0);
	for (size_t i = 0; i < 4; i++) {
		void *bad = NULL;
		assert_int_equal(pthread_join(id[i], &bad), 0);
		assert_null(bad);
	}
	assert_int_equal(check_chain(whole(p, &text, "audit.jsonl")), 160);
	audit_free(a);
}

/* A file that may not grow stands for a full disk: nothing half-written stays, and the log goes on
 * after. */
static void
full_disk(void **state)
{
	struct place *p = *state;
	struct audit_item item = {.kind = "close",
		.rest = SPAN("\"x\":\"0123456789012345678901234567890123456789\"")};
	bool torn = false;
	struct audit *a = open_log(p, &torn);
	struct err e = {0};
	struct rlimit old;
	AUTO_BUF text = BUF_INIT(1 << 20);

	assert_true(audit_append(a, &item, 1, 1780000000000, NULL));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	struct rlimit small = {.rlim_cur = 300, .rlim_max = old.rlim_max};
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(audit_append(a, &item, 1, 1780000000000, &e));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_int_equal(check_chain(whole(p, &text, "audit.jsonl")), 1);
	assert_true(audit_append(a, &item, 1, 1780000000000, NULL));
	assert_int_equal(check_chain(whole(p, &text, "audit.jsonl")), 2);
	audit_free(a);
}

static void
names(void **state)
{
	struct place *p = *state;
	bool torn = false;
	struct audit *a = open_log(p, &torn);
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
	a = open_log(p, &torn);
	assert_true(audit_subject_id(a, SPAN("https://a"), SPAN("jane"), 1780000000, two, NULL));
	assert_string_equal(one, two);
	audit_free(a);
	assert_int_equal(fstatat(p->dirfd, "audit-key-2026-05", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chain, setup, teardown),
		cmocka_unit_test_setup_teardown(torn_line, setup, teardown),
		cmocka_unit_test_setup_teardown(two_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(threads, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(names, setup, teardown),
	};
	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
