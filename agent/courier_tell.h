/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/courier_run.h"

/* What is told of the issuers that are fetched: to people as JSON, and as metrics. */
void courier_tell_json(const struct courier *c, struct buf *out);
void courier_tell_metrics(const struct courier *c, struct buf *out);
