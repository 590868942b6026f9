/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Writing JSON (RFC 8259) into a buf: compact, keys in the order written.  Commas are kept by the
 * writer; nesting is at most 32 (deeper sets buf.bad).  Text that is not UTF-8 is written byte for
 * byte as ISO-8859-1, so the output is always valid JSON.  A NULL key writes an array element.
 */
struct jsonw {
	struct buf *out;
	uint32_t comma; /* bit d: a comma is due at depth d */
	unsigned depth;
};

void jsonw_init(struct jsonw *w, struct buf *out);
void jsonw_obj(struct jsonw *w, const char *key);                     /* { */
void jsonw_list(struct jsonw *w, const char *key);                    /* [ */
void jsonw_end(struct jsonw *w, char close);                          /* '}' or ']' */
void jsonw_str(struct jsonw *w, const char *key, struct span value);  /* absent span: null */
void jsonw_cstr(struct jsonw *w, const char *key, const char *value); /* NULL: null */
void jsonw_strs(struct jsonw *w, const char *key, const struct span *item, size_t n); /* a list */
void jsonw_u64(struct jsonw *w, const char *key, uint64_t v);
void jsonw_i64(struct jsonw *w, const char *key, int64_t v);
void jsonw_f64(
	struct jsonw *w, const char *key, double v); /* shortest that reads back; NaN, Inf: null */
void jsonw_bool(struct jsonw *w, const char *key, bool v);
void jsonw_null(struct jsonw *w, const char *key);
/* The instant as text, RFC 3339 in UTC; INT64_MIN: null. */
void jsonw_iso(struct jsonw *w, const char *key, int64_t secs);
void jsonw_raw(struct jsonw *w, const char *key, struct span json); /* JSON text made by us */
void jsonw_hex(struct jsonw *w, const char *key, const void *p, size_t n);
/* The string with its quotes, nothing else: for text written by hand. */
void jsonw_quote(struct buf *out, struct span s);
