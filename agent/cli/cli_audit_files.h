/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The files of an audit log, in the order of their records, read line by line.  A file that an
 * agent is writing to can be read meanwhile.  On a terminal a bar tells how far it is.
 */
#define CLI_AUDIT_FILES 1024U

struct cli_audit_file {
	char *name;     /* as given, or as found in the log's folder */
	uint64_t first; /* number of its first record; 0: none that can be read */
	uint64_t size;
};

struct cli_audit_files {
	const char *command; /* for messages: "audit verify" */
	struct cli_audit_file *file;
	size_t n;
	uint64_t bytes, done; /* of all files; read so far */
	int64_t told_ms;      /* when the bar was drawn last */
	bool bar;
};

/*
 * names: n of them; 0: the log of these settings and its older files.  False: one cannot be read,
 * which was said.
 */
bool cli_audit_files_open(struct cli_audit_files *f, const char *command, const char *const *names,
	size_t n, const struct settings *s);
void cli_audit_files_close(struct cli_audit_files *f); /* works on a zeroed one */

struct cli_audit_at {
	const char *file;
	uint64_t line; /* from 1 */
	bool torn;     /* text behind the last line end */
};
/* Calls `line` for each, without its line end, until it returns false.  False: *e. */
bool cli_audit_files_each(struct cli_audit_files *f,
	bool (*line)(void *ctx, const struct cli_audit_at *at, struct span line), void *ctx,
	struct err *e);
/* The folder of a file's name, "." without one. */
void cli_audit_files_folder(const char *name, char *ret, size_t cap);
