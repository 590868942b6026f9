/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * Lists of what is in a dataset, after the decision: HTML that `wget -r -np` follows, JSON by
 * Accept, and for PROPFIND agent/gate_listing_dav.c.  Folders are the common beginnings of file
 * names; the file system is not asked.
 */

/* The dataset's folder c->rest ("" or ending in a slash; or a file, for PROPFIND). */
void gate_listing_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
/* Is c->rest (without a slash at its end) a folder of the dataset? */
bool gate_listing_is_folder(struct gate_desk *d, const struct gate_case *c);

/* What the forms share. */
struct gate_listing_entry {
	struct span name; /* inside of its folder; that of a folder ends with a slash */
	bool folder;
	const struct catalog_file *file; /* NULL for a folder */
};
typedef void gate_listing_fn(void *arg, const struct gate_listing_entry *entry);

/* Each entry of `folder` ("" or "sub/") in byte order.  ERR_LIMIT: there are too many. */
bool gate_listing_walk(struct gate_desk *d, const struct gate_case *c, struct span folder,
	gate_listing_fn *entry, void *arg, struct err *e);
/* Why there is no list. */
void gate_listing_failed(
	struct gate_desk *d, struct gate_case *c, const struct err *e, struct http_answer *ret);
