/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * A walk over a data root, in byte order of the paths, without recursion: folders that lead to
 * datasets, then each dataset's files.  No symbolic link is followed on the way down; a link to a
 * file counts as that file when it stays beneath its dataset's folder (elsewhere it would carry
 * another dataset's bytes out under this one's policy).  What is not a file of a dataset comes out
 * as WALK_PROBLEM: nothing is passed over in silence.  Blocks for the storage; indexer only.
 */
struct indexer_walk;

enum indexer_walk_kind {
	WALK_END,         /* nothing more */
	WALK_FOLDER,      /* a folder on the way to a dataset: may be skipped */
	WALK_DATASET,     /* a dataset's folder: may be skipped */
	WALK_FILE,        /* a file of that dataset, or a link to one */
	WALK_DATASET_END, /* the last dataset is complete; not after indexer_walk_skip */
	WALK_PROBLEM,
};

struct indexer_walk_entry {
	enum indexer_walk_kind kind;
	struct span path;  /* beneath the root; FILE: beneath the dataset's folder.  Borrowed until
			    * the next step.  Of a problem: escaped where it is not UTF-8. */
	size_t level;      /* FOLDER, DATASET: its level of the layout, from 0 */
	const char *text;  /* PROBLEM: why, static */
	int sys;           /* PROBLEM: errno, or 0 */
	bool in_dataset;   /* PROBLEM: path is beneath the dataset's folder and relative to it */
	bool lost;         /* PROBLEM: what lies beneath it could not be seen this time */
	bool uncatalogued; /* PROBLEM: data of a dataset that cannot be catalogued */
};

/* `levels`: how many folders lead to a dataset (0: the root is one).  root_fd stays the caller's.
 */
bool indexer_walk_new(int root_fd, size_t levels, struct indexer_walk **ret, struct err *e);
void indexer_walk_free(struct indexer_walk *w); /* NULL allowed */
/* False: no memory (e is set).  WALK_END is success. */
bool indexer_walk_next(struct indexer_walk *w, struct indexer_walk_entry *ret, struct err *e);
/* Do not go into the folder that the last step gave. */
void indexer_walk_skip(struct indexer_walk *w);
/* The file of the last step: its state, and a descriptor to read it.  ERR_SYSTEM with errno. */
bool indexer_walk_stat(struct indexer_walk *w, struct stat *ret, struct err *e);
int indexer_walk_open(struct indexer_walk *w, struct err *e); /* or -1 */
