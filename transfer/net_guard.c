/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/net_guard.h"

#include <arpa/inet.h>
#include <string.h>

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8;
	unsigned rest = bits % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

/* ---- kinds of addresses (IANA's registries of special-purpose addresses) ---- */

static const struct v4_row {
	uint8_t net[4];
	unsigned bits;
	const char *kind;
} v4_rows[] = {
	{{0, 0, 0, 0}, 8, "unspecified"},
	{{10, 0, 0, 0}, 8, "private"},
	{{100, 64, 0, 0}, 10, "private"}, /* RFC 6598: between a provider and its customers */
	{{127, 0, 0, 0}, 8, "loopback"},
	{{169, 254, 0, 0}, 16, "link-local"},
	{{172, 16, 0, 0}, 12, "private"},
	{{192, 0, 0, 0}, 24, "reserved"},
	{{192, 0, 2, 0}, 24, "reserved"},
	{{192, 88, 99, 0}, 24, "reserved"},
	{{192, 168, 0, 0}, 16, "private"},
	{{198, 18, 0, 0}, 15, "private"},
	{{198, 51, 100, 0}, 24, "reserved"},
	{{203, 0, 113, 0}, 24, "reserved"},
	{{224, 0, 0, 0}, 4, "multicast"},
	{{240, 0, 0, 0}, 4, "reserved"},
};

static const char *
kind_v4(const uint8_t a[4])
{
	for (size_t i = 0; i < sizeof(v4_rows) / sizeof(v4_rows[0]); i++)
		if (same_bits(v4_rows[i].net, a, v4_rows[i].bits))
			return v4_rows[i].kind;
	return NULL;
}

/* Where an IPv4 address stands inside: judged by that alone. */
static const struct inner_row {
	uint8_t net[16];
	unsigned bits, at;
} inner_rows[] = {
	{{[10] = 0xff, [11] = 0xff}, 96, 12},           /* ::ffff:0:0/96, mapped */
	{{[8] = 0xff, [9] = 0xff}, 96, 12},             /* ::ffff:0:0:0/96, translated */
	{{[1] = 0x64, [2] = 0xff, [3] = 0x9b}, 96, 12}, /* 64:ff9b::/96, NAT64 */
	{{0x20, 0x02}, 16, 2},                          /* 2002::/16, 6to4 */
};

static const struct v6_row {
	uint8_t net[16];
	unsigned bits;
	const char *kind;
} v6_rows[] = {
	{{0}, 128, "unspecified"},
	{{[15] = 1}, 128, "loopback"},
	{{0}, 96, "reserved"},                                          /* ::a.b.c.d, given up */
	{{[1] = 0x64, [2] = 0xff, [3] = 0x9b, [5] = 1}, 48, "private"}, /* RFC 8215 */
	{{0xfc}, 7, "private"},
	{{0xfe, 0x80}, 10, "link-local"},
	{{0xfe, 0xc0}, 10, "private"},
	{{0xff}, 8, "multicast"},
	{{0x20, 0x01, 0x00, 0x00}, 23, "reserved"}, /* Teredo, benchmarks, ORCHID */
	{{0x20, 0x01, 0x0d, 0xb8}, 32, "reserved"},
	{{0x3f, 0xff}, 20, "reserved"},
};

const char *
net_guard_kind(const uint8_t address[NET_GUARD_ADDRESS])
{
	for (size_t i = 0; i < sizeof(inner_rows) / sizeof(inner_rows[0]); i++)
		if (same_bits(inner_rows[i].net, address, inner_rows[i].bits))
			return kind_v4(address + inner_rows[i].at);
	for (size_t i = 0; i < sizeof(v6_rows) / sizeof(v6_rows[0]); i++)
		if (same_bits(v6_rows[i].net, address, v6_rows[i].bits))
			return v6_rows[i].kind;
	/* 2000::/3 is all that was given to hosts so far. */
	return address[0] >> 5 == 1 ? NULL : "reserved";
}

/* ---- hosts ---- */

