/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/* A head is complete: host, path rules and route, before anything of its body is read. */
enum conn_go conn_ask_route(struct conn *c);
/* The request is complete: a kept answer, or a question to the gate. */
enum conn_go conn_ask_gate(struct conn *c);
/*
 * The grant of the body in work has ended, by time or by a new policy: ask again, and go on if the
 * answer is still yes.  A DPoP proof was used up by the first question (RFC 9449 11.1):
 * http_ask.again tells the gate, which then judges everything but its age and its use.  Only this
 * connection has the body, so nobody gains by it but who showed the proof first.  False: the gate
 * cannot be asked.
 */
bool conn_ask_renew(struct conn *c);
/*
 * A member of an archive, beside whatever else the connection does: the same request for another
 * path.  *ret_kept: a grant that is known already, with a reference for the caller; else *ret_id is
 * the question's.  False: it cannot be asked now.
 */
bool conn_ask_member(struct conn *c, struct span path, uint64_t *ret_id, struct grant **ret_kept);
/* The body of a PUT stands in its file: the second question.  False: the gate cannot be asked. */
bool conn_ask_commit(struct conn *c);
/* The last answer was stale; its time has come. */
void conn_ask_again(struct conn *c);
