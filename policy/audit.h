/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/audit_file.h"
#include "policy/audit_keys.h"
#include "policy/audit_line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The audit log: JSON lines, each with the SHA-256 of the line before it, appended before the
 * answer leaves (policy language, section 15).  Several processes may append to one log (an old
 * and a new gate during a reload): each append holds flock() on its file and reads the tail again
 * when somebody else wrote.  A signed checkpoint stands at least behind every 999 other records,
 * and at the beginning of every file but the first; a file is begun with every month.  Thread-safe.
 */
struct audit;

enum audit_sync { AUDIT_SYNC_ALWAYS, AUDIT_SYNC_SECOND, AUDIT_SYNC_NEVER };

#define AUDIT_REST_MAX                                                                             \
	(AUDIT_LINE_MAX - 1024)      /* of audit_item.rest: the log adds less than that            \
				      */
#define AUDIT_CHECKPOINT    1000U    /* records up to the next checkpoint, with it */
#define AUDIT_CHECKPOINT_MS 3600000L /* or so long after the last one, if there are any */

struct audit_item {
	const char *kind; /* "decision", "close", ... */
	struct span rest; /* members after "node", without braces, for example
			     "trace":"...","pid":... */
	uint64_t ret_seq; /* filled in */
};

/*
 * fd: the log, O_APPEND | O_RDWR; taken on success.  Without a folder (at->dir -1) there are no
 * keys in files, no checkpoints and no other files: names of persons hold for this process alone.
 */
bool audit_open(int *fd, const struct audit_place *at, const char *node, enum audit_sync sync,
	struct audit **ret, struct err *e);
void audit_free(struct audit *a); /* NULL is allowed */

/*
 * Append all items in one write, in order.  now_ms: milliseconds UTC; a time before the last line's
 * is raised to it.  On failure nothing of them stays in the file.
 */
bool audit_append(
	struct audit *a, struct audit_item *items, size_t n, int64_t now_ms, struct err *e);
/*
 * A checkpoint, when records stand behind the last one: of any age with `all` (at the end), else
 * only when that one is an hour old.  Call it now and then.
 */
bool audit_checkpoint(struct audit *a, int64_t now_ms, bool all, struct err *e);
/* Call it once a second: flushes what was written, with AUDIT_SYNC_SECOND, and notes where the last
 * checkpoint stands. */
bool audit_flush(struct audit *a, struct err *e);
/* The name of a person in the log (audit_keys_person), by the key of the month of `now`. */
bool audit_subject_id(struct audit *a, struct span iss, struct span sub, int64_t now,
	char out[AUDIT_ID_LEN], struct err *e);

/* What an operator should hear of, once. */
struct audit_news {
	bool torn; /* a half-written last line was moved to NAME.torn */
	uint64_t lost_from,
		lost_to; /* records that were there once and are not now; lost_to 0: none */
	char turned[AUDIT_NAME_MAX]; /* the old file's new name; "": no new one was begun */
	bool stuck;                  /* the file could not be renamed and goes on */
	bool failing;                /* the last append failed; stays until one succeeds */
};
void audit_news(struct audit *a, struct audit_news *ret);
