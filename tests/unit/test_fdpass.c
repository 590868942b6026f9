/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/fdpass.h"
#include "agent/base/scope.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

struct got {
	enum fdpass how;
	char text[64];
	size_t n, nfds;
	int fds[FDPASS_MAX];
	struct err e;
};

static struct got
receive(int sock)
{
	struct got g = {.how = FDPASS_FAIL};

	g.how = fdpass_recv(sock, g.text, sizeof(g.text), &g.n, g.fds, &g.nfds, &g.e);
	return g;
}

static void
messages(void **state)
{
	int s[2] = {-1, -1};
	AUTO_FD null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int two[2] = {null, null};

	(void)state;
	assert_true(fdpass_pair(s, true, NULL));
	assert_int_equal(receive(s[0]).how, FDPASS_AGAIN);
	assert_int_equal(fdpass_send(s[1], SPAN("hello"), two, 2, NULL), FDPASS_OK);
	struct got g = receive(s[0]);
	assert_int_equal(g.how, FDPASS_OK);
	check_span(((struct span){g.text, g.n}), "hello");
	assert_int_equal(g.nfds, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true((fcntl(g.fds[i], F_GETFD) & FD_CLOEXEC) != 0);
		(void)close(g.fds[i]);
	}
	assert_int_equal(g.fds[2], -1);
	char big[sizeof(g.text) + 1] = {0}; /* one byte more than the room: not half a message */
	assert_int_equal(
		fdpass_send(s[1], (struct span){big, sizeof(big)}, two, 1, NULL), FDPASS_OK);
	assert_int_equal(receive(s[0]).how, FDPASS_FAIL);
	(void)close(s[1]);
	assert_int_equal(receive(s[0]).how, FDPASS_CLOSED);
	assert_int_equal(fdpass_send(s[0], SPAN("x"), NULL, 0, NULL), FDPASS_CLOSED);
	(void)close(s[0]);
}

/* A process that ends with a question unread: what it said before is heard, and then why it left.
 */
static void
last_words(void **state)
{
	int s[2] = {-1, -1};

	(void)state;
	assert_true(fdpass_pair(s, true, NULL));
	assert_int_equal(fdpass_send(s[0], SPAN("question"), NULL, 0, NULL), FDPASS_OK);
	assert_int_equal(fdpass_send(s[1], SPAN("I must leave"), NULL, 0, NULL), FDPASS_OK);
	(void)close(s[1]);
	struct got g = receive(s[0]);
	assert_int_equal(g.how, FDPASS_OK);
	check_span(((struct span){g.text, g.n}), "I must leave");
	assert_int_equal(receive(s[0]).how, FDPASS_CLOSED);
	(void)close(s[0]);
	assert_true(fdpass_pair(s, true, NULL));
	assert_int_equal(fdpass_send(s[0], SPAN("question"), NULL, 0, NULL), FDPASS_OK);
	(void)close(s[1]);
	g = receive(s[0]);
	assert_int_equal(g.how, FDPASS_CLOSED);
	assert_int_equal(g.e.sys, ECONNRESET);
	(void)close(s[0]);
}

/* The bytes of a message are heard even where no descriptor is free for what came with it. */
static void
no_room(void **state)
{
	int s[2] = {-1, -1};
	AUTO_FD null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit was;

	(void)state;
	assert_true(fdpass_pair(s, true, NULL));
	assert_int_equal(fdpass_send(s[1], SPAN("granted"), &null, 1, NULL), FDPASS_OK);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	struct rlimit none = {.rlim_cur = 0, .rlim_max = was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct got g = receive(s[0]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(g.how, FDPASS_FAIL);
	assert_int_equal(g.e.code, ERR_LIMIT);
	check_span(((struct span){g.text, g.n}), "granted");
	assert_int_equal(g.nfds, 0);
	(void)close(s[0]);
	(void)close(s[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(last_words),
		cmocka_unit_test(no_room),
	};
	return cmocka_run_group_tests_name("fdpass", tests, NULL, NULL);
}
