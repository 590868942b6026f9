/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "agent/gate.h"

#include <stdint.h>

/*
 * What the administrator of the machine has recorded in the ledger, by the admin socket: one JSON
 * object (POST /ledger there), one of
 *   {"job":"event","pid":"...","event":{"type":"release","by":"pi",...}}
 *   {"job":"flag","proposal":"...","flag":"personal-data","note":"..."}    ("pid" instead, too)
 *   {"job":"revoke","link":"r-..."}   a reviewer's link or a personal grant
 * The role that acts is the one that he names; what would not count is refused as it is over HTTP.
 *
 * The answer is one JSON object with "status" (as of HTTP) and either the answer of
 * gate_events_record or "detail", why not.  Blocks for the disk.
 */
void gate_job_run(struct gate_desk *d, struct span job, int64_t now_ms, struct buf *out);
