/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/span.h"
#include "agent/catalog/layout.h"
#include "agent/indexer_job.h"
#include "agent/indexer_walk.h"

/* The state of a run, between indexer_job.c (roots), indexer_dataset.c,
 * indexer_file.c and indexer_bind.c alone. */

/* A dataset of this run: from its folder's beginning until its last file is done with. */
struct indexer_unit {
	struct arena arena; /* of the strings in d */
	int64_t id;
	struct ingest_dataset d;
	size_t pending; /* files that wait for a reader */
	bool touched, left, dropped;
};

struct indexer_work;

struct indexer_run {
	const struct indexer_job *job;
	struct indexer_report *report;
	struct indexer_walk *walk;
	bool stop;      /* told to, or the catalogue failed */
	struct err why; /* of the catalogue's failure; code ERR_NONE: none */
	/* the batch */
	bool batch;
	size_t rows;
	uint64_t began;
	/* files that wait for an idle reader, oldest first */
	struct indexer_work *first, *last;
	size_t queued;
	/* the root at hand */
	unsigned place;
	struct span root;
	struct layout layout;
	int64_t source;
	int64_t *ids;
	size_t n_ids, cap_ids;
	bool lost; /* a folder on the way to datasets could not be read */
	struct indexer_unit *unit;
	/* what the catalogue knows of the dataset at hand, page by page */
	struct ingest_page page;
	size_t at_known;
	bool known_end;
};

/* ---- indexer_job.c ---- */
/* A transaction is open after it; commits what is due.  False: the run has failed. */
bool indexer_job_batch(struct indexer_run *r);
/* Remember the catalogue's failure and stop. */
bool indexer_job_fail(struct indexer_run *r, const struct err *e);
/* Something beneath the root at hand (path relative to it) that is no file of a dataset, and why.
 */
void indexer_job_problem(
	struct indexer_run *r, struct span path, int64_t dataset, struct span text);
/* The same from a step of the walk. */
void indexer_job_odd(struct indexer_run *r, const struct indexer_walk_entry *entry);

/* ---- indexer_dataset.c ---- */
/* The walk stands before a dataset's folder, at one of its files, at its end. */
void indexer_dataset_enter(struct indexer_run *r, struct span folder);
void indexer_dataset_file(struct indexer_run *r, struct span path);
void indexer_dataset_leave(struct indexer_run *r);
/* A folder of the dataset ("": its own) could not be read: what is known below it stays. */
void indexer_dataset_keep(struct indexer_run *r, struct span folder);
/* Note that its record is to be made anew. */
bool indexer_dataset_touch(struct indexer_run *r, struct indexer_unit *u);
/* After its last file, and its folder's end: write the record, free it. */
void indexer_dataset_settle(struct indexer_run *r, struct indexer_unit *u);

/* ---- indexer_file.c ---- */
/* The file of the walk's last step is new or changed: read it and put it into the catalogue. */
void indexer_file_take(struct indexer_run *r, struct span path, const struct stat *st);
/* From now on the readers' answers go to this run. */
void indexer_file_serve(struct indexer_run *r);
/* Hand out questions, take answers; waits at most that long.  False: the run stops. */
bool indexer_file_pump(struct indexer_run *r, int timeout_ms);
/* Until no file is under way any more. */
void indexer_file_drain(struct indexer_run *r);

/* ---- indexer_bind.c ---- */
/* Bind the datasets that have a date by now to the policy of that time.  False: the run failed. */
bool indexer_bind_new(struct indexer_run *r);
/* The order's rebind: those that are bound already, too; each change is told. */
bool indexer_bind_again(struct indexer_run *r);
