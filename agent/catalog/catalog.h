/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/facts.h"
#include "policy/subject.h"
#include "policy/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading the catalogue.  One `struct catalog` is one read-only SQLite connection: one thread, made
 * after fork. Every result lives in the caller's arena.  "Absent" is false with ERR_ABSENT.  Blocks
 * for disk only.
 */
struct catalog;

bool catalog_open(const char *path, struct catalog **ret, struct err *e); /* read-only */
/*
 * From now on the log and the flags of every dataset are those of proposals.yaml and those of the
 * ledger together.  Borrowed until catalog_close; the caller holds and releases it.
 */
struct ledger;
void catalog_use_ledger(struct catalog *c, struct ledger *l);
void catalog_close(struct catalog *c);
/*
 * True: nobody holds the catalogue open for writing and this process may not write beside it, so
 * the file as of its last checkpoint is read and stays what it was.  Open again later.
 */
bool catalog_is_snapshot(const struct catalog *c);

/*
 * From hold to release all answers are of one state of the catalogue: the one that the first of
 * them finds.  Saves the locks of a transaction for each.  Hold only after the questions have come
 * in, or they get answers older than themselves; briefly, for the log cannot be cut meanwhile.
 * Until release the arena must keep what catalog_match put there: the next path in the same folder
 * gets it again.
 */
bool catalog_hold(struct catalog *c, struct err *e);
void catalog_release(struct catalog *c); /* nothing when not held */
/* Before the arena loses what catalog_match put there, and the hold goes on. */
void catalog_forget(struct catalog *c);

struct catalog_dataset {
	int64_t id;
	struct span pid;
	unsigned root; /* index of the data root in the settings that the indexer last saw */
	struct span root_name; /* its name, which is what counts: compare before opening */
	struct span folder;    /* relative to the root; "" = the root itself */
	struct span title;     /* may be absent */
	struct span proposal;  /* absent: not known */
	struct span proposal_title;
	struct span instrument, facility, source, sample, definition;
	struct span technique, technique_label;
	int64_t start, end; /* seconds UTC; INT64_MIN: not known */
	uint64_t files, bytes;
	int64_t document; /* 0: none */
	/*
	 * policy: the one that proposals.yaml names; bound: the one that was in force when the
	 * dataset was first catalogued with a date (policy reference, 6).  Absent: none.
	 * facts.policy is the first of the two that is there.
	 */
	struct span policy, bound;
	struct object_facts
		facts;    /* pid, proposal, instrument, kind, route, flags, dates, policy, events */
	bool file_dates;  /* experiment dates are those of the files, by proposals.yaml's word */
	struct span json; /* the merged record of its files; of catalog_by_pid alone */
};

struct catalog_file {
	struct span path; /* relative to the dataset's folder */
	uint64_t bytes;
	int64_t mtime_s, mtime_ns;
	struct span format;  /* nexus, hdf5, hdf4, other */
	struct span problem; /* absent: none; else one line */
	int64_t ctime;       /* ns since 1970 */
	bool has_digests;    /* valid while bytes, mtime and ctime are those of the file */
	uint8_t sha256[32], md5[16];
	uint32_t adler32, crc32c, crc32;
};
/*
 * SHA-256 of each 64 MiB of the file, the last one shorter, 32 bytes each, into the arena; absent
 * without digests.
 */
#define CATALOG_BLOCK (64UL * 1024 * 1024)
bool catalog_blocks(struct catalog *c, int64_t dataset, const struct catalog_file *f,
	struct arena *a, struct span *ret, struct err *e);

/*
 * The dataset whose pid is the longest prefix (whole segments) of `path`, and what follows it
 * without the slash between (absent when nothing follows, "" when a final slash follows).
 */
bool catalog_match(struct catalog *c, struct span path, struct arena *a,
	struct catalog_dataset *ret, struct span *rest, struct err *e);
bool catalog_by_pid(struct catalog *c, struct span pid, struct arena *a,
	struct catalog_dataset *ret, struct err *e);
