/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stddef.h>
#include <stdint.h>

/* The Range field (RFC 9110 14) against an object of known size.  Pure. */
#define RANGE_MAX 64U /* ranges in one answer; more: the whole object */

struct range {
	uint64_t first, last; /* inclusive, first <= last < size */
};

struct range_set {
	size_t n;                  /* 1 to RANGE_MAX; 1: a plain 206, more: multipart/byteranges */
	struct range r[RANGE_MAX]; /* in the order asked, no two overlap */
	uint64_t bytes;            /* sum of their lengths, at most size */
};

enum range_use {
	RANGE_IGNORE, /* 200: no such field, another unit, malformed, too many, overlapping */
	RANGE_PARTS,  /* 206 */
	RANGE_OUTSIDE /* 416; Content-Range names the size only */
};

/* `value` of the one Range field; absent gives RANGE_IGNORE.  *ret is set only with RANGE_PARTS. */
enum range_use range_parse(struct span value, uint64_t size, struct range_set *ret);
uint64_t range_length(const struct range *r);
/* "bytes 0-9/100", the value of Content-Range; r NULL: an asterisk for the range. */
void range_write(struct buf *out, const struct range *r, uint64_t size);
/*
 * multipart/byteranges (RFC 9110 14.6): the bytes before the data of one part (CRLF, delimiter,
 * Content-Type, Content-Range, empty line), and those after the
 * last part.
 */
void range_write_part(struct buf *out, struct span boundary, struct span type,
	const struct range *r, uint64_t size);
void range_write_end(struct buf *out, struct span boundary);
