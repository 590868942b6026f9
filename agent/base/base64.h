/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/* Base64 (RFC 4648).  Pure. */

/* Room that base64_url_decode needs for n characters. */
static inline size_t
base64_room(size_t n)
{
	return n / 4 * 3 + 3;
}

/*
 * base64url without padding, strict and canonical (RFC 7515 2, RFC 4648 3.5): the alphabet of RFC
 * 4648 5 alone, no length of 4k+1, unused bits zero, so that encoding the bytes again gives the
 * same text.  False on any breach and when the bytes do not fit into cap.
 */
bool base64_url_decode(struct span text, void *out, size_t cap, size_t *ret_n);
void base64_url_encode(struct buf *out, const void *p, size_t n); /* without padding */
void base64_encode(struct buf *out, const void *p, size_t n);     /* RFC 4648 4, with padding */
/* The same strictness for RFC 4648 4 with its padding: what base64_encode writes, nothing else. */
bool base64_decode(struct span text, void *out, size_t cap, size_t *ret_n);
