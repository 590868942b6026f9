/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/schema.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Narrow (dataset) and wide (dataset_text, reading) are separate tables: lists and filters touch
 * the narrow one.  Texts that name a closed vocabulary (route, role, event type) are the words of
 * the policy language; dates are kept as they were given.
 */
static const char schema_sql[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	/* A data root; `place` is its index in the configuration that the indexer last saw. */
	"CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" place INTEGER NOT NULL, path TEXT NOT NULL);"
	/* A proposal.  known: it stands in proposals.yaml.  file_dates: its experiment dates are
	 * those of the files, by the user office's word. */
	"CREATE TABLE document (id INTEGER PRIMARY KEY, pid TEXT NOT NULL UNIQUE,"
	" known INTEGER NOT NULL, title TEXT, policy TEXT, route TEXT NOT NULL,"
	" flags TEXT NOT NULL, proposal_accepted TEXT, experiment_start TEXT, experiment_end TEXT,"
	" data_collected TEXT, file_dates INTEGER NOT NULL);"
	/* Empty issuer (not NULL): `sub` is an account of the facility. */
	"CREATE TABLE member (document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
	" seq INTEGER NOT NULL, role TEXT NOT NULL, issuer TEXT, sub TEXT, entitlement TEXT,"
	" PRIMARY KEY (document, seq)) WITHOUT ROWID;"
	"CREATE INDEX member_sub ON member(sub, issuer) WHERE sub IS NOT NULL;"
	"CREATE INDEX member_entitlement ON member(entitlement) WHERE entitlement IS NOT NULL;"
	/* The append-only log of a proposal, each value as it was given. */
	"CREATE TABLE event (document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
	" seq INTEGER NOT NULL, type TEXT NOT NULL, at TEXT NOT NULL, by TEXT NOT NULL, id TEXT,"
	" of TEXT, period TEXT, until TEXT, \"on\" TEXT, \"release\" TEXT, sub TEXT, note TEXT,"
	" PRIMARY KEY (document, seq)) WITHOUT ROWID;"
	"CREATE TABLE instrument (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" facility TEXT);"
	/* dirty: files changed and the record was not made anew yet.  bound: the policy that was
	 * found when the dataset first had a date (policy reference, 6); NULL: none yet. */
	"CREATE TABLE dataset (id INTEGER PRIMARY KEY, document INTEGER REFERENCES document(id),"
	" source INTEGER NOT NULL REFERENCES source(id), kind TEXT NOT NULL,"
	" instrument INTEGER REFERENCES instrument(id), date INTEGER, date_end INTEGER,"
	" files INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,"
	" dirty INTEGER NOT NULL DEFAULT 1, bound TEXT);"
	"CREATE INDEX dataset_document ON dataset(document);"
	"CREATE INDEX dataset_source ON dataset(source);"
	"CREATE INDEX dataset_bound ON dataset(bound);"
	"CREATE TABLE dataset_text (id INTEGER PRIMARY KEY REFERENCES dataset(id) ON DELETE "
	"CASCADE,"
	" pid TEXT NOT NULL UNIQUE, folder TEXT NOT NULL, title TEXT, definition TEXT, origin TEXT,"
	" sample TEXT, technique TEXT, technique_label TEXT, json TEXT NOT NULL DEFAULT '{}');"
	"CREATE INDEX dataset_text_folder ON dataset_text(folder);"
	/* Digests are good while summed (mtime in ns of the bytes that were read) is that of the
	 * row, and the file still is what the row says; ctime in ns, for who sets mtime back.
	 * again: what went wrong may go right the next time (a reader that died, a deadline).
	 */
	"CREATE TABLE file (dataset INTEGER NOT NULL REFERENCES dataset(id) ON DELETE CASCADE,"
	" path TEXT NOT NULL, bytes INTEGER NOT NULL, mtime INTEGER NOT NULL,"
	" mtime_ns INTEGER NOT NULL, ctime INTEGER NOT NULL, format TEXT NOT NULL, problem TEXT, "
	"again INTEGER NOT NULL,"
	" summed INTEGER, sha256 BLOB, md5 BLOB, adler32 INTEGER, crc32c INTEGER,"
	" crc32 INTEGER, PRIMARY KEY (dataset, path)) WITHOUT ROWID;"
	/* The reader's answer about a file: what the record is merged from. */
	"CREATE TABLE reading (dataset INTEGER NOT NULL REFERENCES dataset(id) ON DELETE CASCADE,"
	" path TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (dataset, path)) WITHOUT ROWID;"
	/* What was found beneath a root and is not a file of a dataset, and why. */
	"CREATE TABLE problem (source INTEGER NOT NULL REFERENCES source(id) ON DELETE CASCADE,"
	" path TEXT NOT NULL, dataset INTEGER, text TEXT NOT NULL,"
	" PRIMARY KEY (source, path)) WITHOUT ROWID;"
	/* Files that killed their reader, by what the file is, not by its name. */
	"CREATE TABLE deadly (device INTEGER NOT NULL, inode INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, mtime INTEGER NOT NULL, deaths INTEGER NOT NULL,"
	" PRIMARY KEY (device, inode, bytes, mtime)) WITHOUT ROWID;"
	"CREATE TABLE parameter_name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	/* Value and unit as the file gives them. */
	"CREATE TABLE parameter (name INTEGER NOT NULL REFERENCES parameter_name(id),"
	" value REAL NOT NULL, unit TEXT NOT NULL,"
	" dataset INTEGER NOT NULL REFERENCES dataset(id) ON DELETE CASCADE,"
	" PRIMARY KEY (name, value, unit, dataset)) WITHOUT ROWID;"
	"CREATE INDEX parameter_dataset ON parameter(dataset, name);";

