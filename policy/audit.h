/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/audit_line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The audit log: JSON lines, each with the SHA-256 of the line before it, appended before the
 * answer leaves (policy language, section 15).  Several processes may append to one file (an old
 * and a new gate during a reload): each append holds flock() on it and reads the tail again when
 * somebody else wrote.  Thread-safe.
 */
struct audit;

enum audit_sync { AUDIT_SYNC_ALWAYS, AUDIT_SYNC_SECOND, AUDIT_SYNC_NEVER };

#define AUDIT_REST_MAX                                                                             \
	(AUDIT_LINE_MAX - 1024) /* of audit_item.rest: the log adds less than that                 \
				 */
#define AUDIT_ID_LEN 48U        /* room for "2026-06:" and 32 hex digits */

struct audit_item {
	const char *kind; /* "decision", "close", ... */
	struct span rest; /* members after "node", without braces, for example
			     "trace":"...","pid":... */
	uint64_t ret_seq; /* filled in */
};

/*
 * fd: the log, O_APPEND | O_RDWR, its own open file description; taken on success.
 * dir: folder that holds the key files of the months and FILE.torn, or -1 (then ids hold for this
 * process alone); borrowed for the life of the log.  A half-written last line is moved to
 * audit.torn there.
 */
bool audit_open(int *fd, int dir, const char *node, enum audit_sync sync, struct audit **ret,
	struct err *e);
bool audit_was_torn(const struct audit *a); /* audit_open found such a line */
void audit_free(struct audit *a);

/*
 * Append all items in one write, in order.  now_ms: milliseconds UTC; a time before the last line's
 * is raised to it.  On failure nothing of them stays in the file.
 */
bool audit_append(
	struct audit *a, struct audit_item *items, size_t n, int64_t now_ms, struct err *e);
/* With AUDIT_SYNC_SECOND: call it once a second; flushes if something was written. */
bool audit_flush(struct audit *a, struct err *e);
/*
 * The name of a person in the log: month, colon, 32 hex digits of HMAC-SHA-256(key of the month,
 * iss NUL sub). Never sub itself.
 */
bool audit_subject_id(struct audit *a, struct span iss, struct span sub, int64_t now,
	char out[AUDIT_ID_LEN], struct err *e);
