/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * /datasets/{pid}: the dataset itself and what can be done about it.  This finds the dataset (the
 * longest pid, as below /data/) and the row for what follows; a dataset that has no public record
 * for the asker is absent for all of them (POL-11).
 */
void gate_datasets_begin(struct gate_desk *d, struct gate_case *c);
/* What a row begins and no other answers: nothing there, a method that it does not take. */
void gate_datasets_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/* What follows the name of the row in the path, as the id of an event; absent: nothing. */
struct span gate_datasets_more(const struct gate_case *c);
/* The body of a JSON answer that stands in d->body: never cached. */
void gate_datasets_json(
	struct gate_desk *d, const struct gate_case *c, unsigned status, struct http_answer *ret);
/* A refusal that has no decision of the policy behind it, by its code (400, 403, 404, 409, 503). */
void gate_datasets_refuse(struct gate_desk *d, const struct gate_case *c, unsigned status,
	const struct err *e, struct http_answer *ret);