/* What belongs to digests. */
static const char digest_sql[] =
	"CREATE INDEX file_unsummed ON file(dataset, path, bytes) WHERE summed IS NULL;"
	/* SHA-256 of each 64 MiB of a file that has more than one of them, 32 bytes each. */
	"CREATE TABLE block (dataset INTEGER NOT NULL REFERENCES dataset(id) ON DELETE CASCADE,"
	" path TEXT NOT NULL, sha256 BLOB NOT NULL, PRIMARY KEY (dataset, path)) WITHOUT ROWID;"
	/* How far the digests of a long file have come: the states of all after `at` bytes, and the
	 * digests of the blocks so far. */
	"CREATE TABLE partial (dataset INTEGER NOT NULL REFERENCES dataset(id) ON DELETE CASCADE,"
	" path TEXT NOT NULL, at INTEGER NOT NULL, sha256 BLOB NOT NULL, md5 BLOB NOT NULL,"
	" adler32 INTEGER NOT NULL, crc32c INTEGER NOT NULL, crc32 INTEGER NOT NULL,"
	" blocks BLOB NOT NULL, PRIMARY KEY (dataset, path)) WITHOUT ROWID;"
	"CREATE TRIGGER file_gone AFTER DELETE ON file BEGIN"
	" DELETE FROM block WHERE dataset = OLD.dataset AND path = OLD.path;"
	" DELETE FROM partial WHERE dataset = OLD.dataset AND path = OLD.path; END;"
	/* Another file under the name. */
	"CREATE TRIGGER file_other AFTER UPDATE OF bytes, mtime, mtime_ns, ctime ON file"
	" WHEN NEW.bytes <> OLD.bytes OR NEW.mtime <> OLD.mtime OR NEW.mtime_ns <> OLD.mtime_ns"
	" OR NEW.ctime <> OLD.ctime BEGIN"
	" DELETE FROM block WHERE dataset = NEW.dataset AND path = NEW.path;"
	" DELETE FROM partial WHERE dataset = NEW.dataset AND path = NEW.path; END;";

#define SCHEMA_TEXT(x)   #x
#define SCHEMA_NUMBER(x) SCHEMA_TEXT(x)

bool
schema_create(struct store *s, struct err *e)
{
	int64_t tables = 0;

	if (!store_begin(s, e))
		return false;
	bool ok = store_number(s, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (ok && tables == 0)
		ok = store_run(s, "PRAGMA application_id = " SCHEMA_NUMBER(STORE_APPLICATION), e) &&
		     store_run(s, "PRAGMA user_version = " SCHEMA_NUMBER(SCHEMA_VERSION), e) &&
		     store_run(s, schema_sql, e) && store_run(s, digest_sql, e);
	ok = ok && schema_check(s, e) && store_commit(s, e);
	if (!ok)
		store_rollback(s);
	return ok;
}

bool
schema_check(struct store *s, struct err *e)
{
	int64_t application = 0;
	int64_t version = 0;

	if (!store_number(s, "PRAGMA application_id", &application, e) ||
		!store_number(s, "PRAGMA user_version", &version, e))
		return false;
	if (application != STORE_APPLICATION)
		return err_set(e, ERR_SYNTAX, NULL,
			"the file is no catalogue of pan-agent: name another in `catalogue:`");
	if (version != SCHEMA_VERSION)
		return err_set(e, ERR_SYNTAX, NULL,
			"catalogue of version %lld, this program writes %d: move the file away and "
			"run `pan-agent index` again",
			(long long)version, SCHEMA_VERSION);
	return true;
}
