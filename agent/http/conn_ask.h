/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/* A head is complete: host, path rules and route, before anything of its body is read. */
enum conn_go conn_ask_route(struct conn *c);
/* The request is complete: a kept answer, or a question to the gate. */
enum conn_go conn_ask_gate(struct conn *c);
/*
 * The grant of the body in work has ended, by time or by a new policy: ask again, and go on if the
 * answer is still yes.  False: the gate cannot be asked.
 */
bool conn_ask_renew(struct conn *c);
/* The last answer was stale; its time has come. */
void conn_ask_again(struct conn *c);
