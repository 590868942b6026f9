/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Where the agent never connects to because a stranger named it: itself, its own network, and
 * whatever else is no host of the internet (https 9.2).  Addresses are 16 bytes, IPv4 as
 * ::ffff:a.b.c.d.  Pure.
 */
#define NET_GUARD_ADDRESS 16U

/*
 * What kind of address it is, when it is none of a host of the internet: "loopback", "private" and
 * so on; NULL: it is one.  An IPv4 address inside of an IPv6 one (mapped, NAT64, 6to4) is judged
 * as what it is.
 */
const char *net_guard_kind(const uint8_t address[NET_GUARD_ADDRESS]);
/*
 * Is this host (no brackets) an address, in any notation that a resolver takes for one: dotted,
 * short, decimal, octal, hexadecimal (inet_aton(3)), or IPv6?
 */
bool net_guard_literal(struct span host, uint8_t ret[NET_GUARD_ADDRESS]);
/* A name that means the machine itself (RFC 6761 6.3), or no name at all. */
bool net_guard_is_local(struct span host);
/* Is the address in the block, "10.1.0.0/16", "2001:db8::/32" or a single address? */
bool net_guard_within(struct span block, const uint8_t address[NET_GUARD_ADDRESS]);
/* The same name, whatever the case of its letters and with or without the dot at the end? */
bool net_guard_same_name(struct span a, struct span b);
