/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ledger_statement.h"

#define KEPT(table)                                                                                \
	"CREATE TRIGGER " table "_unchanged BEFORE UPDATE ON " table                               \
	" BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;"                               \
	"CREATE TRIGGER " table "_kept BEFORE DELETE ON " table                                    \
	" BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;"

const char ledger_tables[] =
	/* scope 0: target is a dataset's pid; 1: a proposal.  Each value as it was given. */
	"CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, scope INTEGER NOT NULL,"
	" target TEXT NOT NULL, type TEXT NOT NULL, at TEXT NOT NULL, by TEXT NOT NULL, id TEXT,"
	" of TEXT, period TEXT, until TEXT, \"on\" TEXT, \"release\" TEXT, sub TEXT, note TEXT,"
	" iss TEXT, who TEXT);"
	"CREATE INDEX event_target ON event(scope, target, seq);" KEPT("event")
	/* Flags that plans of proposals set. */
	"CREATE TABLE flag (scope INTEGER NOT NULL, target TEXT NOT NULL, flag TEXT NOT NULL,"
	" at TEXT NOT NULL, note TEXT, PRIMARY KEY (scope, target, flag)) WITHOUT ROWID;" KEPT(
		"flag");

#define EVENT_COLUMNS                                                                              \
	"SELECT type, at, by, id, of, period, until, \"on\", \"release\", sub, note, seq, scope,"  \
	" target, iss, who FROM event"

const char *const ledger_statements[LQ_COUNT] = {
	[LQ_BEGIN] = "BEGIN",
	[LQ_END] = "COMMIT",
	[LQ_ANY] = "SELECT EXISTS(SELECT 1 FROM event) OR EXISTS(SELECT 1 FROM flag)",
	[LQ_EVENTS] = EVENT_COLUMNS " WHERE (scope = 0 AND target = ?1) OR (scope = 1 AND"
				    " target = ?2) ORDER BY seq",
	[LQ_EVENTS_SINCE] = EVENT_COLUMNS " WHERE seq > ? ORDER BY seq LIMIT ?",
	[LQ_EVENT_COUNT] = "SELECT count(*) FROM event WHERE scope = ? AND target = ?",
	[LQ_EVENT_ADD] =
		"INSERT INTO event(type, at, by, id, of, period, until, \"on\", \"release\", sub,"
		" note, scope, target, iss, who)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[LQ_FLAG_ADD] = "INSERT INTO flag(scope, target, flag, at, note) VALUES (?, ?, ?, ?, ?)"
			" ON CONFLICT DO NOTHING",
	[LQ_FLAGS] = "SELECT flag FROM flag WHERE (scope = 0 AND target = ?1) OR"
		     " (scope = 1 AND target = ?2)",
};
