/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>

/*
 * The value of one of our own cookies out of a Cookie field (RFC 6265 4.2.1).  Strict about it, and
 * blind for all others, which other applications of the same host may have set as they please.
 * Pure.
 *
 * False, and *ret is left alone: no cookie of this name (compared byte for byte), more than one
 * (RFC 6265 8.6: one of them was slipped in), or a value that is empty, quoted, or holds anything
 * but cookie-octets.
 */
bool cookie_get(struct span field, struct span name, struct span *ret);
