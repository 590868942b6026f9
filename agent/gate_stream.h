/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * What the gate tells the sender of the bytes beside "yes": the rate class of the decision and for
 * whom it counts, whether the audit log wants ranges, and, after a "no" to a body under way,
 * whether that body may still end (policy language 13.2).  None of it opens or grants anything.
 */

/* The rate class of the permit, if any, and whose share of a limited link its bytes are. */
void gate_stream_rate(const struct gate *g, const struct gate_case *c, struct grant_rate *ret);
/* grant_info.audit_from of the file c->rest. */
uint32_t gate_stream_audit(const struct gate_case *c);
/* To be called with the finished answer: fills ret->finish of a refusal. */
void gate_stream_finish(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
