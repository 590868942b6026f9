/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ingest_statement.h"

#include "agent/catalog/dataset_row.h"

#define UNSUMMED_COLUMNS                                                                           \
	"SELECT f.dataset, f.path, f.bytes, f.mtime, f.mtime_ns, f.ctime, s.name, t.folder FROM "
#define UNSUMMED_TABLES                                                                            \
	" f JOIN dataset d ON d.id = f.dataset JOIN source s ON s.id = d.source"                   \
	" JOIN dataset_text t ON t.id = d.id"
/* The same file keeps its digests when it is read again. */
#define KEPT(column, value)                                                                        \
	" " column " = coalesce(" value ", CASE WHEN ?16 AND file.bytes = ?3 AND file.mtime = ?4"  \
	" AND file.mtime_ns = ?5 AND file.ctime = ?15 THEN file." column " END)"

/* An upsert leaves an equal row alone (the WHERE of DO UPDATE): a second run writes nothing. */
const char *const ingest_statements[IQ_COUNT] = {
	[IQ_SOURCE_PUT] = "INSERT INTO source(name, place, path) VALUES (?1, ?2, ?3)"
			  " ON CONFLICT(name) DO UPDATE SET place = ?2, path = ?3"
			  " WHERE place <> ?2 OR path <> ?3",
	[IQ_SOURCE_ID] = "SELECT id FROM source WHERE name = ?",
	[IQ_SOURCES] = "SELECT id, name FROM source",
	[IQ_SOURCE_DATASETS_DROP] = "DELETE FROM dataset WHERE source = ?",
	[IQ_SOURCE_DROP] = "DELETE FROM source WHERE id = ?",
	[IQ_SOURCE_DATASET] = "SELECT id, files FROM dataset WHERE source = ? AND id > ?"
			      " ORDER BY id LIMIT 1",
	/* A proposal that only a folder names: nothing is known, so nothing opens. */
	[IQ_DOCUMENT_MAKE] = "INSERT INTO document(pid, known, route, flags, file_dates)"
			     " VALUES (?, 0, 'academic', '', 0) ON CONFLICT(pid) DO NOTHING",
	[IQ_DOCUMENT_ID] = "SELECT id FROM document WHERE pid = ?",
	[IQ_DOCUMENT_PUT] =
		"INSERT INTO document(pid, known, title, policy, route, flags, file_dates,"
		" proposal_accepted, experiment_start, experiment_end, data_collected)"
		" VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
		" ON CONFLICT(pid) DO UPDATE SET known = 1, title = ?2, policy = ?3, route = ?4,"
		" flags = ?5, file_dates = ?6, proposal_accepted = ?7, experiment_start = ?8,"
		" experiment_end = ?9, data_collected = ?10",
	[IQ_DOCUMENTS_UNKNOWN] = "UPDATE document SET known = 0 WHERE known <> 0",
	[IQ_DOCUMENTS_BLANK] =
		"UPDATE document SET title = NULL, policy = NULL, route = 'academic', flags = '',"
		" file_dates = 0, proposal_accepted = NULL, experiment_start = NULL,"
		" experiment_end = NULL, data_collected = NULL WHERE known = 0",
	[IQ_DOCUMENT_ORPHANS] = "DELETE FROM document WHERE known = 0 AND NOT EXISTS"
				" (SELECT 1 FROM dataset d WHERE d.document = document.id)",
	[IQ_MEMBERS_CLEAR] = "DELETE FROM member",
	[IQ_MEMBER_PUT] = "INSERT INTO member(document, seq, role, issuer, sub, entitlement)"
			  " VALUES (?, ?, ?, ?, ?, ?)",
	[IQ_EVENTS_CLEAR] = "DELETE FROM event",
	[IQ_EVENT_PUT] = "INSERT INTO event(document, seq, type, at, by, id, of, period, until,"
			 " \"on\", \"release\", sub, note)"
			 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[IQ_DATASET_FIND] = "SELECT t.id, d.source, t.folder, s.name FROM dataset_text t"
			    " CROSS JOIN dataset d ON d.id = t.id"
			    " CROSS JOIN source s ON s.id = d.source WHERE t.pid = ?",
	[IQ_DATASET_NEW] = "INSERT INTO dataset(document, source, kind) VALUES (?1, ?2, ?3)",
	[IQ_DATASET_SET] =
		"UPDATE dataset SET dirty = CASE WHEN document IS ?1 THEN dirty ELSE 1 END,"
		" document = ?1, source = ?2, kind = ?3 WHERE id = ?4 AND"
		" (document IS NOT ?1 OR source <> ?2 OR kind <> ?3)",
	[IQ_DATASET_DROP] = "DELETE FROM dataset WHERE id = ?",
	[IQ_TEXT_NEW] = "INSERT INTO dataset_text(id, folder, pid) VALUES (?1, ?2, ?3)",
	[IQ_TEXT_SET] = "UPDATE dataset_text SET folder = ?2 WHERE id = ?1 AND folder <> ?2",
	[IQ_TOUCH] = "UPDATE dataset SET dirty = 1 WHERE id = ? AND dirty = 0",
	[IQ_DIRTY] = "SELECT dirty FROM dataset WHERE id = ?",
	[IQ_READINGS] = "SELECT path, json FROM reading WHERE dataset = ? ORDER BY path",
	[IQ_READING_PUT] = "INSERT INTO reading(dataset, path, json) VALUES (?1, ?2, ?3)"
			   " ON CONFLICT(dataset, path) DO UPDATE SET json = ?3 WHERE json <> ?3",
	[IQ_READING_DROP] = "DELETE FROM reading WHERE dataset = ? AND path = ?",
	[IQ_INSTRUMENT_PUT] = "INSERT INTO instrument(name, facility) VALUES (?1, ?2)"
			      " ON CONFLICT(name) DO UPDATE SET facility = ?2"
			      " WHERE facility IS NOT ?2",
	[IQ_INSTRUMENT_ID] = "SELECT id FROM instrument WHERE name = ?",
	[IQ_NAME_MAKE] = "INSERT INTO parameter_name(name) VALUES (?) ON CONFLICT DO NOTHING",
	[IQ_PARAMETER_DROP] = "DELETE FROM parameter WHERE dataset = ?",
	[IQ_PARAMETER_PUT] = "INSERT INTO parameter(name, value, unit, dataset)"
			     " SELECT id, ?2, ?3, ?4 FROM parameter_name WHERE name = ?1"
			     " ON CONFLICT DO NOTHING",
	[IQ_RECORD] = "UPDATE dataset SET instrument = ?1, date = ?2, date_end = ?3, dirty = 0,"
		      " files = (SELECT count(*) FROM file WHERE dataset = ?4),"
		      " bytes = (SELECT coalesce(sum(bytes), 0) FROM file WHERE dataset = ?4)"
		      " WHERE id = ?4",
	[IQ_RECORD_TEXT] = "UPDATE dataset_text SET title = ?2, definition = ?3, origin = ?4,"
			   " sample = ?5, technique = ?6, json = ?7 WHERE id = ?1",
	[IQ_FILE_PUT] =
		"INSERT INTO file(dataset, path, bytes, mtime, mtime_ns, format, problem, again,"
		" summed, sha256, md5, adler32, crc32c, crc32, ctime)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
		" ON CONFLICT(dataset, path) DO UPDATE SET bytes = ?3, mtime = ?4, mtime_ns = ?5,"
		" format = ?6, problem = ?7, again = ?8, ctime = ?15," KEPT("summed",
			"?9") "," KEPT("sha256", "?10") "," KEPT("md5", "?11") "," KEPT("adler32",
			"?12") "," KEPT("crc32c", "?13") "," KEPT("crc32", "?14"),
	[IQ_FILE_DROP] = "DELETE FROM file WHERE dataset = ? AND path = ?",
	[IQ_KNOWN] = "SELECT path, bytes, mtime, mtime_ns, again, summed IS NOT NULL,"
		     " format IN ('nexus', 'hdf5'),"
		     " problem IS NOT NULL AND problem <> '" INGEST_PLAIN "', ctime FROM file"
		     " WHERE dataset = ? AND path > ? ORDER BY path LIMIT ?",
	[IQ_PROBLEM_DROP] = "DELETE FROM problem WHERE source = ?",
	[IQ_PROBLEM_PUT] =
		"INSERT INTO problem(source, path, dataset, text) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT(source, path) DO UPDATE SET dataset = ?3, text = ?4",
	[IQ_DEATHS] = "SELECT deaths FROM deadly WHERE device = ? AND inode = ? AND bytes = ?"
		      " AND mtime = ?",
	[IQ_DEATH] = "INSERT INTO deadly(device, inode, bytes, mtime, deaths)"
		     " VALUES (?1, ?2, ?3, ?4, 1)"
		     " ON CONFLICT DO UPDATE SET deaths = deaths + 1",
	[IQ_ALIVE] =
		"DELETE FROM deadly WHERE device = ? AND inode = ? AND bytes = ? AND mtime = ?",
	[IQ_COUNT_DATASETS] = "SELECT count(*) FROM dataset",
	[IQ_COUNT_FILES] = "SELECT count(*) FROM file",
	[IQ_UNBOUND] = DATASET_ROW_COLUMNS DATASET_ROW_NARROW
	" WHERE d.bound IS NULL AND d.id > ?1 ORDER BY d.id LIMIT ?2",
	[IQ_BOUND_ALL] =
		DATASET_ROW_COLUMNS DATASET_ROW_NARROW " WHERE d.id > ?1 ORDER BY d.id LIMIT ?2",
	[IQ_BOUND_ONE] = DATASET_ROW_COLUMNS DATASET_ROW_TABLES " WHERE t.pid = ?1",
	/* One row of the index first: joined before, all of them would be sorted for each. */
	[IQ_UNSUMMED] = UNSUMMED_COLUMNS
	"(SELECT * FROM file INDEXED BY file_unsummed WHERE summed IS NULL"
	" AND (dataset, path) > (?1, ?2) ORDER BY dataset, path LIMIT 1)" UNSUMMED_TABLES,
	[IQ_UNSUMMED_ONE] = UNSUMMED_COLUMNS
	"file" UNSUMMED_TABLES
	" WHERE f.summed IS NULL AND s.name = ?1 AND t.folder = ?2 AND f.path = ?3",
	[IQ_UNSUMMED_COUNT] =
		"SELECT count(*), coalesce(sum(bytes), 0) FROM file WHERE summed IS NULL",
	[IQ_SUM] = "UPDATE file SET summed = ?7, sha256 = ?8, md5 = ?9, adler32 = ?10,"
		   " crc32c = ?11, crc32 = ?12 WHERE dataset = ?1 AND path = ?2 AND bytes = ?3"
		   " AND mtime = ?4 AND mtime_ns = ?5 AND ctime = ?6",
	[IQ_SUMMED] = "SELECT summed FROM file WHERE dataset = ?1 AND path = ?2",
	[IQ_BLOCK_PUT] = "INSERT INTO block(dataset, path, sha256) VALUES (?1, ?2, ?3)"
			 " ON CONFLICT DO UPDATE SET sha256 = ?3",
	[IQ_PARTIAL] = "SELECT at, sha256, md5, adler32, crc32c, crc32, blocks FROM partial"
		       " WHERE dataset = ?1 AND path = ?2",
	[IQ_PARTIAL_PUT] =
		"INSERT INTO partial(dataset, path, at, sha256, md5, adler32, crc32c, crc32,"
		" blocks) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM file WHERE dataset = ?1"
		" AND path = ?2 AND bytes = ?10 AND mtime = ?11 AND mtime_ns = ?12 AND ctime = ?13"
		" AND summed IS NULL ON CONFLICT DO UPDATE SET at = ?3, sha256 = ?4, md5 = ?5,"
		" adler32 = ?6, crc32c = ?7, crc32 = ?8, blocks = ?9",
	[IQ_PARTIAL_DROP] = "DELETE FROM partial WHERE dataset = ?1 AND path = ?2",
	[IQ_BIND] = "UPDATE dataset SET bound = ?1 WHERE id = ?2",
};
