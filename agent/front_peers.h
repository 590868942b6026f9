/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many connections each address has, over all workers (settings_limits.connections_per_address)
 * and in all (connections).  IPv6 counts by /64: one host owns that many addresses.  Takes a lock;
 * used once per connection.
 */
struct front_peers;

bool front_peers_new(
	unsigned in_all, unsigned per_address, struct front_peers **ret, struct err *e);
void front_peers_free(struct front_peers *p);
/* False: it has too many, or there are too many in all.  `peer`: IPv4 as ::ffff:a.b.c.d. */
bool front_peers_enter(struct front_peers *p, const uint8_t peer[16]);
void front_peers_leave(struct front_peers *p, const uint8_t peer[16]);
