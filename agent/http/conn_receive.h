/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/*
 * The body of a PUT (https reference 8; HTTP_UPLOAD of exchange.h).  The gate has been asked before
 * anything of the body was read; what it granted is an unnamed file.  The body is written into that
 * as it comes, the digests that the gate wants are computed on the way, and then the same question
 * goes to the gate once more, with `commit`: its answer is the client's.
 *
 * Writes are blocking ones of at most one record into the page cache, and what was written is
 * handed on to the disk every CONN_RECEIVE_FLUSH bytes, so that nothing gathers which the gate
 * would have to wait for.  Whatever ends the connection before leaves nothing behind: a file
 * without a name goes with its last descriptor.
 */
#define CONN_RECEIVE_FLUSH (8UL * 1024 * 1024)

/* The gate lets the body in; a->grant stays the caller's.  Sends 100 where it is waited for. */
enum conn_go conn_receive_begin(struct conn *c, const struct http_answer *a);
/* Take what came. */
enum conn_go conn_receive_take(struct conn *c);
/* Its grant had ended, and the gate was asked again; NULL: it did not answer. */
enum conn_go conn_receive_renewed(struct conn *c, const struct http_answer *a);
/* Is the body whole and the second question on its way, or about to be? */
bool conn_receive_whole(const struct conn_request *r);
/* What the second question has beside the first. */
void conn_receive_fill(const struct conn_request *r, struct http_ask *q);
/* The answer is there, or the connection ends.  Nothing when no body was taken. */
void conn_receive_end(struct conn_request *r);
