/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One SQLite connection with its table of statements: the seam under the catalogue.  store.c is the
 * only file that includes sqlite3.h.  A store belongs to one thread and never crosses fork.
 * Statements are numbered by their place in the caller's table (an enum there), prepared once and
 * bound; text is never composed from input.  Blocks for disk only.
 */
struct store;

enum store_mode {
	STORE_READ,  /* the file must exist; the last snapshot is read where a live one cannot be */
	STORE_WRITE, /* creates the file; one writer at a time */
	STORE_LEDGER_READ, /* the same two of the ledger: messages name it */
	STORE_LEDGER_WRITE,
};

#define STORE_APPLICATION 0x50414e43 /* application_id of a catalogue, "PANC" */
#define STORE_PAGE        8192

bool store_open(const char *path, enum store_mode mode, struct store **ret, struct err *e);
void store_close(struct store *s); /* NULL allowed */
const char *store_version(void);   /* of the library as it runs */
/*
 * True when the connection reads the database file alone (immutable=1) because nobody holds it open
 * for writing and this process may not write beside it: what it shows may be old.
 */
bool store_is_snapshot(const struct store *s);

/* Run text made by us (schema, pragmas), one or more statements. */
bool store_run(struct store *s, const char *sql, struct err *e);
/* The first column of the first row; 0 without a row.  For statements asked once. */
bool store_number(struct store *s, const char *sql, int64_t *ret, struct err *e);
/* Prepare the whole table; sql must stay valid.  Once for each connection. */
bool store_prepare(struct store *s, const char *const *sql, size_t n, struct err *e);

/* How long a statement waits for another process's write; 5 s when not set. */
void store_patience(struct store *s, int ms);

/* Of a writer: BEGIN IMMEDIATE; refused when its file is no longer the one of that name. */
bool store_begin(struct store *s, struct err *e);
/* What was written so far goes to the file, not yet in force: whether there is room shows here. */
bool store_flush(struct store *s, struct err *e);
bool store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s); /* nothing to do is fine */
bool store_in_transaction(const struct store *s);

/*
 * Bind value number `at` (from 1) of statement `q`.  Bytes are borrowed until store_reset or the
 * next binding.  A failure to bind is kept and comes out of the next store_step.
 */
void store_i64(struct store *s, size_t q, int at, int64_t v);
void store_f64(struct store *s, size_t q, int at, double v);
void store_text(struct store *s, size_t q, int at, struct span v);           /* absent: NULL */
void store_blob(struct store *s, size_t q, int at, const void *p, size_t n); /* p NULL: NULL */

enum store_row { STORE_ROW, STORE_END, STORE_FAIL };
/* One step; at STORE_END and STORE_FAIL the statement is reset and its bindings cleared. */
enum store_row store_step(struct store *s, size_t q, struct err *e);
void store_reset(struct store *s, size_t q); /* leave a statement before its end */
/* A statement without rows, whole. */
bool store_do(struct store *s, size_t q, struct err *e);

/* Columns (from 0) of the current row.  Spans are valid until the next step or reset. */
int64_t store_col_i64(struct store *s, size_t q, int col);
struct span store_col_text(struct store *s, size_t q, int col); /* NULL: absent */
struct span store_col_blob(struct store *s, size_t q, int col);
bool store_col_null(struct store *s, size_t q, int col);

int64_t store_last_id(const struct store *s); /* rowid of the last INSERT */

/*
 * From now on a statement that runs longer than `ms` fails with ERR_LIMIT; 0 takes the limit away.
 * Counts from this call, so set it anew for each question.
 */
void store_deadline(struct store *s, unsigned ms);
