/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"
#include "transfer/net_guard.h"

static const struct {
	const char *host;
	bool literal;
	const char *kind; /* NULL: one of the internet */
} rows[] = {
	{"192.0.3.7", true, NULL},
	{"8.8.8.8.", true, NULL},
	{"2606:4700::1111", true, NULL},
	{"127.0.0.1", true, "loopback"},
	{"127.1", true, "loopback"},
	{"0177.0.0.1", true, "loopback"},
	{"0x7f.1", true, "loopback"},
	{"0x7f000001", true, "loopback"},
	{"2130706433", true, "loopback"},
	{"017700000001", true, "loopback"},
	{"127.0.0.1.", true, "loopback"},
	{"0", true, "unspecified"},
	{"0x", true, "unspecified"},
	{"10.0.0.1", true, "private"},
	{"172.15.255.255", true, NULL},
	{"172.16.0.0", true, "private"},
	{"172.31.255.255", true, "private"},
	{"172.32.0.0", true, NULL},
	{"192.168.1.1", true, "private"},
	{"100.63.255.255", true, NULL},
	{"100.64.0.1", true, "private"},
	{"100.127.255.255", true, "private"},
	{"100.128.0.0", true, NULL},
	{"169.254.169.254", true, "link-local"},
	{"198.19.0.1", true, "private"},
	{"224.0.0.1", true, "multicast"},
	{"255.255.255.255", true, "reserved"},
	{"203.0.113.9", true, "reserved"},
	{"::", true, "unspecified"},
	{"::1", true, "loopback"},
	{"::127.0.0.1", true, "reserved"},
	{"::ffff:127.0.0.1", true, "loopback"},
	{"::ffff:8.8.8.8", true, NULL},
	{"::ffff:0:10.0.0.1", true, "private"},
	{"64:ff9b::7f00:1", true, "loopback"},
	{"64:ff9b::808:808", true, NULL},
	{"64:ff9b:1::1", true, "private"},
	{"2002:7f00:1::", true, "loopback"},
	{"2002:808:808::1", true, NULL},
	{"2001::1", true, "reserved"},
	{"2001:db8::1", true, "reserved"},
	{"fc00::1", true, "private"},
	{"fdff::1", true, "private"},
	{"fe80::1", true, "link-local"},
	{"fec0::1", true, "private"},
	{"ff02::1", true, "multicast"},
	{"4000::1", true, "reserved"},
	{"fe80::1%eth0", false, NULL},
	{"1.2.3.4.5", false, NULL},
	{"1.2.3.256", false, NULL},
	{"256.1", false, NULL},
	{"1.16777216", false, NULL},
	{"4294967296", false, NULL},
	{"08.1", false, NULL},
	{"1..2", false, NULL},
	{"", false, NULL},
	{"storage.example", false, NULL},
	{"10.example", false, NULL},
};

static void
kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t a[NET_GUARD_ADDRESS];
		CHECK_ROW(rows[i].host);
		assert_int_equal(net_guard_literal(span_of(rows[i].host), a), rows[i].literal);
		if (!rows[i].literal)
			continue;
		const char *kind = net_guard_kind(a);
		assert_int_equal(kind == NULL, rows[i].kind == NULL);
		if (kind != NULL)
			assert_string_equal(kind, rows[i].kind);
	}
}

static void
names(void **state)
{
	static const char *const local[] = {
		"localhost", "LocalHost.", "a.b.localhost", "ip6-localhost", "", "."};
	static const char *const other[] = {"localhost.example", "notlocalhost", "example."};

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		assert_true(net_guard_is_local(span_of(local[i])));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_false(net_guard_is_local(span_of(other[i])));
	assert_true(net_guard_same_name(SPAN("A.example."), SPAN("a.EXAMPLE")));
	assert_false(net_guard_same_name(SPAN("a.example"), SPAN("b.example")));
}

static void
blocks(void **state)
{
	static const struct {
		const char *block, *host;
		bool in;
	} in[] = {
		{"10.1.0.0/16", "10.1.255.1", true},
		{"10.1.0.0/16", "10.2.0.1", false},
		{"10.1.0.1", "10.1.0.1", true},
		{"10.1.0.0/16", "::ffff:10.1.2.3", true},
		{"10.1.0.0/33", "10.1.0.1", false},
		{"0.0.0.0/0", "::1", false},
		{"fd00::/8", "fd12::1", true},
		{"fd00::/129", "fd12::1", false},
		{"name", "fd12::1", false},
		{"", "0.0.0.0", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		uint8_t a[NET_GUARD_ADDRESS];
		CHECK_ROW(in[i].block);
		assert_true(net_guard_literal(span_of(in[i].host), a));
		assert_int_equal(net_guard_within(span_of(in[i].block), a), in[i].in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds), cmocka_unit_test(names), cmocka_unit_test(blocks)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
