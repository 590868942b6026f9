/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/catalog/limits.h"
#include "agent/catalog/proposals.h"
#include "agent/catalog/record.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writing the catalogue: the indexer's handle, one for its whole life (a reader that may not write
 * in the folder sees the catalogue live only while it is open).  Everything is an upsert that
 * leaves equal rows alone, so the same storage gives the same catalogue.  All calls but ingest_open
 * want a transaction; what was not committed never happened.
 */
struct ingest;

bool ingest_open(const char *path, struct ingest **ret, struct err *e); /* makes it; mode 0640 */
void ingest_close(struct ingest *i);                                    /* NULL allowed */
bool ingest_begin(struct ingest *i, struct err *e);
bool ingest_commit(struct ingest *i, struct err *e);
void ingest_rollback(struct ingest *i);
/* After a run: fold the log into the file and bring the planner's numbers up to date. */
bool ingest_settle(struct ingest *i, struct err *e);

/* A data root by its name; `place` is its index in the settings. */
bool ingest_source(struct ingest *i, struct span name, unsigned place, struct span path,
	int64_t *ret, struct err *e);
/* Forget roots (with their datasets) whose name is not in the list. */
bool ingest_sources_keep(struct ingest *i, const struct span *names, size_t n, struct err *e);

/* Documents, teams and logs become those of the file; NULL: there is no file any more. */
bool ingest_proposals(struct ingest *i, const struct proposals *all, struct err *e);

struct ingest_dataset {
	int64_t source;
	struct span folder, pid;
	struct span proposal; /* absent: none */
	enum kind kind;
	struct span facility; /* for the instruments that its files name */
};
/*
 * The dataset with this pid, made when it is new.  *ret_other is the folder of a different place
 * that has the pid already (in `buf`), or absent: the caller decides what that means before it
 * calls ingest_dataset_put.
 */
bool ingest_dataset_find(struct ingest *i, const struct ingest_dataset *d, int64_t *ret_id,
	struct buf *other, struct err *e); /* *ret_id 0: new; other empty: same place */
bool ingest_dataset_put(
	struct ingest *i, const struct ingest_dataset *d, int64_t *ret_id, struct err *e);
/* Its record must be made anew: files changed. */
bool ingest_dataset_touch(struct ingest *i, int64_t dataset, struct err *e);
bool ingest_dataset_dirty(struct ingest *i, int64_t dataset, bool *ret, struct err *e);
/* Remove the datasets of a root that are not in the sorted list; *ret_files: files that went. */
bool ingest_datasets_keep(struct ingest *i, int64_t source, const int64_t *ids, size_t n,
	uint64_t *ret_files, struct err *e);
/* Merge the readings of its files and write the record; clears the mark of _touch. */
bool ingest_record(
	struct ingest *i, int64_t dataset, const struct ingest_dataset *d, struct err *e);

struct ingest_digests {
	uint8_t sha256[32], md5[16];
	uint32_t adler32, crc32c, crc32;
};
/* The reason on record for a file that nobody takes for HDF5. */
#define INGEST_PLAIN "not HDF5"
struct ingest_file {
	struct span path; /* relative to the dataset's folder, UTF-8 */
	uint64_t bytes;
	int64_t mtime_s, mtime_ns;
	int64_t ctime;       /* ns */
	struct span format;  /* nexus, hdf5, hdf4, other */
	struct span problem; /* absent: none */
	bool again;          /* worth another try although the file is the same */
	bool has_digests;    /* of the bytes with this mtime */
	bool anew;           /* digests of the same file on record do not count any more */
	struct ingest_digests digests;
	struct span reading; /* the reader's answer; absent: none */
};
bool ingest_file_put(struct ingest *i, int64_t dataset, const struct ingest_file *f, struct err *e);
bool ingest_file_remove(struct ingest *i, int64_t dataset, struct span path, struct err *e);

/* What is known of a dataset's files, in byte order of their paths. */
struct ingest_known {
	struct span path; /* in the page's arena */
	uint64_t bytes;
	int64_t mtime_s, mtime_ns;
	int64_t ctime; /* ns */
	bool again, has_digests;
	bool hdf5;   /* nexus or hdf5 */
	bool broken; /* has a problem other than INGEST_PLAIN */
};
#define INGEST_PAGE 512U
struct ingest_page {
	struct arena
		arena; /* the caller's to init (INGEST_PAGE_ARENA) and fini; reset by each read */
	struct ingest_known file[INGEST_PAGE];
	size_t n; /* 0: there are no more */
};
#define INGEST_PAGE_ARENA ((size_t)INGEST_PAGE * (LIMIT_PATH + 32U))
/* The files after `after` (absent: from the start; not of this page) into *page. */
bool ingest_known_files(struct ingest *i, int64_t dataset, struct span after,
	struct ingest_page *page, struct err *e);

/* What lies beneath a root without being a file of a dataset, and why (dataset 0: outside all). */
bool ingest_problems_clear(struct ingest *i, int64_t source, struct err *e);
bool ingest_problem(struct ingest *i, int64_t source, struct span path, int64_t dataset,
	struct span text, struct err *e);

/* A file by what it is, for the quarantine of files that kill their readers. */
struct ingest_identity {
	uint64_t device, inode, bytes;
	int64_t mtime; /* ns */
};
bool ingest_deaths(struct ingest *i, const struct ingest_identity *f, unsigned *ret, struct err *e);
bool ingest_death(struct ingest *i, const struct ingest_identity *f, struct err *e);
bool ingest_alive(struct ingest *i, const struct ingest_identity *f, struct err *e); /* read well */
bool ingest_count(struct ingest *i, uint64_t *ret_datasets, uint64_t *ret_files, struct err *e);
