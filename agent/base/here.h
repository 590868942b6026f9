/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Is this address (16 bytes, IPv4 as ::ffff:a.b.c.d) one of this machine's own?  The kernel is
 * asked by a UDP socket that is pointed there and never sends: what it would send from is the
 * address itself then.  Of 127.0.0.0/8 it is so for 127.0.0.1 alone.  An address that cannot be
 * reached is not.
 */
bool here_is(const uint8_t address[16]);
