/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The head of a request of HTTP/2, field by field, written down as the head of HTTP/1.1 that says
 * the same: so one parser, one set of limits and one state machine judge both.  Strict where text
 * could be smuggled (RFC 9113 8.2, 8.3, 10.3): nothing that could end a line, a word or the head
 * gets into the text.  Pure.
 *
 * The text has one request line, Host, the fields in their order, Cookie as one line,
 * `Connection: close` (a stream has one request), and `Transfer-Encoding: chunked` where a body of
 * unknown length follows.  What is too large for HTTP/1.1 gets a text without its end, longer than
 * any head may be, which the parser answers with 431.
 */
#define H2_LIST_MAX   (64UL * 1024) /* bytes of all names and values: more is an attack */
#define H2_FIELDS_MAX 1000U         /* likewise; 101 are answered with 431 */

struct h2_head {
	struct buf text;   /* may hold a credential */
	struct buf cookie; /* crumbs, joined (RFC 9113 8.2.3) */
	struct buf method, path, authority;
	bool scheme;
	bool begun; /* the request line is written */
	bool has_length;
	bool over; /* larger than a head of HTTP/1.1 may be */
	uint64_t length;
	size_t n_fields, n_bytes;
};

void h2_head_init(struct h2_head *h);
void h2_head_fini(struct h2_head *h); /* wipes */
/*
 * The next field.  False: the request is malformed (ERR_SYNTAX: a stream error PROTOCOL_ERROR), or
 * an attack on our memory (ERR_LIMIT: end the connection).
 */
bool h2_head_field(struct h2_head *h, struct span name, struct span value, struct err *e);
/*
 * All fields are there.  body: the stream has not ended.  Then h->text is the head, for whoever
 * speaks HTTP/1.1.  False: malformed.
 */
bool h2_head_end(struct h2_head *h, bool body, struct err *e);
/* A field of a trailer section, which is checked and dropped. */
bool h2_head_trailer(struct span name, struct span value, struct err *e);
