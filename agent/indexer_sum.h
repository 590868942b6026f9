/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/catalog/ingest.h"
#include "agent/catalog/ingest_digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the indexer itself reads of a file: its bytes as they come, for digests, and whether it may
 * be HDF5.  It never parses one: that is the readers' work.
 */
struct indexer_sum; /* digests, a buffer; used again for each file */

bool indexer_sum_new(struct indexer_sum **ret, struct err *e);
void indexer_sum_free(struct indexer_sum *s); /* NULL allowed */
/*
 * SHA-256, MD5, Adler-32, CRC-32C and CRC-32 of a file, and SHA-256 of each CATALOG_BLOCK of it: it
 * is read once, piece by piece, from its start, or from the end of a block where an earlier pass
 * came to (ERR_ABSENT: not from there).
 */
void indexer_sum_start(struct indexer_sum *s, uint64_t bytes);
bool indexer_sum_resume(
	struct indexer_sum *s, uint64_t bytes, const struct ingest_partial *p, struct err *e);
/*
 * At most SUM_PIECE bytes more.  True: *ret_n bytes were taken; 0: the file is done, and had as
 * many as it should.  ERR_SYSTEM: a read failed; ERR_RANGE: there are more or fewer.
 */
#define SUM_PIECE ((size_t)1024 * 1024)
bool indexer_sum_piece(struct indexer_sum *s, int fd, size_t *ret_n, struct err *e);
/* How far it is, if a block has just ended; its blocks are borrowed until the next piece. */
bool indexer_sum_partial(const struct indexer_sum *s, struct ingest_partial *ret);
/* Of a file that is done; blocks as above, at least one. */
bool indexer_sum_end(
	struct indexer_sum *s, struct ingest_digests *ret, struct span *ret_blocks, struct err *e);

enum indexer_sum_kind { SUM_OTHER, SUM_HDF5, SUM_HDF4 };
/*
 * By signature: HDF5's may lie at byte 0, 512, 1024, 2048, ... (doubling; looked for up to 1 GiB),
 * HDF4's at byte 0.  False: a read failed.
 */
bool indexer_sum_sniff(int fd, uint64_t bytes, enum indexer_sum_kind *ret, struct err *e);
/* Does the name promise HDF5? */
bool indexer_sum_named(struct span path);
