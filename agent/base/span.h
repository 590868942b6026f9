/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed run of bytes: no NUL at the end, no ownership.  {NULL, 0} is "absent". */
struct span {
	const char *p;
	size_t n;
};

#define SPAN_INIT(lit)                                                                             \
	{                                                                                          \
		"" lit, sizeof(lit) - 1                                                            \
	}                                       /* in a static table */
#define SPAN(lit) ((struct span)SPAN_INIT(lit)) /* in code */
#define SPAN_NONE ((struct span){NULL, 0})
/* For printf("%.*s", SPAN_ARG(s)); cut at INT_MAX by the caller's own limits. */
#define SPAN_ARG(s) (int)(s).n, (s).p != NULL ? (s).p : ""

struct span span_of(const char *s);                /* a C string; NULL gives SPAN_NONE */
bool span_eq(struct span a, struct span b);        /* byte for byte */
bool span_is(struct span a, const char *s);        /* byte for byte with a C string */
bool span_eq_nocase(struct span a, struct span b); /* ASCII letters without regard to case */
bool span_starts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
int span_cmp(struct span a, struct span b); /* by bytes, as memcmp, the shorter first */
bool span_has(struct span s, char c);
/* Head up to the first c; *rest is what follows it, or absent (p == NULL) when there was no c. */
struct span span_cut(struct span *rest, char c);
struct span span_skip(struct span s, size_t n);  /* without the first n bytes (at most all) */
struct span span_first(struct span s, size_t n); /* the first n bytes (at most all) */
struct span span_trim(struct span s);            /* without SP and HTAB at both ends */
bool span_u64(
	struct span s, uint64_t max, uint64_t *ret); /* 1 to 20 digits, at most max; nothing else */
bool span_hex_u64(struct span s, uint64_t max, uint64_t *ret);
bool span_utf8(struct span s);    /* well-formed (RFC 3629): no overlong, no surrogate */
bool span_control(struct span s); /* holds C0, DEL, or C1 (U+0080 to U+009F) in UTF-8 */
/*
 * A C string in out (n bytes with the NUL); false when it does not fit or holds a NUL.
 */
bool span_cstr(struct span s, char *out, size_t n);
