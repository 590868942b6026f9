/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/http/rate.h"
#include "policy/grant.h"

#include <stdbool.h>
#include <stdint.h>

/* Writing response heads, and the errors that the front answers by itself.  Pure. */

/* The Date field, made once a second for all responses of a worker.  All zero is a start. */
struct respond_clock {
	int64_t now;
	char line[40]; /* "Date: ...\r\n" */
	size_t n;
};
void respond_tick(struct respond_clock *c, int64_t now);

const char *respond_reason(unsigned status); /* "Not Found"; "Unknown" for a status without a row */

/* A head in three steps: start; fields; end. */
void respond_start(struct buf *out, unsigned status, const struct respond_clock *c);
/* One line.  Both are ours: a value with CR, LF or NUL marks the buffer bad. */
void respond_field(struct buf *out, const char *name, struct span value);
void respond_length(struct buf *out, uint64_t n); /* Content-Length */
/* Connection where it is needed (`minor` of the request), and the empty line. */
void respond_end(struct buf *out, bool keep, unsigned minor);
/*
 * RateLimit-Policy and RateLimit, as draft-ietf-httpapi-ratelimit-headers-10 has them (a list of
 * quota policies with q and w; of service limits with r and t), of the one class that counted.
 */
void respond_quota(struct buf *out, const struct rate_quota *q);
/* "HTTP/1.1 100 Continue" and its empty line. */
void respond_continue(struct buf *out);

struct respond_error {
	unsigned status;
	const struct err *err;          /* detail and clause; NULL: the status' own sentence */
	const char *allow;              /* 405: "GET, HEAD"; NULL: none */
	unsigned retry_after;           /* seconds, 429 and 503; 0: none */
	const uint64_t *size;           /* 416: the size for Content-Range; NULL: none */
	bool head;                      /* answer to HEAD: no body bytes */
	bool keep;                      /* the connection stays */
	unsigned minor;                 /* of the request; 1 when it could not be read */
	const struct rate_quota *quota; /* NULL or without a name: none */
	const uint8_t *trace;           /* 16 bytes: member `trace`; NULL: none */
	const struct grant_rate
		*rate; /* 429: member `rate`, the class and its numbers; NULL: none */
};
/* The whole response, with an RFC 9457 body: type "urn:pan-agent:problem:NAME", title, status,
 * detail. */
void respond_error(struct buf *out, const struct respond_clock *c, const struct respond_error *p);
