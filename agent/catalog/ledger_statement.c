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
		"flag")
	/* Terms that a person accepted (1) or took back (0): the last row counts. */
	"CREATE TABLE acceptance (seq INTEGER PRIMARY KEY AUTOINCREMENT, iss TEXT NOT NULL,"
	" sub TEXT NOT NULL, terms TEXT NOT NULL, at INTEGER NOT NULL, accepted INTEGER NOT NULL);"
	"CREATE INDEX acceptance_person ON acceptance(iss, sub, terms, seq);" KEPT("acceptance")
	/* Who asks for access to what, and why; a request without an answer is open. */
	"CREATE TABLE request (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
	" pid TEXT NOT NULL, iss TEXT NOT NULL, sub TEXT NOT NULL, action TEXT NOT NULL,"
	" text TEXT NOT NULL, at INTEGER NOT NULL);"
	"CREATE INDEX request_pid ON request(pid);"
	"CREATE INDEX request_person ON request(iss, sub, at);" KEPT(
		"request") "CREATE TABLE answer (request TEXT PRIMARY KEY REFERENCES request(id),"
			   " answer INTEGER NOT NULL, iss TEXT, sub TEXT, by TEXT NOT NULL, note "
			   "TEXT,"
			   " at INTEGER NOT NULL) WITHOUT ROWID;" KEPT("answer")
	/* hash: of a link's secret; without one it is a grant for the person (iss, sub). */
	"CREATE TABLE link (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
	" pid TEXT NOT NULL, hash BLOB UNIQUE, iss TEXT, sub TEXT, by TEXT NOT NULL,"
	" maker_iss TEXT, maker_sub TEXT, \"to\" TEXT, note TEXT, at INTEGER NOT NULL,"
	" until INTEGER NOT NULL);"
	"CREATE INDEX link_pid ON link(pid);"
	"CREATE INDEX link_person ON link(iss, sub) WHERE iss IS NOT NULL;" KEPT(
		"link") "CREATE TABLE link_end (link TEXT PRIMARY KEY REFERENCES link(id), iss "
			"TEXT, sub TEXT,"
			" by TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;" KEPT(
				"link_end") "CREATE TABLE link_use (link TEXT NOT NULL REFERENCES "
					    "link(id), day INTEGER NOT NULL,"
					    " PRIMARY KEY (link, day)) WITHOUT ROWID;" KEPT(
						    "link_use");

#define EVENT_COLUMNS                                                                              \
	"SELECT type, at, by, id, of, period, until, \"on\", \"release\", sub, note, seq, scope,"  \
	" target, iss, who FROM event"

/* An open request has answer 0. */
#define REQUEST_COLUMNS                                                                            \
	"SELECT r.id, r.pid, r.iss, r.sub, r.action, r.text, r.at, coalesce(a.answer, 0), a.at,"   \
	" a.by, a.note FROM request r LEFT JOIN answer a ON a.request = r.id"
#define LIST_END " ORDER BY r.seq DESC LIMIT 500" /* LEDGER_REQUESTS */

#define LINK_COLUMNS                                                                               \
	"SELECT k.id, k.pid, k.hash, k.iss, k.sub, k.by, k.maker_iss, k.maker_sub, k.\"to\","      \
	" k.note, k.at, k.until, coalesce(x.at, 0), x.by,"                                         \
	" (SELECT max(day) FROM link_use u WHERE u.link = k.id),"                                  \
	" (SELECT count(*) FROM link_use u WHERE u.link = k.id)"                                   \
	" FROM link k LEFT JOIN link_end x ON x.link = k.id"

