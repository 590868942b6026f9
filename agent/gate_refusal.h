/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

#include <stdbool.h>

/*
 * The refusals of gate_problem.h as pages, for people who follow a link with a browser: why, until
 * when, by which rule, and what to do next.  The same facts, the same words.
 */

/* Does whoever asks want a page (GET or HEAD, and Accept names text/html)? */
bool gate_refusal_wanted(const struct gate_case *c);
/* A decision that says no (c->decision), in this sentence; never one that hides. */
void gate_refusal_denied(struct gate_desk *d, const struct gate_case *c, struct span sentence,
	struct http_answer *ret);
/* Absent or hidden: one page for both, which names nothing. */
void gate_refusal_absent(struct gate_desk *d, const struct gate_case *c, struct span sentence,
	struct http_answer *ret);
