/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What h2.c (the session) and h2_stream.c (its streams) share; nobody else includes it. */
#include "agent/base/buf.h"
#include "agent/http/chunk.h"
#include "agent/http/h2.h"
#include "agent/http/h2_head.h"

struct nghttp2_session;

struct h2_stream {
	struct h2_stream *next, *prev; /* in h2->streams */
	struct h2 *h2;
	void *user;
	int32_t id;
	bool owned;  /* somebody has it */
	bool closed; /* the library does not know it any more */
	/* the request */
	bool bad;
	bool body, body_end; /* there is one; all of it is here */
	bool read_end;       /* its end was read */
	struct h2_head head;
	size_t text_at;
	struct buf in; /* of the body, from in_at on */
	size_t in_at;
	size_t dropped; /* bytes that came after its answer */
	/* the answer */
	bool answered; /* its head was submitted */
	bool chunked, last, deferred;
	bool ended;       /* END_STREAM was given out */
	bool unsent;      /* frames were given out, and have not left */
	unsigned waiting; /* HEADERS frames that were submitted and not given out */
	struct span offer;
	size_t taken, flight;
	struct chunk chunk;
	struct buf plain; /* of a chunked body */
};

struct h2 {
	struct nghttp2_session *session;
	struct h2_calls calls;
	struct h2_stream *streams;
	size_t n_owned;
	bool failed, ending;
	/* where in the frames the client is, apart from what the library makes of them */
	size_t skip;     /* bytes of the preface or of a payload that are to come */
	size_t n_head;   /* bytes of a frame's head that are here */
	uint8_t head[9]; /* the last one, or the one in work */
	bool block;      /* a header block is open */
	int32_t credit;
	int64_t credit_ms;
	/* h2_send(): where frames go */
	char *to;
	size_t room, at;
	struct span rest; /* of a frame that did not fit; the library's */
};

/* NULL: not one that we hold. */
struct h2_stream *h2_stream_of(const struct h2 *h, int32_t id);
/* NULL: no memory. */
struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
void h2_stream_free(struct h2_stream *s);
/* An error code of RFC 9113 7. */
uint32_t h2_code(enum h2_why why);
