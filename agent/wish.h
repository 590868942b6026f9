/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a gate wishes of the indexer, which alone writes the catalogue: that a dataset be indexed
 * now, since files came to it, or that digests of its files be computed now, since somebody asks
 * for them.  The messages are written as those of agent/wire.h; reading is strict.  Pure.  Fuzz
 * target: wish.
 */
enum wish_kind {
	WISH_INDEX = 1, /* the dataset as it is on disk now */
	WISH_DIGESTS,   /* the same, and digests of what has none */
};

#define WISH_NAME_MAX 255U
#define WISH_PATH_MAX 4096U

struct wish {
	enum wish_kind kind;
	uint64_t id;        /* echoed in the report; never 0 */
	struct span root;   /* name of the data root */
	struct span folder; /* of the dataset, beneath the root; "": the root itself */
	struct span path;   /* DIGESTS: of the file inside of the dataset; absent: all of them */
};

enum wish_result {
	WISH_DONE = 1, /* the catalogue has what there is */
	WISH_FAILED,   /* not all of it; the indexer's log says why */
	WISH_BUSY,     /* too many wait: not done */
};

struct wish_report {
	uint64_t id;
	enum wish_result result;
};

void wish_write(const struct wish *w, struct buf *out);
bool wish_read(struct span msg, struct wish *ret, struct err *e);
void wish_write_report(const struct wish_report *r, struct buf *out);
bool wish_read_report(struct span msg, struct wish_report *ret, struct err *e);