const char *const ledger_statements[LQ_COUNT] = {
	[LQ_BEGIN] = "BEGIN",
	[LQ_END] = "COMMIT",
	[LQ_ANY] = "SELECT EXISTS(SELECT 1 FROM event) OR EXISTS(SELECT 1 FROM flag)"
		   " OR EXISTS(SELECT 1 FROM acceptance) OR EXISTS(SELECT 1 FROM request)"
		   " OR EXISTS(SELECT 1 FROM link)",
	[LQ_EVENTS] = EVENT_COLUMNS " WHERE (scope = 0 AND target = ?1) OR (scope = 1 AND"
				    " target = ?2) ORDER BY seq",
	[LQ_EVENTS_SINCE] = EVENT_COLUMNS " WHERE seq > ? ORDER BY seq LIMIT ?",
	[LQ_EVENT_COUNT] = "SELECT count(*) FROM event WHERE scope = ? AND target = ?",
	[LQ_EVENT_SAME] = "SELECT count(*) FROM event WHERE scope = ? AND target = ? AND id = ?",
	[LQ_EVENT_ADD] =
		"INSERT INTO event(type, at, by, id, of, period, until, \"on\", \"release\", sub,"
		" note, scope, target, iss, who)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[LQ_FLAG_ADD] = "INSERT INTO flag(scope, target, flag, at, note) VALUES (?, ?, ?, ?, ?)"
			" ON CONFLICT DO NOTHING",
	[LQ_FLAGS] = "SELECT flag FROM flag WHERE (scope = 0 AND target = ?1) OR"
		     " (scope = 1 AND target = ?2)",
	/* The columns beside max(seq) are those of its row (SQLite, bare columns). */
	[LQ_TERMS_OF] = "SELECT terms, at FROM (SELECT terms, at, accepted, max(seq) AS last"
			" FROM acceptance WHERE iss = ? AND sub = ? GROUP BY terms)"
			" WHERE accepted = 1 ORDER BY last",
	[LQ_TERMS_STATE] = "SELECT accepted FROM acceptance WHERE iss = ? AND sub = ?"
			   " AND terms = ? ORDER BY seq DESC LIMIT 1",
	[LQ_TERMS_RECENT] = "SELECT count(*) FROM acceptance WHERE iss = ? AND sub = ?"
			    " AND at > ?",
	[LQ_TERMS_ADD] = "INSERT INTO acceptance(iss, sub, terms, at, accepted)"
			 " VALUES (?, ?, ?, ?, ?)",
	[LQ_REQUESTS_OF] = REQUEST_COLUMNS " WHERE r.pid = ? AND a.answer IS NULL" LIST_END,
	[LQ_REQUESTS_OPEN] = REQUEST_COLUMNS " WHERE a.answer IS NULL" LIST_END,
	[LQ_REQUESTS_BY] = REQUEST_COLUMNS " WHERE r.iss = ? AND r.sub = ?" LIST_END,
	[LQ_REQUESTS_COUNT] = "SELECT (SELECT count(*) FROM request)"
			      " - (SELECT count(*) FROM answer)",
	[LQ_REQUEST] = REQUEST_COLUMNS " WHERE r.id = ?",
	[LQ_REQUEST_SAME] = "SELECT count(*) FROM request r LEFT JOIN answer a"
			    " ON a.request = r.id WHERE r.iss = ? AND r.sub = ? AND r.pid = ?"
			    " AND a.answer IS NULL",
	[LQ_REQUEST_RECENT] = "SELECT count(*) FROM request WHERE iss = ? AND sub = ? AND at > ?",
	[LQ_REQUEST_ADD] = "INSERT INTO request(id, pid, iss, sub, action, text, at)"
			   " VALUES (?, ?, ?, ?, ?, ?, ?)",
	[LQ_ANSWERED] = "SELECT count(*) FROM answer WHERE request = ?",
	[LQ_ANSWER_ADD] = "INSERT INTO answer(request, answer, iss, sub, by, note, at)"
			  " VALUES (?, ?, ?, ?, ?, ?, ?)",
	[LQ_LINK_HASH] = LINK_COLUMNS " WHERE k.hash = ?",
	[LQ_LINK] = LINK_COLUMNS " WHERE k.id = ?",
	[LQ_LINKS_OF] = LINK_COLUMNS " WHERE k.pid = ? ORDER BY k.seq DESC LIMIT 500",
	[LQ_LINKS_COUNT] = "SELECT count(*) FROM link k LEFT JOIN link_end x ON x.link = k.id"
			   " WHERE k.pid = ?1 AND (k.at > ?3 OR (k.until > ?2 AND x.at IS NULL))",
	[LQ_GRANTS_OF] = LINK_COLUMNS " WHERE k.iss = ? AND k.sub = ? AND k.until > ?"
				      " AND x.at IS NULL ORDER BY k.seq LIMIT 500",
	[LQ_LINK_ADD] = "INSERT INTO link(id, pid, hash, iss, sub, by, maker_iss, maker_sub,"
			" \"to\", note, at, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[LQ_LINK_ENDED] = "SELECT count(*) FROM link_end WHERE link = ?",
	[LQ_LINK_END] = "INSERT INTO link_end(link, iss, sub, by, at) VALUES (?, ?, ?, ?, ?)",
	[LQ_LINK_USE] = "INSERT INTO link_use(link, day) VALUES (?, ?) ON CONFLICT DO NOTHING",
};
