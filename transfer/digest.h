/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* The digest fields of RFC 3230 (davix, gfal2) and RFC 9530.  Pure. */
enum digest_kind { DIGEST_ADLER32, DIGEST_CRC32C, DIGEST_MD5, DIGEST_SHA256, DIGEST_COUNT };

struct digest_values {
	uint32_t have; /* set of 1U << enum digest_kind: which of the members count */
	uint32_t adler32, crc32c;
	uint8_t md5[16], sha256[32];
};

/* What Want-Digest asks for, as a set of 1U << enum digest_kind.  Unknown names and q=0 are not. */
uint32_t digest_want(struct span value);
/* The same of Want-Repr-Digest (a structured dictionary, preferences 0 to 10); malformed: 0. */
uint32_t digest_want_repr(struct span value);
/*
 * The values of Digest and Repr-Digest, for what is wanted and known; false: nothing was, and
 * nothing was written.
 */
bool digest_write(struct buf *out, uint32_t want, const struct digest_values *v);
bool digest_write_repr(struct buf *out, uint32_t want, const struct digest_values *v);
