/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/settings.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stdint.h>

/* Which network a client address belongs to: `facility` inside settings->facility_networks, else
 * `internet`. */
enum network gate_network(const struct settings *s, const uint8_t peer[16]);
/* Is the address inside the block "192.0.2.0/24" or "2001:db8::/32"?  False for text that is
 * neither. */
bool gate_network_within(const char *block, const uint8_t peer[16]);
/* The network of an address, as much of it as a log may hold: "192.0.2.0/24", "2001:db8:1::/48". */
#define GATE_NETWORK_TEXT 64U
void gate_network_write(const uint8_t peer[16], char out[GATE_NETWORK_TEXT]);
