/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * GET /me: who the agent thinks you are, which groups that gives you, and why; and what is missing.
 * Which terms you have accepted, what you have asked for, and which requests wait for you.
 * By the token that was sent, else by the browser's session; a page for people, JSON for the rest.
 * Decides nothing and opens nothing.
 */
void gate_me_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
