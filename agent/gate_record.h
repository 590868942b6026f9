/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"
#include "policy/audit_record.h"

/* The name of c->subject in the log, in `id`; absent for nobody. */
bool gate_record_who(
	struct gate_desk *d, struct gate_case *c, char id[AUDIT_ID_LEN], struct audit_who *ret);

/*
 * The audit record of a question, put with those of its turn (gate.h, gate_record): c->kind,
 * record_at, record_n.  One that no line can hold is none, and c->recorded stays false.
 */
void gate_record_decision(struct gate_desk *d, struct gate_case *c);
/*
 * What is not there takes the way of what is hidden, through the audit log: else the time that its
 * disk takes, or its failure, would tell the two apart.  For the same reason it has no limit on
 * rate.
 */
void gate_record_absent(struct gate_desk *d, struct gate_case *c);
/* Somebody (c->subject) logged in or out with a browser: kind "login" or "logout". */
void gate_record_login(struct gate_desk *d, struct gate_case *c, const char *kind);
/*
 * A credential that is not good (c->refusal), in the audit log and as a line of the log, both
 * within the limits of gate_refused.h.  It is answered even when the log cannot take it: a refusal
 * gives nothing away.
 */
void gate_record_refused(struct gate_desk *d, struct gate_case *c);
