/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * POST /logout: the session of this browser ends, whatever the audit log can take.  Only a form of
 * our own page does that: it comes from this origin and holds the session's own token.
 */
void gate_logout_begin(struct gate_desk *d, struct gate_case *c);
void gate_logout_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
