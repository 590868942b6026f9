/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * GET /review/SECRET/[PATH]: a dataset as a reviewer's link opens it (gate_links.h), to read and
 * nothing else.  The bearer is a subject of this server's own, "link:ID", with the role `delegate`
 * alone, and every request is decided by the policy like any other: deny rules, states, terms and
 * hiding hold.  Once the dataset is neither embargoed nor open the bearer is a stranger.  A link
 * that is unknown, has ended or was revoked is the same 404, and counts as a refusal.
 */
void gate_review_begin(struct gate_desk *d, struct gate_case *c);
void gate_review_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
