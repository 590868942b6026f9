/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "policy/grant.h"
#include "transfer/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bytes of one granted file as a stream: whole, one range, or multipart/byteranges.  The caller
 * offers memory, body_fill() puts the next bytes there.  Nothing is padded: a file that got shorter
 * or changed ends the body, and since the last BODY_HELD bytes are given out only after the inode
 * was found unchanged, such a body can never look complete.
 */
#define BODY_HELD         65536U
#define BODY_BOUNDARY_MAX 70U  /* RFC 2046 5.1.1 */
#define BODY_PART_MAX     512U /* bytes between two parts */

enum body_step {
	BODY_MORE,   /* bytes were put, more follow */
	BODY_END,    /* bytes were put, they were the last (0 of an empty file) */
	BODY_CUT,    /* the grant has expired or was revoked: stop here */
	BODY_BROKEN, /* the file is shorter, changed or unreadable: stop here */
};

struct body {
	struct grant *grant; /* a reference of its own; NULL: idle */
	uint64_t at, last;   /* the next and the last byte of the part in work */
	uint64_t left;       /* bytes of the body that have not been put yet, with part heads */
	uint64_t put;        /* bytes of the file that have been put */
	bool empty;          /* nothing of the file is to be put */
	bool finishing;      /* under a grant that has ended */
	/* several ranges */
	struct range_set *set; /* owned; NULL: one part */
	size_t next;           /* index in set */
	struct span type;      /* in text */
	char boundary[BODY_BOUNDARY_MAX + 1];
	char *text; /* owned: the bytes between parts */
	size_t n_text, text_at;
};

/* All of it. */
void body_whole(struct body *b, struct grant *g);
/* One range. */
void body_range(struct body *b, struct grant *g, const struct range *r);
/*
 * Several: set->n > 1.  `boundary` must not be guessable from the file; `type` is the Content-Type
 * of each part.  False: no memory.
 */
bool body_parts(struct body *b, struct grant *g, const struct range_set *set, struct span boundary,
	struct span type);
/* Content-Length of what was set up; call it before the first fill. */
static inline uint64_t
body_length(const struct body *b)
{
	return b->left;
}
/*
 * Put up to cap bytes (cap >= BODY_PART_MAX with several ranges).  `now` in seconds UTC and `epoch`
 * are checked against the grant first.  *ret_n is 0 after BODY_CUT and BODY_BROKEN.
 */
enum body_step body_fill(
	struct body *b, char *out, size_t cap, int64_t now, uint64_t epoch, size_t *ret_n);
/*
 * Go on under another grant of the same bytes: same size and times; the ETag may be another one,
 * for digests may have been computed meanwhile.  False: they are others, and nothing was changed.
 */
bool body_renew(struct body *b, struct grant *g);
/*
 * The gate lets this body go on, though its grant has ended: on_deny: finish (policy language
 * 13.2).  Who calls this watches for how long, and asks the gate again when its epoch moves.
 */
void body_finish(struct body *b);
void body_fini(struct body *b); /* works on a zeroed one, leaves it zeroed */
