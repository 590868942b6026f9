/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/base/step.h"

#include <stddef.h>
#include <stdint.h>

/* A chunked body (RFC 9112 7.1) in any number of pieces.  Pure. */
enum chunk_limit {
	CHUNK_LINE_MAX = 4 * 1024,     /* size, extension and CRLF of one chunk */
	CHUNK_TRAILERS_MAX = 8 * 1024, /* all trailer lines; read and dropped */
};

struct chunk {
	int state;       /* zero is the start */
	uint64_t left;   /* of the chunk in work */
	uint64_t total;  /* data bytes so far */
	uint64_t limit;  /* largest total */
	size_t line;     /* bytes of the line in work */
	size_t trailer;  /* bytes of all trailer lines */
	unsigned digits; /* of the size in work */
	unsigned status; /* after STEP_FAIL: 400 or 413 */
};

void chunk_init(struct chunk *c, uint64_t limit);
/*
 * Reads `in`; data goes to the end of `out` (NULL: dropped).  STEP_READ: all of `in` was used, more
 * must come.  STEP_DONE: the body ended, *used bytes of `in` belonged to it.  STEP_FAIL: c->status
 * and e; the connection cannot be used again.
 */
enum step chunk_feed(struct chunk *c, struct span in, struct buf *out, size_t *used, struct err *e);
