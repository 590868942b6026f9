/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "agent/http/head.h"

#include <stdbool.h>
#include <stdint.h>

/* Conditional requests (RFC 9110 13).  Pure. */
struct cond_state {
	struct span etag; /* of the current representation, with quotes; absent: none */
	int64_t modified; /* seconds UTC; INT64_MIN: not known */
};

enum cond {
	COND_PROCEED,
	COND_NOT_MODIFIED, /* 304; only for GET and HEAD */
	COND_FAILED,       /* 412 */
};

/*
 * The order of RFC 9110 13.2.2: If-Match, else If-Unmodified-Since; If-None-Match, else
 * If-Modified-Since. The representation exists.  `now` settles two-digit years.
 */
enum cond cond_eval(const struct http_head *h, const struct cond_state *cur, int64_t now);
/* May Range be obeyed (RFC 9110 13.1.5)?  True without If-Range. */
bool cond_range(const struct http_head *h, const struct cond_state *cur, int64_t now);

/* Does a list of entity tags ("*" too) hold `etag`?  False as well when the list is malformed. */
bool cond_etag_in(struct span list, struct span etag, bool strong);
