/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading the messages between our processes: little-endian numbers and length-prefixed spans, as
 * strictly as a stranger's bytes.  The cursor fails once and then gives zeros and absent spans, so
 * a reader asks for everything and looks at unpack_end alone.  Pure.
 */
#define UNPACK_ABSENT UINT32_MAX /* the length of a span that is not there */

struct unpack {
	struct span rest;
	bool bad;
};

struct span unpack_bytes(struct unpack *u, size_t n);
uint64_t unpack_le(struct unpack *u, unsigned bytes);       /* 1 to 8 */
unsigned unpack_u8(struct unpack *u, unsigned max);         /* a larger one is malformed */
void unpack_copy(struct unpack *u, uint8_t *out, size_t n); /* untouched when it is cut */
/* A span of at most `max` bytes, or absent; it points into the message. */
struct span unpack_span(struct unpack *u, size_t max);
/* ERR_SYNTAX: cut, a bad value, or bytes left over. `what`: "an errand", for the message. */
bool unpack_end(const struct unpack *u, const char *what, struct err *e);