static void
put_v4(uint32_t v, uint8_t ret[NET_GUARD_ADDRESS])
{
	memset(ret, 0, 10);
	ret[10] = 0xff;
	ret[11] = 0xff;
	for (unsigned i = 0; i < 4; i++)
		ret[12 + i] = (uint8_t)(v >> (24 - 8 * i));
}

/* One part of such an address: decimal, octal behind a 0, hexadecimal behind 0x ("0x" is 0). */
static bool
number(struct span s, uint64_t *ret)
{
	unsigned base = 10;
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	if (s.n > 1 && s.p[0] == '0') {
		bool hex = s.p[1] == 'x' || s.p[1] == 'X';
		base = hex ? 16 : 8;
		s = span_skip(s, hex ? 2 : 1);
	}
	for (size_t i = 0; i < s.n; i++) {
		char low = (char)(s.p[i] | 0x20);
		unsigned digit = s.p[i] >= '0' && s.p[i] <= '9' ? (unsigned)(s.p[i] - '0')
				 : low >= 'a' && low <= 'f'     ? (unsigned)(low - 'a') + 10
								: 99;
		if (digit >= base || v > UINT32_MAX)
			return false;
		v = v * base + digit;
	}
	*ret = v;
	return v <= UINT32_MAX;
}

/* One to four parts; the last one fills what is left. */
static bool
literal_v4(struct span host, uint8_t ret[NET_GUARD_ADDRESS])
{
	uint64_t v = 0;
	uint64_t part = 0;

	for (unsigned n = 0; n < 4; n++) {
		if (!number(span_cut(&host, '.'), &part))
			return false;
		if (host.p == NULL) {
			if (part >> (8 * (4 - n)) != 0)
				return false;
			put_v4((uint32_t)(v << (8 * (4 - n)) | part), ret);
			return true;
		}
		if (part > 255)
			return false;
		v = v << 8 | part;
	}
	return false;
}

/* Without the one dot at its end that says that the name is complete. */
static struct span
without_dot(struct span host)
{
	return host.n > 1 && span_ends(host, SPAN(".")) ? span_first(host, host.n - 1) : host;
}

bool
net_guard_literal(struct span host, uint8_t ret[NET_GUARD_ADDRESS])
{
	char text[INET6_ADDRSTRLEN];

	host = without_dot(host);
	if (!span_has(host, ':'))
		return literal_v4(host, ret);
	return span_cstr(host, text, sizeof(text)) && inet_pton(AF_INET6, text, ret) == 1;
}

bool
net_guard_is_local(struct span host)
{
	static const struct span names[] = {SPAN_INIT("localhost"), SPAN_INIT("localhost6"),
		SPAN_INIT("ip6-localhost"), SPAN_INIT("ip6-loopback"),
		SPAN_INIT("localhost.localdomain"), SPAN_INIT("localhost6.localdomain6")};
	static const struct span below = SPAN_INIT(".localhost");

	host = without_dot(host);
	if (host.n == 0 || span_is(host, "."))
		return true;
	if (host.n > below.n && span_eq_nocase(span_skip(host, host.n - below.n), below))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_eq_nocase(host, names[i]))
			return true;
	return false;
}

bool
net_guard_same_name(struct span a, struct span b)
{
	return span_eq_nocase(without_dot(a), without_dot(b));
}

bool
net_guard_within(struct span block, const uint8_t address[NET_GUARD_ADDRESS])
{
	struct span length = block;
	struct span net_text = span_cut(&length, '/');
	uint8_t net[NET_GUARD_ADDRESS];
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	uint64_t bits = 0;

	if (!span_cstr(net_text, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET6, text, net) == 1) {
		if (length.p == NULL)
			bits = 128;
		else if (!span_u64(length, 128, &bits))
			return false;
		return same_bits(net, address, (unsigned)bits);
	}
	if (inet_pton(AF_INET, text, &v4) != 1)
		return false;
	put_v4(ntohl(v4.s_addr), net);
	if (length.p == NULL)
		bits = 32;
	else if (!span_u64(length, 32, &bits))
		return false;
	return same_bits(net, address, 96 + (unsigned)bits);
}
