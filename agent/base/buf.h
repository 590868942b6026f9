/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A growing run of bytes with a hard maximum.  Adding past the maximum (or out of memory) sets
 * `bad` and adds nothing from then on: write everything, ask once at the end (buf_ok).
 */
struct buf {
	char *p;
	size_t n, cap, max;
	bool bad;
};

#define BUF_INIT(limit)                                                                            \
	{                                                                                          \
		.max = (limit)                                                                     \
	}
void buf_fini(struct buf *b); /* works on a zeroed one; leaves it empty and usable */
#define AUTO_BUF __attribute__((cleanup(buf_fini))) struct buf

void buf_add(struct buf *b, struct span s);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addu(struct buf *b, uint64_t v); /* decimal */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_add_hex(struct buf *b, const void *p, size_t n); /* lower case */
void buf_add_html(struct buf *b, struct span s);          /* & < > " ' escaped */
void buf_add_url(struct buf *b,
	struct span path);    /* RFC 3986 path characters kept, the rest %XX; '/' stays */
void buf_wipe(struct buf *b); /* buf_fini of what held a secret: its whole capacity is wiped */
/* buf_add of a secret: leaves no copy behind where the buffer grows.  Only the last growth of
 * other functions does that, so reserve first what they add. */
void buf_add_secret(struct buf *b, struct span s);
void buf_reset(struct buf *b);                /* empty, memory kept, `bad` cleared */
void buf_drop(struct buf *b, size_t n);       /* take the first n bytes away */
bool buf_reserve(struct buf *b, size_t more); /* room for `more` bytes at b->p + b->n */
static inline bool
buf_ok(const struct buf *b)
{
	return !b->bad;
}
static inline struct span
buf_span(const struct buf *b)
{
	return (struct span){b->p, b->n};
}
