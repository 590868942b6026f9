/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/control.h"
#include "agent/role.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The files of one configuration, opened by the supervisor, each with the roles that get it
 * (agent/role.h has the names).  It is kept as long as its configuration is in force, so that a
 * role that is started again gets the very same files, whatever has happened to the folders since.
 */
struct bundle_entry {
	struct role_file file;
	unsigned roles; /* bits 1 << enum process */
};

struct bundle {
	struct bundle_entry entries[ROLE_FILES];
	size_t n;
};

#define BUNDLE_ROLE(what) (1U << (what))
#define BUNDLE_ALL                                                                                 \
	(BUNDLE_ROLE(PROCESS_FRONT) | BUNDLE_ROLE(PROCESS_GATE) | BUNDLE_ROLE(PROCESS_READER) |    \
		BUNDLE_ROLE(PROCESS_INDEXER) | BUNDLE_ROLE(PROCESS_COURIER) | \
		BUNDLE_ROLE(PROCESS_MOVER))

/* Takes *fd, on failure too. */
bool bundle_add(struct bundle *b, unsigned roles, const char *name, const char *path, int *fd,
	struct err *e);
/* Close and forget the files whose names begin so. */
void bundle_drop(struct bundle *b, const char *prefix);
void bundle_fini(struct bundle *b); /* closes everything; works on a zeroed one */

/* Send a role its files, then that this was all.  Waits for room, at most BUNDLE_WAIT. */
bool bundle_send(const struct bundle *b, int sock, enum process what, struct err *e);
/* Receive until all has come; the descriptors belong to the caller, on failure too. */
bool bundle_take(int sock, struct role_file files[ROLE_FILES], size_t *n, struct err *e);
#define BUNDLE_WAIT 10000 /* milliseconds without progress */

/* One control message with a descriptor (or -1): waits for room as above. */
bool bundle_message(int sock, const struct control *c, int fd, struct err *e);
