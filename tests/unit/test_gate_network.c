/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_network.h"

#include "tests/unit/check.h"

#include <arpa/inet.h>

static void
blocks(void **state)
{
	static const struct {
		const char *name, *block, *peer;
		bool inside;
	} rows[] = {
		{"inside /24", "192.0.2.0/24", "::ffff:192.0.2.255", true},
		{"outside /24", "192.0.2.0/24", "::ffff:192.0.3.0", false},
		{"odd length", "10.16.0.0/12", "::ffff:10.31.255.255", true},
		{"odd length, one past", "10.16.0.0/12", "::ffff:10.32.0.0", false},
		{"single address", "192.0.2.7", "::ffff:192.0.2.7", true},
		{"single address, other", "192.0.2.7", "::ffff:192.0.2.8", false},
		{"IPv6", "2001:db8::/32", "2001:db8:1::5", true},
		{"IPv6, other", "2001:db8::/32", "2001:db9::", false},
		{"all of IPv4 is not IPv6", "0.0.0.0/0", "2001:db8::1", false},
		{"all of IPv4", "0.0.0.0/0", "::ffff:1.2.3.4", true},
		{"length too long", "192.0.2.0/33", "::ffff:192.0.2.0", false},
		{"no number", "192.0.2.0/x", "::ffff:192.0.2.0", false},
		{"empty", "", "::", false},
		{"a name", "localhost/8", "::ffff:127.0.0.1", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t peer[16];
		CHECK_ROW(rows[i].name);
		assert_int_equal(inet_pton(AF_INET6, rows[i].peer, peer), 1);
		assert_int_equal(gate_network_within(rows[i].block, peer), rows[i].inside);
	}
}

/* As much of an address as a log may hold. */
static void
for_the_log(void **state)
{
	static const struct {
		const char *peer, *text;
	} rows[] = {
		{"::ffff:192.0.2.255", "192.0.2.0/24"},
		{"::ffff:255.255.255.255", "255.255.255.0/24"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"},
		{"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:ffff::/48"},
		{"::1", "::/48"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t peer[16];
		char text[GATE_NETWORK_TEXT];
		CHECK_ROW(rows[i].peer);
		assert_int_equal(inet_pton(AF_INET6, rows[i].peer, peer), 1);
		gate_network_write(peer, text);
		assert_string_equal(text, rows[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks),
		cmocka_unit_test(for_the_log),
	};
	return cmocka_run_group_tests_name("gate_network", tests, NULL, NULL);
}
