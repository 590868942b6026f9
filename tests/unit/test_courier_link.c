/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_link.h"

#include "agent/base/fdpass.h"
#include "agent/errand.h"

#include "tests/unit/check.h"

#include <unistd.h>

struct ends {
	struct courier_link link;
	int gate;
};

static int
setup(void **state)
{
	struct ends *x = calloc(1, sizeof(*x));
	int pair[2];

	assert_true(fdpass_pair(pair, true, NULL));
	courier_link_init(&x->link, pair[0], 7);
	x->gate = pair[1];
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct ends *x = *state;

	courier_link_fini(&x->link);
	assert_int_equal(x->link.fd, -1);
	if (x->gate >= 0)
		(void)close(x->gate);
	free(x);
	return 0;
}

static void
say(const struct ends *x, struct span msg, int fd)
{
	assert_int_equal(fdpass_send(x->gate, msg, &fd, fd >= 0 ? 1 : 0, NULL), FDPASS_OK);
}

static void
errands(void **state)
{
	struct ends *x = *state;
	struct errand r = {0};
	struct err e = {.code = ERR_NONE};
	AUTO_BUF b = BUF_INIT(4096);

	assert_false(courier_link_next(&x->link, &r, &e));
	for (uint64_t id = 1; id <= 2; id++) {
		buf_reset(&b);
		errand_write(&(struct errand){.kind = ERRAND_USERINFO,
				     .id = id,
				     .issuer = SPAN("i"),
				     .token = SPAN("t")},
			&b);
		say(x, buf_span(&b), -1);
	}
	assert_true(courier_link_next(&x->link, &r, &e));
	assert_int_equal(r.id, 1);
	assert_true(courier_link_next(&x->link, &r, &e));
	assert_int_equal(r.id, 2);
	check_span(r.token, "t");
	assert_false(courier_link_next(&x->link, &r, &e));
	assert_false(x->link.broken);
	CHECK_ROW("a descriptor comes along: nobody sends one");
	say(x, buf_span(&b), 0);
	assert_false(courier_link_next(&x->link, &r, &e));
	assert_true(x->link.broken);
	assert_non_null(strstr(e.msg, "descriptors"));
}

static void
nonsense(void **state)
{
	struct ends *x = *state;
	struct errand r = {0};
	struct err e = {.code = ERR_NONE};

	say(x, SPAN("GET / HTTP/1.1"), -1);
	assert_false(courier_link_next(&x->link, &r, &e));
	assert_true(x->link.broken);
	assert_int_equal(e.code, ERR_SYNTAX);
}

static void
gone(void **state)
{
	struct ends *x = *state;
	struct errand r = {0};
	struct err e = {.code = ERR_NONE};

	(void)close(x->gate);
	x->gate = -1;
	CHECK_ROW("the gate's end is no error");
	assert_false(courier_link_next(&x->link, &r, &e));
	assert_true(x->link.broken);
	assert_int_equal(e.code, ERR_NONE);
	courier_link_send(&x->link, &(struct report){.kind = REPORT_ANSWER, .issuer = SPAN("i")});
	assert_true(x->link.broken);
}

/* What the gate has no room for waits, in order; a gate that takes nothing at all is given up. */
static void
slow(void **state)
{
	struct ends *x = *state;
	static char body[REPORT_BODY_MAX];
	static char in[FDPASS_MESSAGE];
	struct report r = {
		.kind = REPORT_ANSWER, .issuer = SPAN("i"), .body = {body, sizeof(body)}};
	uint64_t seen = 0;

	for (r.id = 1; r.id <= 100; r.id++)
		courier_link_send(&x->link, &r);
	assert_true(courier_link_full(&x->link));
	assert_false(x->link.broken);
	while (seen < 100) {
		struct report got;
		int fds[FDPASS_MAX];
		size_t n = 0;
		size_t nfds = 0;
		assert_int_equal(
			fdpass_recv(x->gate, in, sizeof(in), &n, fds, &nfds, NULL), FDPASS_OK);
		assert_true(errand_read_report((struct span){in, n}, &got, NULL));
		assert_int_equal(got.id, ++seen);
		courier_link_flush(&x->link);
	}
	assert_false(courier_link_full(&x->link));
	for (r.id = 1; r.id <= 200 && !x->link.broken; r.id++)
		courier_link_send(&x->link, &r);
	assert_true(x->link.broken);
	assert_true(r.id > COURIER_LINK_QUEUE / sizeof(body));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(errands, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(gone, setup, teardown),
		cmocka_unit_test_setup_teardown(slow, setup, teardown),
	};
	return cmocka_run_group_tests_name("courier_link", tests, NULL, NULL);
}
