/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/metric.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "agent/catalog/ingest.h"
#include "agent/indexer_job.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The pass behind the index: files appear in the catalogue at once, their digests follow.  Each
 * call reads one piece of a file and returns, so whoever calls can look after others in between; no
 * transaction is open then.  A file is read once, from its start to its end, and its digests are
 * written with the identity (size, mtime, ctime) of what was read; where it is another file by
 * then, nothing is written, and the next run of the index finds it.
 *
 * What was done stands in the catalogue.  Of a long file that is how far it came, too, at the end
 * of a block every two seconds: whoever goes on after a kill or a restart reads again what lies
 * behind that, and no more.  Files below a block (64 MiB) begin anew.
 *
 * A file that fails to be read is left alone for a while, so that nobody can have it tried again
 * and again.
 */
struct indexer_digest;

struct indexer_digest_world {
	const struct settings *settings;     /* roots, digest_rate */
	const struct indexer_job_root *root; /* in the order of settings->roots */
	struct ingest *ingest;
	struct metrics *metrics; /* NULL allowed */
};

bool indexer_digest_new(
	const struct indexer_digest_world *w, struct indexer_digest **ret, struct err *e);
void indexer_digest_free(struct indexer_digest *d); /* writes results down; NULL allowed */
/* Begin again with the first file, after the one at hand: some may have come. */
void indexer_digest_rewind(struct indexer_digest *d);

enum indexer_digest_step {
	DIGEST_MORE,    /* a piece was read */
	DIGEST_DONE,    /* the file has its digests, soon written down */
	DIGEST_SKIPPED, /* it is another one by now, or cannot be read: *e says why */
	DIGEST_END,     /* no more files, until indexer_digest_rewind; of _one: nothing to do */
};
/* Which file it was: spans that live until the next step. */
struct indexer_digest_file {
	struct span root, folder, path;
	uint64_t bytes;
};
/* The next piece, file after file. */
enum indexer_digest_step indexer_digest_next(
	struct indexer_digest *d, struct indexer_digest_file *ret, struct err *e);
/* Milliseconds that settings->digest_rate wants between the last piece and the next one. */
int indexer_digest_pause(const struct indexer_digest *d);
/*
 * A piece of this file, out of turn: somebody waits for it.  When it is done, it is written down.
 * DIGEST_END: it has its digests, is not there, or is so long that nobody can wait for it; then it
 * is the next one in turn.
 */
#define DIGEST_LATE_MAX ((uint64_t)4 << 30) /* bytes that are left of it: some 15 seconds */
enum indexer_digest_step indexer_digest_one(
	struct indexer_digest *d, const struct indexer_digest_file *f, struct err *e);
/* Results are written down together, at the latest a second after the first: now. */
bool indexer_digest_flush(struct indexer_digest *d, struct err *e);
/* Gauges of what is without digests; counts it all at most every ten seconds. */
void indexer_digest_tell(struct indexer_digest *d);
