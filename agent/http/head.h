/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/http/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a stranger can make one request head hold (reference: request rules 5.1). */
enum http_limit {
	HTTP_LINE_MAX = 8 * 1024,  /* request line, without its CRLF: 414 */
	HTTP_HEAD_MAX = 16 * 1024, /* whole head, with an empty line before it: 431 */
	HTTP_FIELDS_MAX = 100,     /* 431 */
	HTTP_METHOD_MAX = 32,      /* 501 */
	HTTP_EMPTY_MAX = 1,        /* empty lines before a request: 400 */
};

struct http_field {
	struct span name, value; /* a token; the value without blanks at its ends, may be "" */
};

/*
 * A request head whose syntax and framing are good (RFC 9112).  All spans point into the buffer
 * that was parsed: they die when it moves.  A known field that came more than once shows its first
 * value; head_count() tells.  Fields that Connection names are gone, except Host, the framing
 * fields, and those that say who is asking: Authorization, DPoP, Cookie, Origin, Sec-Fetch-Site.
 */
struct http_head {
	enum http_method method;
	struct span method_text;
	struct span target; /* raw; target_parse() reads it */
	unsigned minor;     /* HTTP/1.x: 0 or 1 */
	size_t n_fields;
	struct http_field field[HTTP_FIELDS_MAX];

	struct span host;          /* absent only in HTTP/1.0; its syntax is checked */
	struct span authorization; /* first; authorizations > 1: two credentials */
	struct span range;         /* first; ranges > 1: to be ignored */
	unsigned authorizations, ranges;
	struct span if_match, if_none_match, if_modified_since, if_unmodified_since, if_range;
	struct span accept, depth, want_digest, want_repr_digest, traceparent;
	struct span dpop;   /* first; proofs > 1: two of them */
	struct span cookie; /* first; cookies > 1: none is to be believed (RFC 6265 5.4) */
	struct span origin, fetch_site;
	unsigned proofs, cookies;

	bool has_length; /* Content-Length was there */
	uint64_t content_length;
	bool chunked;         /* Transfer-Encoding: chunked; never together with has_length */
	bool expect_continue; /* HTTP/1.1 with Expect: 100-continue */
	bool keep_alive;      /* by version and Connection */
};

/* Number of fields of that name, in any case. */
size_t head_count(const struct http_head *h, struct span name);
/* Value of the n-th field (from 0) of that name, or absent. */
struct span head_get(const struct http_head *h, struct span name, size_t n);

/*
 * The fields as a gate gets them: a line "Name: value\n" each, in their order and case, without
 * those that say who is asking (Authorization, DPoP, Cookie), Host and the framing fields.
 */
void head_lines(const struct http_head *h, struct buf *out);

/*
 * For agent/http/parse.c: h has method, version and `field`; find the known fields and check host
 * and framing (RFC 9112 3.2, 6).  On failure *ret_status is the answer's: 400, 417 or 501.
 */
bool head_finish(struct http_head *h, unsigned *ret_status, struct err *e);
/* The method's row; false: not one that this server knows (501). */
bool head_method(struct span token, enum http_method *ret);
/* RFC 9110 5.6.2: at least one byte, all of them of a token. */
bool head_token(struct span s);
