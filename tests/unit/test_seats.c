/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/seats.h"
#include "tests/unit/check.h"

#define V4(last)                                                                                   \
	(const uint8_t[16])                                                                        \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, [12] = 192, [15] = (last)                                \
	}
#define V6(net, last)                                                                              \
	(const uint8_t[16])                                                                        \
	{                                                                                          \
		0x20, 1, [7] = (net), [15] = (last)                                                \
	}

static unsigned
take_many(struct seats *s, size_t issuer, const uint8_t *peer, unsigned *last)
{
	unsigned n = 0;

	while (n < 1000 && seats_take(s, issuer, peer, last))
		n++;
	return n;
}

/* One address takes half of an issuer's places at most; the others are for others. */
static void
one_takes_half(void **state)
{
	struct seats *s = NULL;
	unsigned mine = 0;
	unsigned seat = 0;

	(void)state;
	assert_true(seats_new(2, &s, NULL));
	assert_int_equal(take_many(s, 0, V4(1), &mine), SEATS_PEER);
	assert_int_equal(take_many(s, 0, V4(1), &seat), 0);
	assert_true(seats_take(s, 0, V4(2), &seat));
	seats_leave(s, 0, seat);
	CHECK_ROW("the other issuer's places are its own");
	assert_int_equal(take_many(s, 1, V4(1), &seat), SEATS_PEER);
	CHECK_ROW("who leaves may come back");
	seats_leave(s, 0, mine);
	assert_true(seats_take(s, 0, V4(1), &mine));
	CHECK_ROW("a network of IPv6 is one address");
	for (unsigned i = 0; i < SEATS_PEER; i++)
		assert_true(seats_take(s, 0, V6(1, (uint8_t)i), &seat));
	assert_false(seats_take(s, 0, V6(1, 200), &seat));
	CHECK_ROW("all are taken");
	assert_false(seats_take(s, 0, V6(2, 0), &seat));
	assert_false(seats_take(s, 0, NULL, &seat));
	seats_free(s);
}

static void
without_an_address(void **state)
{
	struct seats *s = NULL;
	unsigned seat = 0;

	(void)state;
	assert_true(seats_new(1, &s, NULL));
	assert_int_equal(take_many(s, 0, NULL, &seat), SEATS_ISSUER);
	for (unsigned i = 0; i < SEATS_ISSUER; i++)
		seats_leave(s, 0, i);
	assert_int_equal(take_many(s, 0, V4(1), &seat), SEATS_PEER);
	seats_free(s);
	seats_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_takes_half),
		cmocka_unit_test(without_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
