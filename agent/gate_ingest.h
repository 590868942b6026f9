/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate_ingest_place.h"
#include "transfer/digest.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The ingest area: files and folders that contributors add beneath writable roots.  The order of
 * things is gate_ingest_find, which decides data.write; the record of that decision;
 * gate_ingest_begin for an unnamed file (O_TMPFILE), into which somebody writes; all of it decided
 * again; gate_ingest_commit, which looks at what was written and gives it its name.  Whoever dies
 * in between leaves nothing behind: a file without a name goes with its last descriptor.
 *
 * Nothing that is there is ever replaced, moved or removed.
 */

struct gate_ingest_file {
	uint64_t bytes;            /* that are to come */
	struct digest_values said; /* by its sender, of all of them */
	bool fresh; /* 412 instead of 409 for a name that is there (If-None-Match: *) */
};

/*
 * After a permit that was recorded: an unnamed file for c->rest on the file system of its folder,
 * open for writing, the caller's to close.
 */
bool gate_ingest_begin(struct gate_desk *d, const struct gate_case *c,
	const struct gate_ingest_file *f, int *ret_fd, struct gate_ingest_no *no);
/*
 * fd: of such a file, written; `found`: digests of what was written.  Checks it, makes the folders
 * that are missing, writes the audit record ("landed") and gives the name, all of it on disk when
 * it returns.  A file that has the name already, by a commit whose answer was lost, is as good.
 */
bool gate_ingest_commit(struct gate_desk *d, struct gate_case *c, const struct gate_ingest_file *f,
	int fd, const struct digest_values *found, struct gate_ingest_no *no);
/* MKCOL: the dataset's own folder, or one below it. */
bool gate_ingest_folder(struct gate_desk *d, struct gate_case *c, struct gate_ingest_no *no);
/*
 * Is there a folder with this name ("" or "sub/deep", no slash at its end) in c->dataset, beneath a
 * writable root?  It may hold nothing that is catalogued.
 */
bool gate_ingest_is_folder(const struct gate_desk *d, const struct gate_case *c, struct span name);
