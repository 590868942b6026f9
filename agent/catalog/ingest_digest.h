/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/catalog/ingest.h"

#include <stdbool.h>
#include <stdint.h>

/* Files without digests, and their digests: what the pass behind the index reads and writes. */
struct ingest_unsummed {
	int64_t dataset;
	struct span path;         /* inside of the dataset; in the arena, as the next two */
	struct span root, folder; /* name of the data root; the dataset's folder beneath it */
	uint64_t bytes;           /* the file as it was indexed */
	int64_t mtime_s, mtime_ns;
	int64_t ctime; /* ns */
};

/*
 * How far a pass over it has come: the states of all digests after `at` bytes, and the digests of
 * the blocks of CATALOG_BLOCK that are behind it.
 */
struct ingest_partial {
	uint64_t at; /* a multiple of CATALOG_BLOCK */
	uint8_t sha256[32], md5[16];
	uint32_t adler32, crc32c, crc32;
	struct span blocks; /* 32 bytes each */
};

/* The next one behind (dataset, path), in that order; ERR_ABSENT: none. */
bool ingest_unsummed_next(struct ingest *i, int64_t dataset, struct span path, struct arena *a,
	struct ingest_unsummed *ret, struct err *e);
/* This one, if it is without digests; else ERR_ABSENT. */
bool ingest_unsummed_one(struct ingest *i, const struct ingest_unsummed *place, struct arena *a,
	struct ingest_unsummed *ret, struct err *e);
bool ingest_unsummed_count(
	struct ingest *i, uint64_t *ret_files, uint64_t *ret_bytes, struct err *e);
/*
 * The digests of the file with this identity, and of its blocks where it has more than one. Nothing
 * happens where the catalogue has another file there by now: *ret_put says which.  Wants a
 * transaction.
 */
bool ingest_digests_put(struct ingest *i, const struct ingest_unsummed *f,
	const struct ingest_digests *d, struct span blocks, bool *ret_put, struct err *e);
/*
 * What was written down of an earlier pass over this file as it is; its blocks into the arena.
 * ERR_ABSENT: nothing, or nothing that makes sense.
 */
bool ingest_partial_get(struct ingest *i, const struct ingest_unsummed *f, struct arena *a,
	struct ingest_partial *ret, struct err *e);
/* Nothing happens where the catalogue has another file there by now.  Wants a transaction. */
bool ingest_partial_put(struct ingest *i, const struct ingest_unsummed *f,
	const struct ingest_partial *p, struct err *e);
