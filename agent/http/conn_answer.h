/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/* The answers that the front gives by itself. */
enum conn_go conn_answer_error(struct conn *c, const struct respond_error *p);
enum conn_go conn_answer_status(struct conn *c, unsigned status, const struct err *e);
enum conn_go conn_answer_options(struct conn *c, const char *allow, bool dav);
/* What the gate has decided; a->grant stays the caller's. */
enum conn_go conn_answer_gate(struct conn *c, const struct http_answer *a);
/* The answer in work is in the output, whole: on to what follows. */
enum conn_go conn_answer_done(struct conn *c);
/* Send what waits. */
enum conn_go conn_answer_flush(struct conn *c);
/*
 * The head of a body whose length nobody knows: in chunks, but for a client of HTTP/1.0, for whom
 * it ends with the connection.  False: the connection is over.
 */
bool conn_answer_stream(struct conn *c, unsigned status, struct span fields, bool *ret_chunked);
