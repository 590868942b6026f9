/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * Lists of what is there, after the decision: HTML that `wget -r -np` follows, JSON by Accept, a
 * WebDAV multistatus for PROPFIND.  Folders are the common beginnings of file names; the file
 * system is not asked.
 */

/* The dataset's folder c->rest ("" or ending in a slash; or a file, for PROPFIND). */
void gate_listing_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
/* Is c->rest (without a slash at its end) a folder of the dataset? */
bool gate_listing_is_folder(struct gate_desk *d, const struct gate_case *c);
