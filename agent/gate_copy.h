/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * COPY on /data/: HTTP third-party copy (https 9), the words of HTTP around agent/haul.h.  A push
 * is data.stage by protocol `push`; the mover gets the file under a grant, the front the pipe by
 * which the mover tells how it goes.
 */
bool gate_copy_is(const struct http_ask *q);
/* Where nothing is sent elsewhere: true, and 405. */
bool gate_copy_early(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
/* After a permit that was recorded. */
void gate_copy_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
