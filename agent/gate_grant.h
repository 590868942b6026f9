/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/*
 * Where a decision becomes bytes: the one file that opens data and issues grants
 * (policy/grant_issue.h).  Everything here wants a permit in c->decision.
 */

/* The descriptor to send along with an answer that has a grant; still the grant's. -1: none. */
int gate_descriptor(const struct http_answer *a);

/*
 * Open a file of a dataset beneath its data root and grant its bytes (openat2, RESOLVE_BENEATH):
 * only after a permit. ERR_ABSENT for whatever is not a regular file inside.
 */
bool gate_open(struct gate_desk *d, const struct gate_case *c, const struct catalog_file *f,
	struct grant **ret, struct err *e);
/* The end of a turn: the folder of the last dataset is looked up anew. */
void gate_grant_end(struct gate_desk *d);
/* Seconds by the wall clock, which is the front's, from which the decision must be made again. */
int64_t gate_expiry(const struct gate_case *c);
/*
 * The strong tag of a file with this state (NULL: as it was indexed), with its quotes (https 7.2):
 * from the recorded digest when that is what was recorded, else from pid, path, size and time; the
 * same on every node.
 */
struct stat;
void gate_etag(const struct gate_case *c, const struct catalog_file *f, const struct stat *st,
	char out[48]);
/* The body that stands in d->body, inside the message or, when long, as a sealed memory file. */
void gate_body(struct gate_desk *d, const struct gate_case *c, struct http_answer *ret);

/* The descriptor of a data root, by its name: the catalogue may be older than the order of the
 * roots.  -1: gone. */
int gate_root(const struct gate *g, struct span name);
/* openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS and `resolve`; -1 with errno. */
int gate_open_beneath(int at, struct span name, uint64_t flags, uint64_t resolve);

/* HTTP_ARCHIVE: the plan in a sealed memory file, with the validators of the whole. */
struct gate_plan {
	struct span bytes;
	struct span etag; /* strong, with its quotes, less than 48 bytes */
	int64_t modified; /* seconds UTC */
};
bool gate_grant_plan(struct gate_desk *d, const struct gate_case *c, const struct gate_plan *plan,
	struct grant **ret, struct err *e);
/* HTTP_PIPE: takes *fd, the end that is read, on success. */
bool gate_grant_pipe(
	struct gate_desk *d, const struct gate_case *c, int *fd, struct grant **ret, struct err *e);
/* HTTP_UPLOAD: takes *fd, an unnamed file open for writing; `size` bytes are to come. */
bool gate_grant_write(struct gate_desk *d, const struct gate_case *c, int *fd, uint64_t size,
	struct grant **ret, struct err *e);
