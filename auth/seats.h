/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Places for requests that wait for an issuer: SEATS_ISSUER for each, of which one client address
 * (of IPv6, its /64 network) may hold SEATS_PEER, so that nobody alone keeps all others from
 * waiting.  Thread-safe; nothing waits here.
 */
#define SEATS_ISSUER 64U
#define SEATS_PEER   32U

struct seats;

bool seats_new(size_t n_issuers, struct seats **ret, struct err *e);
void seats_free(struct seats *s); /* NULL is allowed */
/* peer: 16 bytes; NULL: one that is not limited by itself.  False: no place for it. */
bool seats_take(struct seats *s, size_t issuer, const uint8_t *peer, unsigned *ret);
void seats_leave(struct seats *s, size_t issuer, unsigned seat);

/* The same client, as far as an address can tell: IPv4 all of it, IPv6 its /64. */
bool seats_same_peer(const uint8_t a[16], const uint8_t b[16]);
