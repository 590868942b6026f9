/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/siphash.h"

#include "tests/unit/check.h"

/* Every length, every bit and the key count; equal input gives equal output. */
static void
differs(void **state)
{
	static const uint64_t key[2] = {1, 2};
	static const uint64_t other[2] = {1, 3};
	char text[64] = {0};

	(void)state;
	for (size_t n = 0; n <= sizeof(text); n++) {
		struct span s = {text, n};
		uint64_t h = siphash(key, s);
		assert_true(h == siphash(key, s));
		assert_true(h != siphash(other, s));
		for (size_t bit = 0; bit < n * 8; bit++) {
			text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
			assert_true(h != siphash(key, s));
			text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
		}
		if (n > 0)
			assert_true(h != siphash(key, (struct span){text, n - 1}));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(differs)};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
