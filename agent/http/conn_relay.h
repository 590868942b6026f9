/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/*
 * A body that comes out of a pipe, of unknown length (HTTP_PIPE): how a third-party copy goes,
 * told by the mover.  The first line of the pipe says what the answer is (transfer/tpc.h); the rest
 * is relayed in chunks.  Whoever writes into the pipe ends when it is closed here: with the
 * connection, or with the permission to go on.
 */
void conn_relay_free(struct conn_relay *r); /* NULL is allowed */
enum conn_go conn_relay_begin(struct conn *c, const struct http_answer *a);
enum conn_go conn_relay_send(struct conn *c);
/* The gate was asked again, for the grant had ended; NULL: it did not answer. */
enum conn_go conn_relay_renewed(struct conn *c, const struct http_answer *a);
