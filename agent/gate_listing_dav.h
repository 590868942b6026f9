/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"
#include "transfer/dav.h"

/*
 * PROPFIND (RFC 4918 9.1, https reference 8): a multistatus of a file or of a folder, Depth 0 or 1.
 */

/* What is at c->rest of c->dataset, after a permit that was recorded. */
void gate_listing_dav_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/* What every PROPFIND begins with: Depth and body.  False: *ret has the refusal. */
bool gate_listing_dav_read(struct gate_desk *d, const struct gate_case *c, struct dav_query *ret_q,
	bool *ret_children, struct http_answer *ret);
