/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"
#include "policy/view.h"

/*
 * Who asks, for decisions and for lists alike: what c->subject is to every dataset, where they
 * sit, what they have accepted.
 */
bool gate_view_asker(
	struct gate_desk *d, struct gate_case *c, struct view_asker *ret, struct err *e);
/* Their eyes (policy/view.h), in the desk's memory. */
bool gate_view(struct gate_desk *d, struct gate_case *c, const struct view **ret, struct err *e);

/* At the start: say in the log which policies datasets are bound to that are not loaded. */
void gate_view_missing(const struct policy_set *policies, struct catalog *c);
