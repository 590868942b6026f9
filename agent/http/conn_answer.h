/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/* The answers that the front gives by itself. */
enum conn_go conn_answer_error(struct conn *c, const struct respond_error *p);
enum conn_go conn_answer_status(struct conn *c, unsigned status, const struct err *e);
enum conn_go conn_answer_options(struct conn *c, const char *allow, bool dav);
/* What the gate has decided; a->grant stays the caller's. */
enum conn_go conn_answer_gate(struct conn *c, const struct http_answer *a);
/* The same for the body in work, whose grant had ended; NULL: there was no answer. */
enum conn_go conn_answer_renewed(struct conn *c, const struct http_answer *a);
/* Stream the body in work. */
enum conn_go conn_answer_send(struct conn *c);
/* Send what waits. */
enum conn_go conn_answer_flush(struct conn *c);
/* Tell the gate of answers that have left, or of what became of them. */
void conn_answer_notes(struct conn *c, bool all_left);
