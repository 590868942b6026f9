/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/notify.h"
#include "agent/base/scope.h"
#include "tests/unit/check.h"

#include <sys/socket.h>
#include <sys/un.h>

/* A datagram socket as the service manager holds it; its name goes to NOTIFY_SOCKET. */
static int
listen_at(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0 && span_cstr(span_of(name), a.sun_path, sizeof(a.sun_path)));
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&a,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void
hear(int fd, const char *want)
{
	char got[1024];
	ssize_t n = recv(fd, got, sizeof(got), 0);

	assert_true(n > 0);
	check_span(((struct span){got, (size_t)n}), want);
}

static void
messages(void **state)
{
	char ready[64];
	char name[64];
	struct notify n;

	(void)state;
	(void)snprintf(name, sizeof(name), "@pan-test-notify-%d", (int)getpid());
	(void)snprintf(
		ready, sizeof(ready), "READY=1\nSTATUS=1 policy\nMAINPID=%d\n", (int)getpid());
	AUTO_FD fd = listen_at(name);
	assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
	assert_true(notify_init(&n, NULL));
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_int_equal(n.watchdog_us, 30000000);
	assert_true(notify_ready(&n, "1 policy", NULL));
	hear(fd, ready);
	assert_true(notify_ready(&n, "1 policy\nWATCHDOG=trigger", NULL));
	hear(fd, ready);
	assert_true(notify_watchdog(&n, NULL));
	hear(fd, "WATCHDOG=1\n");
	assert_true(notify_stopping(&n, "draining", NULL));
	hear(fd, "STOPPING=1\nSTATUS=draining\n");
	assert_true(notify_extend(&n, 20, NULL));
	hear(fd, "EXTEND_TIMEOUT_USEC=20000000\n");
	notify_fini(&n);
}

static void
reloading(void **state)
{
	struct notify n;
	char name[64];
	char got[256];

	(void)state;
	(void)snprintf(name, sizeof(name), "@pan-test-reload-%d", (int)getpid());
	AUTO_FD fd = listen_at(name);
	assert_true(notify_init(&n, NULL));
	assert_int_equal(n.watchdog_us, 0);
	assert_true(notify_reloading(&n, NULL));
	ssize_t len = recv(fd, got, sizeof(got), 0);
	assert_true(len > 0);
	struct span rest = {got, (size_t)len};
	check_span(span_cut(&rest, '\n'), "RELOADING=1");
	check_span(span_cut(&rest, '='), "MONOTONIC_USEC");
	uint64_t usec = 0;
	assert_true(span_u64(span_cut(&rest, '\n'), UINT64_MAX, &usec) && usec > 0);
	notify_fini(&n);
}

static void
long_status(void **state)
{
	struct notify n;
	char name[64];
	char status[3000];
	char got[4096];

	(void)state;
	memset(status, 'a', sizeof(status));
	status[sizeof(status) - 1] = '\0';
	(void)snprintf(name, sizeof(name), "@pan-test-long-%d", (int)getpid());
	AUTO_FD fd = listen_at(name);
	assert_true(notify_init(&n, NULL));
	assert_true(notify_ready(&n, status, NULL)); /* cut, but READY=1 gets out */
	ssize_t len = recv(fd, got, sizeof(got), 0);
	assert_true(len > 400 && len < 512);
	notify_fini(&n);
}

static void
nobody(void **state)
{
	static const char *const bad[] = {
		"relative", "", "@", "/", "/nonexistent/pan-agent/notify"};
	struct notify n;
	struct err e = {0};

	(void)state;
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_true(notify_init(&n, NULL));
	assert_int_equal(n.fd, -1);
	assert_true(notify_ready(&n, "", &e) && notify_watchdog(&n, &e));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", bad[i], 1), 0);
		assert_false(notify_init(&n, &e));
		assert_true(notify_ready(&n, "", &e));
		notify_fini(&n);
	}
}

static void
other_watchdog(void **state)
{
	struct notify n;
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@pan-test-watchdog-%d", (int)getpid());
	AUTO_FD fd = listen_at(name);
	assert_int_equal(setenv("WATCHDOG_USEC", "5", 1), 0);
	assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
	assert_true(notify_init(&n, NULL));
	assert_int_equal(n.watchdog_us, 0);
	assert_null(getenv("WATCHDOG_PID"));
	assert_true(notify_watchdog(&n, NULL)); /* who asks is still heard */
	hear(fd, "WATCHDOG=1\n");
	notify_fini(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(reloading),
		cmocka_unit_test(long_status),
		cmocka_unit_test(nobody),
		cmocka_unit_test(other_watchdog),
	};
	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
