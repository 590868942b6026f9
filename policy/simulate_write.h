/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/simulate.h"

/* What a simulation found, as text (policy language 10.3), and as one JSON object. */
void simulate_write(struct simulate *s, struct buf *out);
void simulate_write_json(struct simulate *s, struct buf *out);
