/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_socket.h"

#include "tests/unit/check.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct ends {
	struct tls_cork cork;
	struct tls_socket a;
	int b;
};

static void
ends_make(struct ends *x)
{
	int pair[2];
	int small = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_true(tls_cork_init(&x->cork));
	x->a = (struct tls_socket){.fd = pair[0], .cork = &x->cork};
	x->b = pair[1];
}

static void
ends_close(struct ends *x)
{
	(void)close(x->a.fd);
	(void)close(x->b);
	tls_socket_fini(&x->a);
	tls_cork_fini(&x->cork);
}

static void
reads(void **state)
{
	struct ends x;
	char p[8];

	(void)state;
	ends_make(&x);
	assert_int_equal(write(x.b, "abc", 3), 3);
	assert_int_equal(tls_socket_recv(&x.a, p, sizeof(p)), 3);
	assert_int_equal(write(x.b, "d", 1), 1);
	CHECK_ROW("a short read means empty, until the loop says otherwise");
	assert_int_equal(tls_socket_recv(&x.a, p, sizeof(p)), -1);
	assert_int_equal(x.a.sys, 0);
	tls_socket_wake(&x.a, false);
	assert_int_equal(tls_socket_recv(&x.a, p, sizeof(p)), 1);
	CHECK_ROW("the end of the stream behind a short read is seen");
	assert_int_equal(write(x.b, "e", 1), 1);
	(void)shutdown(x.b, SHUT_WR);
	tls_socket_wake(&x.a, true);
	assert_int_equal(tls_socket_recv(&x.a, p, sizeof(p)), 1);
	assert_int_equal(tls_socket_recv(&x.a, p, sizeof(p)), 0);
	assert_true(x.a.eof);
	ends_close(&x);
}

/* Byte i of everything that is sent is (char)i. */
static size_t
drain(struct ends *x, size_t at)
{
	char p[4096];

	for (;;) {
		ssize_t n = recv(x->b, p, sizeof(p), MSG_DONTWAIT);
		if (n <= 0)
			return at;
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal((unsigned char)p[i], (unsigned char)at++);
	}
}

static void
collects(void **state)
{
	static char bytes[320 * 1024];
	struct ends x;
	size_t put = 0;
	size_t got = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	ends_make(&x);
	CHECK_ROW(
		"nothing leaves before the push, and all of it in order, however full the socket");
	while (put < 200000) {
		for (int k = 0; k < 4; k++) {
			assert_int_equal(tls_socket_collect(&x.a, bytes + put, 16406), 16406);
			put += 16406;
		}
		if (got == 0)
			assert_int_equal(drain(&x, got), 0);
		while (!tls_socket_push(&x.a)) {
			assert_int_equal(x.a.sys, 0);
			assert_true(tls_socket_pending(&x.a) > 0);
			got = drain(&x, got);
		}
		assert_int_equal(tls_socket_pending(&x.a), 0);
	}
	assert_int_equal(drain(&x, got), put);
	ends_close(&x);
}

static void
orders(void **state)
{
	struct ends x;
	char p[8];

	(void)state;
	ends_make(&x);
	CHECK_ROW("a direct send comes behind what was collected");
	assert_int_equal(tls_socket_collect(&x.a, "ab", 2), 2);
	assert_int_equal(tls_socket_send(&x.a, "cd", 2), 2);
	assert_int_equal(read(x.b, p, sizeof(p)), 4);
	assert_memory_equal(p, "abcd", 4);
	CHECK_ROW("a client that is gone is a failure, not a signal");
	(void)close(x.b);
	x.b = -1;
	assert_int_equal(tls_socket_collect(&x.a, "ab", 2), 2);
	assert_false(tls_socket_push(&x.a));
	assert_int_equal(x.a.sys, EPIPE);
	assert_int_equal(x.cork.n, 0); /* nothing is left for the next connection */
	ends_close(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(collects),
		cmocka_unit_test(orders),
	};
	return cmocka_run_group_tests_name("tls_socket", tests, NULL, NULL);
}
