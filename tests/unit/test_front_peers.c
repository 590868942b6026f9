/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front_peers.h"

#include "tests/unit/check.h"

#include <pthread.h>

static const uint8_t v4a[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
static const uint8_t v4b[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2};
static const uint8_t v6a[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1};
static const uint8_t v6b[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 2};
static const uint8_t v6c[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 1};

static void
counts(void **state)
{
	struct front_peers *p = NULL;

	(void)state;
	assert_true(front_peers_new(5, 2, &p, NULL));
	assert_true(front_peers_enter(p, v4a));
	assert_true(front_peers_enter(p, v4a));
	CHECK_ROW("a third of one address");
	assert_false(front_peers_enter(p, v4a));
	CHECK_ROW("another address");
	assert_true(front_peers_enter(p, v4b));
	CHECK_ROW("IPv6 counts by /64");
	assert_true(front_peers_enter(p, v6a));
	assert_true(front_peers_enter(p, v6b));
	front_peers_leave(p, v4b);
	assert_false(front_peers_enter(p, v6a));
	assert_true(front_peers_enter(p, v6c));
	CHECK_ROW("too many in all");
	assert_false(front_peers_enter(p, v4b));
	front_peers_leave(p, v4a);
	assert_true(front_peers_enter(p, v4b));
	front_peers_free(p);
}

static void *
come_and_go(void *arg)
{
	struct front_peers *p = arg;
	const uint8_t *const all[] = {v4a, v4b, v6a, v6c};

	for (unsigned i = 0; i < 4000; i++)
		if (front_peers_enter(p, all[i % 4]))
			front_peers_leave(p, all[i % 4]);
	return NULL;
}

/* Workers share the table; after them nothing is counted too often or too seldom. */
static void
threads(void **state)
{
	struct front_peers *p = NULL;
	pthread_t id[4];

	(void)state;
	assert_true(front_peers_new(3, 2, &p, NULL));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&id[i], NULL, come_and_go, p), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(id[i], NULL), 0);
	assert_true(front_peers_enter(p, v4a));
	assert_true(front_peers_enter(p, v4a));
	assert_false(front_peers_enter(p, v4a));
	assert_true(front_peers_enter(p, v4b));
	assert_false(front_peers_enter(p, v6a));
	front_peers_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(counts), cmocka_unit_test(threads)};

	return cmocka_run_group_tests_name("front_peers", tests, NULL, NULL);
}
