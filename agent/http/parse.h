/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/base/step.h"
#include "agent/http/head.h"

#include <stddef.h>

/*
 * The request head of HTTP/1.1 and HTTP/1.0, read strictly and in any number of pieces.  Pure.
 * All zero is the start of a head; set it to zero again for the next one on the connection.
 */
struct http_parse {
	size_t seen;     /* bytes that were looked at */
	size_t line;     /* where the line in work begins */
	unsigned lines;  /* lines that ended; the first is the request line */
	unsigned empty;  /* empty lines before it */
	unsigned status; /* after STEP_FAIL: 400, 414, 417, 431, 501 or 505 */
};

/*
 * `buffered` begins at the first byte of the head in each call (with more bytes at its end; it may
 * have moved).  Looks at each byte once, so one byte at a time is linear.
 * STEP_READ: needs more; never when HTTP_HEAD_MAX bytes are there.
 * STEP_DONE: *ret is filled, its spans point into buffered, *used is the length of the head.
 * STEP_FAIL: p->status and e; answer, close, and read nothing more.
 */
enum step http_parse(struct http_parse *p, struct span buffered, struct http_head *ret,
	size_t *used, struct err *e);
