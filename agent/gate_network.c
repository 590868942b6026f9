/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_network.h"

#include "agent/base/span.h"
#include "transfer/net_guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool
gate_network_within(const char *block, const uint8_t peer[16])
{
	return net_guard_within(span_of(block), peer);
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
