/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a run tells whoever asked for it: one JSON object a line on a descriptor.  A peer that does
 * not read for a second, or went away, hears no more; the run goes on.
 */
struct indexer_report_counts {
	uint64_t datasets, files, bytes, hdf5, plain, broken, unchanged, removed, problems;
	uint64_t bound;        /* datasets that were bound to a policy, or to another one */
	uint64_t uncatalogued; /* what belongs in the catalogue and could not be put there */
};

struct indexer_report {
	int fd; /* -1: nobody listens */
	uint64_t total, started_ms, told_ms;
	struct indexer_report_counts counts;
	struct buf line;
};

void indexer_report_init(struct indexer_report *r, int fd); /* takes fd */
void indexer_report_fini(struct indexer_report *r);
/* At most five times a second. */
void indexer_report_progress(struct indexer_report *r);
/* A file or a place with what is wrong with it; `root` and `path` are joined by a slash. */
void indexer_report_file(
	struct indexer_report *r, struct span root, struct span path, struct span problem);
void indexer_report_error(
	struct indexer_report *r, struct span text); /* one line, or several, each an event */
/* A dataset is bound to another policy; absent: none. */
void indexer_report_binding(
	struct indexer_report *r, struct span pid, struct span was, struct span now);
void indexer_report_done(struct indexer_report *r);
