/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/*
 * A connection whose client chose HTTP/2 (ALPN): each stream becomes a connection in memory
 * (conn_new_over) with the one request of that stream, so that parser, routes, questions, answers,
 * deadlines and rates are those of HTTP/1.1.
 *
 * A stream in work holds what a connection holds: at most one buffer of each pool.  So at most
 * CONN_H2_ACTIVE of them are in work; the others wait in their order with their heads alone, and
 * where they have more than CONN_H2_QUEUED bytes of bodies between them, the last comer is refused
 * (REFUSED_STREAM: it was not touched, and may be sent again).
 */
enum conn_h2_limit {
	CONN_H2_ACTIVE = 16,
	CONN_H2_QUEUED = 512 * 1024,
	CONN_H2_READS = 16,       /* of the socket in one turn */
	CONN_H2_LEAST = 4 * 1024, /* less room than that is a full buffer */
};

/* The handshake is done, and HTTP/2 was chosen.  False: no memory. */
bool conn_h2_begin(struct conn *c);
enum conn_go conn_h2_step(struct conn *c);
/* What its client owes next. */
enum conn_timer conn_h2_waits(const struct conn *c);
/* Say goodbye; then the connection finishes. */
void conn_h2_end(struct conn *c);
/* With all its streams.  Works on a connection without any. */
void conn_h2_free(struct conn *c);
