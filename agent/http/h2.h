/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/base/step.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The frames of HTTP/2 (RFC 9113) on the server's side, from bytes to streams and back: the
 * wrapper of libnghttp2 (h2.c the session, h2_stream.c its streams).  It knows neither sockets nor
 * connections.  A stream is handed out as the text of one HTTP/1.1 request (h2_head.h) and takes
 * the text of one HTTP/1.1 answer (h2_answer.h).  No push, no CONNECT, no h2c.
 *
 * Bounds: 100 streams; 16 KiB and 100 fields a head; what clients may send that costs us work and
 * is no request (PING, SETTINGS, PRIORITY, RST_STREAM, WINDOW_UPDATE, empty DATA, CONTINUATION)
 * is paid from a credit, whose end is GOAWAY ENHANCE_YOUR_CALM; bodies of requests wait within the
 * flow-control windows, which open only as they are read.
 */
enum h2_limit {
	H2_STREAMS = 100,              /* at a time */
	H2_WINDOW = 1024 * 1024,       /* bytes of request bodies that are not read, in all */
	H2_STREAM_WINDOW = 256 * 1024, /* of one stream */
	H2_DATA = 16384,               /* bytes of a DATA frame that we send */
	H2_DROP = 64 * 1024,   /* bytes of a body that nobody wants, before the stream is reset */
	H2_CREDIT = 1000,      /* of a client at rest */
	H2_CREDIT_SECOND = 50, /* what it gets back each second */
	H2_RESETS = 200,       /* the library's own bound on RST_STREAM, and each second: */
	H2_RESETS_SECOND = 20,
	H2_CONTINUATIONS = 8,
	H2_ACKS = 100, /* answers to PING and SETTINGS that may wait */
};

struct h2;
struct h2_stream;

/* Called inside of h2_receive(), h2_send() and h2_free(), which must not be called from there. */
struct h2_calls {
	void *arg;
	/* A head has come: read it by h2_stream_read().  The stream is yours until you leave it. */
	void (*begun)(void *arg, struct h2_stream *s);
	/* More of its body has come, or its end. */
	void (*body)(void *arg, struct h2_stream *s);
	/* It was reset, by either side: leave it now. */
	void (*closed)(void *arg, struct h2_stream *s);
};

enum h2_why { H2_NO_ERROR, H2_INTERNAL, H2_REFUSED, H2_CANCEL, H2_CALM };

bool h2_new(const struct h2_calls *calls, int64_t now_ms, struct h2 **ret, struct err *e);
void h2_free(struct h2 *h); /* NULL allowed; every stream is closed */

/* What the client has sent.  After an error GOAWAY waits to be sent, and h2_over() will be true. */
void h2_receive(struct h2 *h, struct span bytes, int64_t now_ms);
/* Up to `room` bytes of frames; 0: nothing now. */
size_t h2_send(struct h2 *h, char *to, size_t room);
/* Nothing is to be read or sent any more. */
bool h2_over(const struct h2 *h);
/* A header block has begun and not ended. */
bool h2_in_head(const struct h2 *h);
/* GOAWAY.  H2_NO_ERROR: no new streams, those that are there go on; else the end. */
void h2_goaway(struct h2 *h, enum h2_why why);
size_t h2_streams(const struct h2 *h); /* that somebody has */

void *h2_stream_user(const struct h2_stream *s);
void h2_stream_own(struct h2_stream *s, void *user);
/* The text of the request: as tls_read().  0 bytes: its end. */
enum step h2_stream_read(struct h2_stream *s, char *buf, size_t cap, size_t *ret_n);
size_t h2_stream_unread(const struct h2_stream *s); /* bytes of its body that wait */
/*
 * The text of the answer, from where it was taken up to the last time: p[0..*ret_used) is used at
 * once, what follows stands at its place until h2_stream_taken() says so.  last: nothing follows.
 * False: it is no answer.
 */
bool h2_stream_put(struct h2_stream *s, char *p, size_t n, bool last, size_t *ret_used);
/* Bytes that were taken since the last call. */
size_t h2_stream_taken(struct h2_stream *s);
/* Bytes of the answer that h2_send() gave, and that nobody has called left yet. */
size_t h2_stream_flight(const struct h2_stream *s);
/* All that h2_send() gave has left.  Returns the bytes of this stream among them. */
size_t h2_stream_left(struct h2_stream *s);
/* Something that h2_send() gave has not been called left. */
bool h2_stream_busy(const struct h2_stream *s);
/* Nothing of what was put waits here or is in flight; last: the stream has ended as well. */
bool h2_stream_quiet(const struct h2_stream *s, bool last);
/* End it without a whole answer. */
void h2_stream_reset(struct h2_stream *s, enum h2_why why);
/* You have nothing to do with it any more. */
void h2_stream_leave(struct h2_stream *s);
