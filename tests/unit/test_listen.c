/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/listen.h"

#include <fcntl.h>
#include <unistd.h>

static const char *const loopback[] = {"127.0.0.1:0"};

static struct settings
settings_of(const char *const *addresses, size_t n, unsigned workers)
{
	return (struct settings){
		.file = "agent.yaml", .listen = {addresses, n}, .workers = workers};
}

static void
name_of(int fd, char out[64])
{
	AUTO_BUF name = BUF_INIT(64);

	listen_name(fd, &name);
	assert_true(span_cstr(buf_span(&name), out, 64));
}

/* Port 0 is one port for all workers; a port that is taken is said, though it is ours. */
static void
test_own(void **state)
{
	struct settings s = settings_of(loopback, 1, 3);
	struct listen_set l = {0};
	struct listen_set second = {0};
	struct err e = {0};
	char first[64];
	char other[64];

	(void)state;
	assert_true(listen_open(&l, &s, NULL));
	assert_int_equal(l.n, 3);
	name_of(l.fd[0], first);
	for (size_t i = 1; i < l.n; i++) {
		name_of(l.fd[i], other);
		assert_string_equal(first, other);
		assert_true((fcntl(l.fd[i], F_GETFL) & O_NONBLOCK) != 0);
		assert_int_equal(fcntl(l.fd[i], F_GETFD), FD_CLOEXEC);
	}
	const char *taken[] = {first};
	struct settings again = settings_of(taken, 1, 1);
	assert_false(listen_open(&second, &again, &e));
	assert_non_null(strstr(e.msg, "cannot listen on 127.0.0.1:"));
	assert_int_equal(second.n, 0);
	listen_close(&l);
	assert_true(listen_open(&second, &again, NULL)); /* nobody holds it any more */
	listen_close(&second);
}

static void
test_nowhere(void **state)
{
	struct settings s = settings_of(NULL, 0, 1);
	struct listen_set l = {0};
	struct err e = {0};

	(void)state;
	assert_false(listen_check(&l, &s, &e));
	assert_non_null(strstr(e.msg, "set `listen:` in agent.yaml"));
}

/* What systemd does before it starts us: descriptor 3 and three variables. */
static void
pass(int fd, const char *name, bool to_us)
{
	char pid[16];

	assert_int_equal(dup2(fd, 3), 3);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid() + (to_us ? 0 : 1));
	/* NOLINTBEGIN(concurrency-mt-unsafe): this test has one thread */
	assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", "1", 1), 0);
	assert_int_equal(setenv("LISTEN_FDNAMES", name, 1), 0);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

static const struct row {
	const char *name, *given;
	bool to_us, listens, good;
	size_t n;
} rows[] = {
	{"https", "https", true, true, true, 1},
	{"for another process", "https", false, true, true, 0},
	{"unknown name", "sftp", true, true, false, 0},
	{"no name", "", true, true, false, 0},
	{"not listening", "https", true, false, false, 0},
};

static void
check_inherit(const struct row *r, int fd)
{
	struct listen_set l = {0};
	struct err e = {0};

	pass(fd, r->given, r->to_us);
	assert_int_equal(listen_inherit(&l, &e), r->good);
	assert_int_equal(l.n, r->n);
	assert_int_equal(e.msg[0] == '\0', r->good);
	assert_null(secure_getenv("LISTEN_FDS")); /* no child takes them for its own */
	listen_close(&l);
	(void)close(3);
}

static void
test_inherit(void **state)
{
	struct settings s = settings_of(loopback, 1, 1);
	struct listen_set own = {0};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int file = fcntl(null, F_DUPFD_CLOEXEC, 16); /* out of the way of descriptor 3 */

	(void)state;
	(void)close(null);
	assert_true(listen_open(&own, &s, NULL));
	int fd = fcntl(own.fd[0], F_DUPFD_CLOEXEC, 16);
	listen_close(&own);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		check_inherit(&rows[i], rows[i].listens ? fd : file);
	}
	(void)close(fd);
	(void)close(file);
}

static void
test_agreement(void **state)
{
	struct settings s = settings_of(loopback, 1, 1);
	struct listen_set l = {0};
	struct listen_set other = {0};
	struct err e = {0};
	char name[64];

	(void)state;
	assert_true(listen_open(&l, &s, NULL));
	l.inherited = true;
	name_of(l.fd[0], name);
	const char *same[] = {name};
	const char *more[] = {name, "127.0.0.1:1"};
	struct settings agrees = settings_of(same, 1, 1);
	struct settings more_than_that = settings_of(more, 2, 1);
	struct settings silent = settings_of(NULL, 0, 1);
	assert_true(listen_check(&l, &agrees, NULL));
	assert_true(listen_check(&l, &silent, NULL));
	assert_false(listen_check(&l, &more_than_that, NULL));
	assert_false(listen_check(&l, &s, &e)); /* port 0 is not its port */
	assert_non_null(strstr(e.msg, name));
	assert_non_null(strstr(e.msg, "127.0.0.1:0"));
	assert_true(listen_open(&other, &s, NULL));
	l.fd[l.n++] = other.fd[0]; /* one socket more than addresses */
	assert_false(listen_check(&l, &agrees, NULL));
	listen_close(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_inherit),
		cmocka_unit_test(test_agreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
