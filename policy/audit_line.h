/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/json.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One line of the audit log, read as strictly as it is written (policy language 15, POL-20): one
 * object, no blanks outside of values, the keys of its kind in their order, each once.  Pure, and
 * without an allocation: some hundred megabytes a second.
 */
#define AUDIT_LINE_MAX                                                                             \
	(32UL * 1024) /* bytes with the line end: the longest path, each byte escaped */

struct audit_line {
	uint64_t seq; /* from 1 */
	int64_t ms;   /* `time`, milliseconds UTC */
	uint8_t prev[32];
	struct span
		kind; /* lower case letters and hyphens; one that is not known here is read too */
	struct span node; /* JSON text, with its quotes */
	struct span rest; /* the members after `node` as they stand, without the comma before; may
			     be empty */
};

/*
 * line: without its line end.  ERR_SYNTAX with `ref` POL-20 and what was expected; ERR_LIMIT: too
 * long.  The spans lie in the line.
 */
bool audit_line_parse(struct span line, struct audit_line *ret, struct err *e);
/* The same up to `kind` alone; node and rest are absent. */
bool audit_line_head(struct span line, struct audit_line *ret, struct err *e);
/*
 * A member after `node` as JSON text, of a line that audit_line_parse has read; absent span: there
 * is none.  `name` has no character that JSON escapes.
 */
struct span audit_line_member(const struct audit_line *l, const char *name);
/* The line with its line end, from all members of *l. */
void audit_line_write(struct buf *out, const struct audit_line *l);
/* The whole line as values; the caller frees with json_free.  NULL: *e. */
struct json *audit_line_json(struct span line, struct err *e);
/* "2026-06-01T08:00:00.000Z", nothing else. */
bool audit_line_time(struct span text, int64_t *ret_ms);
