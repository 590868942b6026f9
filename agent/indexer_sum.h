/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/catalog/ingest.h"

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
 * SHA-256, MD5, Adler-32 and CRC-32C in one pass over the file from its start.  `breathe` is called
 * between two blocks and ends the pass by false (ERR_LIMIT).  ERR_SYSTEM: a read failed; ERR_RANGE:
 * there were more or fewer bytes than `bytes`.
 */
struct indexer_sum_pause {
	bool (*breathe)(void *ctx);
	void *ctx;
};
bool indexer_sum_file(struct indexer_sum *s, int fd, uint64_t bytes,
	const struct indexer_sum_pause *pause, struct ingest_digests *ret, struct err *e);

enum indexer_sum_kind { SUM_OTHER, SUM_HDF5, SUM_HDF4 };
/*
 * By signature: HDF5's may lie at byte 0, 512, 1024, 2048, ... (doubling; looked for up to 1 GiB),
 * HDF4's at byte 0.  False: a read failed.
 */
bool indexer_sum_sniff(int fd, uint64_t bytes, enum indexer_sum_kind *ret, struct err *e);
/* Does the name promise HDF5? */
bool indexer_sum_named(struct span path);
