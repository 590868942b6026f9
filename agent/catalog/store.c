/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/store.h"

#include "agent/base/buf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#define STORE_BUSY_MS       5000 /* wait for another process's write (--once beside the daemon) */
#define STORE_PROGRESS_OPS  1000 /* virtual machine steps between two looks at the clock */
#define STORE_CACHE_KIB     32768
#define STORE_TEXT(literal) #literal
#define STORE_NUMBER(macro) STORE_TEXT(macro)

struct store {
	sqlite3 *db;
	sqlite3_stmt **stmt;
	size_t n;
	bool writer, snapshot, ledger;
	int bind_failed;  /* the first result of a binding that was not SQLITE_OK */
	uint64_t give_up; /* monotonic ns; 0: no deadline */
};

static uint64_t
monotonic_ns(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static const char *
name(const struct store *s)
{
	return s->ledger ? "ledger" : "catalogue";
}

/* What SQLite says, as ours. */
static bool
failed(const struct store *s, int rc, const char *what, struct err *e)
{
	bool told = s->db != NULL && sqlite3_errcode(s->db) != SQLITE_OK;
	const char *why = told ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
	const char *who = name(s);
	enum err_code code = ERR_UPSTREAM;

	if (rc == SQLITE_INTERRUPT)
		return err_set(e, ERR_LIMIT, NULL, "%s: the question took too long", who);
	if ((rc & 0xff) == SQLITE_BUSY)
		return err_set(e, ERR_UPSTREAM, NULL,
			"%s: another process is writing to it: try again in a moment", who);
	if ((rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_CORRUPT)
		return err_set(e, ERR_UPSTREAM, NULL, "%s: %s: %s: %s", who, what, why,
			s->ledger ? "put back the last good copy of this file"
				  : "remove it and run `pan-agent index`");
	if ((rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_TOOBIG)
		code = ERR_LIMIT;
	return err_set(e, code, NULL, "%s: %s: %s", who, what, why);
}

bool
store_run(struct store *s, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK || failed(s, rc, "statement", e);
}

static int
on_progress(void *p)
{
	const struct store *s = p;

	return s->give_up != 0 && monotonic_ns() > s->give_up;
}

static int
open_once(struct store *s, const char *path, int flags, bool immutable)
{
	AUTO_BUF uri = BUF_INIT(8192);

	buf_adds(&uri, "file:");
	buf_add_url(&uri, span_of(path));
	if (immutable)
		buf_adds(&uri, "?immutable=1");
	buf_addc(&uri, '\0');
	if (!buf_ok(&uri))
		return SQLITE_TOOBIG;
	int rc =
		sqlite3_open_v2(uri.p, &s->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		(void)sqlite3_extended_result_codes(s->db, 1);
		(void)sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
		/* Reads the header and, with WAL, opens the shared index: where it fails if at all.
		 */
		rc = sqlite3_exec(s->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	}
	return rc;
}

static void
drop_connection(struct store *s)
{
	(void)sqlite3_close_v2(s->db);
	s->db = NULL;
}

static bool
open_reader(struct store *s, const char *path, struct err *e)
{
	int rc = open_once(s, path, SQLITE_OPEN_READONLY, false);

	/*
	 * A WAL database cannot be read live by a process that may not write beside it unless a
	 * writer has it open (catalogue reference, section 7).  Then the file as of the last
	 * checkpoint is what there is.
	 */
	if (rc == SQLITE_READONLY_DIRECTORY || rc == SQLITE_READONLY_CANTINIT ||
		rc == SQLITE_READONLY_CANTLOCK || rc == SQLITE_READONLY_RECOVERY ||
		rc == SQLITE_CANTOPEN || rc == SQLITE_PERM) {
		drop_connection(s);
		rc = open_once(s, path, SQLITE_OPEN_READONLY, true);
		s->snapshot = rc == SQLITE_OK;
	}
	if ((rc & 0xff) == SQLITE_CANTOPEN)
		return s->ledger ? failed(s, rc, path, e)
				 : err_set(e, ERR_ABSENT, NULL,
					   "no catalogue at %s: run `pan-agent index` first", path);
	if (rc != SQLITE_OK)
		return failed(s, rc, path, e);
	return store_run(s, "PRAGMA query_only = 1", e);
}

static bool
open_writer(struct store *s, const char *path, struct err *e)
{
	int rc = open_once(s, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, false);

	if (rc != SQLITE_OK)
		return failed(s, rc, path, e);
	return store_run(s,
		"PRAGMA page_size = " STORE_NUMBER(
			STORE_PAGE) "; PRAGMA journal_mode = WAL;"
				    " PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;",
		e);
}

bool
store_open(const char *path, enum store_mode mode, struct store **ret, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	bool ok = false;

	if (s == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "catalogue");
	s->writer = mode == STORE_WRITE || mode == STORE_LEDGER_WRITE;
	s->ledger = mode == STORE_LEDGER_READ || mode == STORE_LEDGER_WRITE;
	ok = s->writer ? open_writer(s, path, e) : open_reader(s, path, e);
	ok = ok && store_run(s,
			   "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = 0;"
			   " PRAGMA cache_size = -" STORE_NUMBER(
				   STORE_CACHE_KIB) ";"
						    " PRAGMA cell_size_check = ON;",
			   e);
	if (!ok) {
		store_close(s);
		return false;
	}
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
	*ret = s;
	return true;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		(void)sqlite3_finalize(s->stmt[i]);
	drop_connection(s);
	free(s->stmt);
	free(s);
}

bool
store_is_snapshot(const struct store *s)
{
	return s->snapshot;
}

bool
store_prepare(struct store *s, const char *const *sql, size_t n, struct err *e)
{
	if (s->stmt != NULL || n == 0)
		return err_set(e, ERR_LIMIT, NULL, "catalogue: statements are prepared once");
	s->stmt = calloc(n, sizeof(sqlite3_stmt *));
	if (s->stmt == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "catalogue");
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		int rc = sqlite3_prepare_v3(
			s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[i], NULL);
		if (rc != SQLITE_OK)
			return failed(s, rc, sql[i], e);
	}
	return true;
}

void
store_patience(struct store *s, int ms)
{
	(void)sqlite3_busy_timeout(s->db, ms);
}

bool
store_number(struct store *s, const char *sql, int64_t *ret, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		*ret = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
	else
		(void)failed(s, rc, sql, e);
	(void)sqlite3_finalize(q);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

bool
store_begin(struct store *s, struct err *e)
{
	int moved = 0;

	/* Into a file that has lost its name one may write for ever, and nobody will see it. */
	if (s->writer &&
		sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
		moved != 0)
		return err_set(e, ERR_UPSTREAM, NULL,
			"the %s's file was removed or replaced while the agent has it open: %s",
			name(s),
			s->ledger ? "put the file back where it was, or a copy of it, and restart "
				    "pan-agentd"
				  : "restart pan-agentd, then index again");
	return store_run(s, s->writer ? "BEGIN IMMEDIATE" : "BEGIN", e);
}

bool
store_flush(struct store *s, struct err *e)
{
	int rc = sqlite3_db_cacheflush(s->db);

	return rc == SQLITE_OK || failed(s, rc, "write", e);
}

bool
store_commit(struct store *s, struct err *e)
{
	return store_run(s, "COMMIT", e);
}

void
store_rollback(struct store *s)
{
	if (store_in_transaction(s))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

bool
store_in_transaction(const struct store *s)
{
	return sqlite3_get_autocommit(s->db) == 0;
}

static void
bound(struct store *s, int rc)
{
	if (rc != SQLITE_OK && s->bind_failed == SQLITE_OK)
		s->bind_failed = rc;
}

void
store_i64(struct store *s, size_t q, int at, int64_t v)
{
	bound(s, sqlite3_bind_int64(s->stmt[q], at, v));
}

void
store_f64(struct store *s, size_t q, int at, double v)
{
	bound(s, sqlite3_bind_double(s->stmt[q], at, v));
}

void
store_text(struct store *s, size_t q, int at, struct span v)
{
	/* An empty text must not become NULL: SQLite takes a NULL pointer for that. */
	if (v.p == NULL)
		bound(s, sqlite3_bind_null(s->stmt[q], at));
	else
		bound(s, sqlite3_bind_text64(s->stmt[q], at, v.p, v.n, SQLITE_STATIC, SQLITE_UTF8));
}

void
store_blob(struct store *s, size_t q, int at, const void *p, size_t n)
{
	if (p == NULL)
		bound(s, sqlite3_bind_null(s->stmt[q], at));
	else
		bound(s, sqlite3_bind_blob64(s->stmt[q], at, p, n, SQLITE_STATIC));
}

void
store_reset(struct store *s, size_t q)
{
	(void)sqlite3_reset(s->stmt[q]);
	(void)sqlite3_clear_bindings(s->stmt[q]);
}

enum store_row
store_step(struct store *s, size_t q, struct err *e)
{
	int rc = s->bind_failed;

	s->bind_failed = SQLITE_OK;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s->stmt[q]);
	if (rc == SQLITE_ROW)
		return STORE_ROW;
	if (rc != SQLITE_DONE)
		(void)failed(s, rc, sqlite3_sql(s->stmt[q]), e);
	store_reset(s, q);
	return rc == SQLITE_DONE ? STORE_END : STORE_FAIL;
}

bool
store_do(struct store *s, size_t q, struct err *e)
{
	enum store_row r = store_step(s, q, e);

	if (r == STORE_ROW)
		store_reset(s, q);
	return r != STORE_FAIL;
}

int64_t
store_col_i64(struct store *s, size_t q, int col)
{
	return sqlite3_column_int64(s->stmt[q], col);
}

/* An empty value has no pointer in SQLite; ours is present and empty. */
static struct span
column(const void *p, int n)
{
	return (struct span){p != NULL ? p : "", n > 0 ? (size_t)n : 0};
}

struct span
store_col_text(struct store *s, size_t q, int col)
{
	if (store_col_null(s, q, col))
		return SPAN_NONE;
	const void *p = sqlite3_column_text(s->stmt[q], col);
	return column(p, sqlite3_column_bytes(s->stmt[q], col));
}

struct span
store_col_blob(struct store *s, size_t q, int col)
{
	if (store_col_null(s, q, col))
		return SPAN_NONE;
	const void *p = sqlite3_column_blob(s->stmt[q], col);
	return column(p, sqlite3_column_bytes(s->stmt[q], col));
}

bool
store_col_null(struct store *s, size_t q, int col)
{
	return sqlite3_column_type(s->stmt[q], col) == SQLITE_NULL;
}

int64_t
store_last_id(const struct store *s)
{
	return sqlite3_last_insert_rowid(s->db);
}

void
store_deadline(struct store *s, unsigned ms)
{
	s->give_up = ms == 0 ? 0 : monotonic_ns() + (uint64_t)ms * 1000000U;
	sqlite3_progress_handler(s->db, ms == 0 ? 0 : STORE_PROGRESS_OPS, on_progress, s);
}

const char *
store_version(void)
{
	return sqlite3_libversion();
}
