/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/here.h"

#include "tests/unit/check.h"

static void
addresses(void **state)
{
	static const struct {
		const char *name;
		uint8_t address[16];
		bool here;
	} rows[] = {
		{"127.0.0.1", {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}, true},
		{"127.0.0.2", {[10] = 0xff, [11] = 0xff, 127, 0, 0, 2}, false},
		{"192.0.2.1, nobody's", {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, false},
		{"2001:db8::1, nobody's", {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(here_is(rows[i].address), rows[i].here);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(addresses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
