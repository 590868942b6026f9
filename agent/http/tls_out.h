/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/pool.h"
#include "agent/base/span.h"
#include "agent/base/step.h"
#include "agent/http/tls.h"
#include "transfer/body.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The sending side of a connection: one pooled buffer in which heads and bodies are collected, so
 * that a head, the first bytes of its body, and the answers of pipelined requests leave together in
 * full records.  It holds no buffer when nothing waits to be sent.  No operation blocks.
 */
#define TLS_OUT_SIZE 65536U
#define TLS_OUT_ROOM 4096U /* what a body wants to have left to begin in the same buffer */

struct tls_out;

/* Where the bytes go instead of into TLS: a stream of HTTP/2 (conn_h2.c). */
struct tls_out_sink {
	enum step (*flush)(void *arg, struct tls_out *o); /* as tls_out_flush() */
	size_t (*pending)(const void *arg); /* bytes that it has, and that have not left */
};

struct tls_out {
	struct tls *tls;
	const struct tls_out_sink *sink; /* NULL: tls */
	void *sink_arg;
	struct pool *pool; /* of TLS_OUT_SIZE */
	char *buf;
	size_t at, n;  /* what waits: buf[at..n) */
	uint64_t sent; /* bytes of plain text that left, for rates */
};

/* Bytes that have not left: plain ones, and those sealed already. */
static inline size_t
tls_out_waiting(const struct tls_out *o)
{
	return o->n - o->at +
	       (o->sink == NULL ? tls_pending(o->tls) : o->sink->pending(o->sink_arg));
}

/* Bytes that head and mem take now. */
size_t tls_out_room(const struct tls_out *o);
/* All or nothing: false when they do not fit (flush first) or there is no memory. */
bool tls_out_head(struct tls_out *o, const struct span *parts, size_t n);
/* As much as fits; returns how much. */
size_t tls_out_mem(struct tls_out *o, struct span bytes);
/* The room itself, for who writes into it; NULL: no memory.  Then say how much of it is used. */
char *tls_out_space(struct tls_out *o, size_t *ret_room);
void tls_out_filled(struct tls_out *o, size_t n);
/*
 * The next bytes of a body, behind what waits, at most `most`.  BODY_MORE with *ret_n 0: flush
 * first.  BODY_BROKEN also when there is no memory.
 */
enum body_step tls_out_file(
	struct tls_out *o, struct body *b, size_t most, int64_t now, uint64_t epoch, size_t *ret_n);
/*
 * STEP_DONE: all left, and the buffer went back.  STEP_READ, STEP_WRITE: blocked.  STEP_FAIL: the
 * connection is over.
 */
enum step tls_out_flush(struct tls_out *o, struct err *e);
/* Give the buffer back, with what is in it. */
void tls_out_release(struct tls_out *o);