/*
 * What a dataset at this place would be, before it is catalogued: facts of its proposal and its
 * log; id 0.  Borrows the spans.  ERR_ABSENT: proposals.yaml names no such proposal.
 */
struct catalog_place {
	struct span pid, root, folder, proposal;
	enum kind kind;
};
bool catalog_new(struct catalog *c, const struct catalog_place *at, struct arena *a,
	struct catalog_dataset *ret, struct err *e);
bool catalog_file_get(struct catalog *c, int64_t dataset, struct span path, struct arena *a,
	struct catalog_file *ret, struct err *e);
/*
 * Files of a dataset in byte order of their paths, from the first one after `after` (absent: from
 * the start), at most `limit`.  *ret is an array in the arena.
 */
bool catalog_files(struct catalog *c, int64_t dataset, struct span after, size_t limit,
	struct arena *a, struct catalog_file **ret, size_t *ret_n, struct err *e);
/*
 * The datasets whose pids begin with this one and a slash, in byte order: their files stand in
 * front of equal names of this dataset.  ERR_LIMIT: there are more than CATALOG_BELOW.
 */
#define CATALOG_BELOW 256U
bool catalog_below(struct catalog *c, struct span pid, struct arena *a, struct span **ret,
	size_t *ret_n, struct err *e);
/* ---- lists and counts: what one view shows, and nothing of anything else ---- */

/*
 * A row of a list.  What may not be seen is not in it: absent, 0 or INT64_MIN (files and bytes are
 * 0 without FIELD_FILES), and so are root, folder, document, policy, bound and the log.  In the
 * administrator's view all is there.
 */
struct catalog_shown {
	struct catalog_dataset dataset; /* without json */
	struct view_shown shown;
};

struct catalog_query {
	const struct view *view;
	struct span after; /* a pid, there or not; absent: from the start */
	int64_t behind;    /* instead of it: `at` of an earlier page; 0: none */
	struct span
		below; /* only pids that begin so: the list ends at the first other; absent: all */
	size_t limit;  /* rows that show */
	/*
	 * Rows that are looked at, shown or not, so that what is hidden cannot hold up a thread;
	 * 0: any number.  A page that ends by it has fewer rows than `limit`.
	 */
	size_t look;
};

struct catalog_page {
	struct catalog_shown *row; /* in the arena */
	size_t n;
	size_t looked; /* rows, shown or not: what it cost, to be told to nobody */
	bool more;     /* it ended by a bound: go on behind `at` */
	int64_t at; /* the row that was looked at last, shown or not: nothing to show to anybody */
};

/* Datasets by pid.  ERR_ABSENT: `behind` is gone. */
bool catalog_datasets(struct catalog *c, const struct catalog_query *q, struct arena *a,
	struct catalog_page *ret, struct err *e);
/* Take out of a dataset what does not show (of one that does); json is cut to what may be seen. */
bool catalog_blank(
	struct catalog_dataset *d, const struct view_shown *s, struct arena *a, struct err *e);

/* files and bytes: of the datasets whose FIELD_FILES shows. */
struct catalog_counts {
	uint64_t datasets, files, bytes;
};
bool catalog_count(struct catalog *c, const struct view *v, struct arena *a,
	struct catalog_counts *ret, struct err *e);

/* The policies that datasets are bound to, each with how many are; of the agent itself. */
struct catalog_binding {
	struct span policy;
	uint64_t datasets;
};
#define CATALOG_BINDINGS 1024U
bool catalog_bindings(struct catalog *c, struct arena *a, struct catalog_binding **ret,
	size_t *ret_n, struct err *e);

/*
 * Roles of a subject towards the proposal of a dataset: team rows by (issuer, sub), by entitlement
 * or by local account (agent/catalog/team.h), and `coproposer` where the proposal is linked to the
 * subject.  Bit set of enum policy_role.
 */
bool catalog_roles(
	struct catalog *c, int64_t document, const struct subject *s, uint32_t *ret, struct err *e);
