/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_network.h"

#include "agent/base/span.h"

#include <arpa/inet.h>
#include <stdio.h>
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

bool
gate_network_within(const char *block, const uint8_t peer[16])
{
	struct span length = span_of(block);
	struct span address = span_cut(&length, '/');
	uint8_t net[16] = {0};
	char text[64];
	uint64_t bits = 0;

	if (!span_cstr(address, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET6, text, net) == 1) {
		if (length.p == NULL)
			bits = 128;
		else if (!span_u64(length, 128, &bits))
			return false;
		return same_bits(net, peer, (unsigned)bits);
	}
	/* IPv4 stands as ::ffff:a.b.c.d: the block's 96 leading bits are those. */
	net[10] = 0xff;
	net[11] = 0xff;
	if (inet_pton(AF_INET, text, net + 12) != 1)
		return false;
	if (length.p == NULL)
		bits = 32;
	else if (!span_u64(length, 32, &bits))
		return false;
	return same_bits(net, peer, 96 + (unsigned)bits);
}

enum network
gate_network(const struct settings *s, const uint8_t peer[16])
{
	for (size_t i = 0; i < s->facility_networks.n; i++)
		if (gate_network_within(s->facility_networks.item[i], peer))
			return NETWORK_FACILITY;
	return NETWORK_INTERNET;
}

void
gate_network_write(const uint8_t peer[16], char out[GATE_NETWORK_TEXT])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t net[16] = {0};
	char text[INET6_ADDRSTRLEN] = "";

	if (memcmp(peer, mapped, sizeof(mapped)) == 0) {
		(void)snprintf(
			out, GATE_NETWORK_TEXT, "%u.%u.%u.0/24", peer[12], peer[13], peer[14]);
		return;
	}
	memcpy(net, peer, 6);
	(void)inet_ntop(AF_INET6, net, text, sizeof(text));
	(void)snprintf(out, GATE_NETWORK_TEXT, "%s/48", text);
}
