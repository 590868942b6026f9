/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How often each client address may do something that costs somebody else (INT-6): a bounded table
 * under a secret hash.  An address that finds no place takes that of the one which has rested
 * longest of four, so a flood of addresses cannot lock anybody out.  IPv6 counts by /64: one host
 * owns that many.  Not for two threads at once.
 */
struct peer_rate;

/* per_second: at most 1000, and as many at once after a second's rest.  NULL: no memory. */
struct peer_rate *peer_rate_new(size_t addresses, unsigned per_second);
void peer_rate_free(struct peer_rate *r); /* NULL is allowed */
/* `peer`: IPv4 as ::ffff:a.b.c.d. */
bool peer_rate_allow(struct peer_rate *r, const uint8_t peer[16], int64_t now_ms);
