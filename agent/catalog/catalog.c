/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/catalog_part.h"

#include "agent/catalog/dataset_row.h"
#include "agent/catalog/event.h"
#include "agent/catalog/ledger_merge.h"
#include "agent/catalog/limits.h"
#include "agent/catalog/schema.h"
#include "agent/catalog/team.h"

#include <stdlib.h>
#include <string.h>

#define CATALOG_DEADLINE_MS 2000 /* one question; a matter of microseconds when all is well */

#define FILE_COLUMNS                                                                               \
	"SELECT path, bytes, mtime, mtime_ns, format, problem, summed, sha256, md5, adler32,"      \
	" crc32c, crc32, ctime FROM file WHERE dataset = ? AND "

static const char *const statements[CQ_COUNT] = {
	[CQ_BEGIN] = "BEGIN",
	[CQ_END] = "COMMIT",
	[CQ_DATASET] = DATASET_ROW_COLUMNS DATASET_ROW_TABLES " WHERE t.pid = ?",
	[CQ_WHOLE] = DATASET_ROW_COLUMNS DATASET_ROW_JSON DATASET_ROW_TABLES " WHERE t.pid = ?",
	/* Without a limit: what counts is what shows, and that the view says row by row. */
	[CQ_LIST] = DATASET_ROW_COLUMNS DATASET_ROW_TABLES " WHERE t.pid > ? ORDER BY t.pid",
	[CQ_PID] = "SELECT pid FROM dataset_text WHERE id = ?",
	[CQ_EVENTS] = "SELECT type, at, by, id, of, period, until, \"on\", \"release\" FROM event"
		      " WHERE document = ? ORDER BY seq",
	[CQ_FILE] = FILE_COLUMNS "path = ?",
	[CQ_FILES] = FILE_COLUMNS "path > ? ORDER BY path LIMIT ?",
	[CQ_MEMBERS] = "SELECT role, issuer, sub, entitlement FROM member WHERE document = ?",
	[CQ_PROPOSAL] = "SELECT pid FROM document WHERE id = ?",
	[CQ_MINE_SUB] = "SELECT role, issuer, sub, entitlement, document FROM member"
			" WHERE sub = ?1 AND issuer = ?2",
	[CQ_MINE_ENTITLEMENT] = "SELECT role, issuer, sub, entitlement, document FROM member"
				" WHERE entitlement = ?",
	[CQ_MINE_PROPOSAL] = "SELECT id FROM document WHERE pid = ?",
	[CQ_BLOCKS] = "SELECT sha256 FROM block WHERE dataset = ?1 AND path = ?2",
	[CQ_NEW] = DATASET_ROW_NEW,
	[CQ_BOUND] = "SELECT bound, count(*) FROM dataset WHERE bound IS NOT NULL GROUP BY bound",
	[CQ_BELOW] = "SELECT pid FROM dataset_text WHERE pid > ?1 || '/' AND pid < ?1 || '0'"
		     " ORDER BY pid LIMIT ?2",
};

bool
catalog_open(const char *path, struct catalog **ret, struct err *e)
{
	struct catalog *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "catalogue");
	if (!store_open(path, STORE_READ, &c->store, e) || !schema_check(c->store, e) ||
		!store_prepare(c->store, statements, CQ_COUNT, e)) {
		catalog_close(c);
		return false;
	}
	*ret = c;
	return true;
}

void
catalog_use_ledger(struct catalog *c, struct ledger *l)
{
	c->ledger = l;
}

void
catalog_close(struct catalog *c)
{
	if (c == NULL)
		return;
	store_close(c->store);
	free(c);
}

bool
catalog_is_snapshot(const struct catalog *c)
{
	return store_is_snapshot(c->store);
}

bool
catalog_part_begin(struct catalog *c, struct err *e)
{
	store_deadline(c->store, CATALOG_DEADLINE_MS);
	return c->held || store_do(c->store, CQ_BEGIN, e);
}

void
catalog_part_end(struct catalog *c)
{
	store_deadline(c->store, 0);
	if (!c->held)
		(void)store_do(c->store, CQ_END, NULL);
}

bool
catalog_hold(struct catalog *c, struct err *e)
{
	c->held = c->held || store_do(c->store, CQ_BEGIN, e);
	return c->held;
}

void
catalog_forget(struct catalog *c)
{
	c->last.folder = SPAN_NONE;
}

void
catalog_release(struct catalog *c)
{
	if (!c->held)
		return;
	c->held = false;
	c->last.folder = SPAN_NONE;
	(void)store_do(c->store, CQ_END, NULL);
}

bool
catalog_part_full(const struct arena *a, struct err *e)
{
	return a->full && !err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
}

static struct span
text(struct store *s, size_t q, int col, struct arena *a)
{
	struct span v = store_col_text(s, q, col);

	return v.p != NULL ? arena_span(a, v) : SPAN_NONE;
}

/* The log of the proposal into d->facts.events; facts.n_events says how many rows there are. */
static bool
read_events(struct store *s, struct arena *a, struct catalog_dataset *d, struct err *e)
{
	enum store_row r = STORE_END;
	size_t n = 0;

	if (d->facts.n_events == 0)
		return true;
	struct policy_event *list = arena_array(a, d->facts.n_events, sizeof(*list));
	if (list == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
	store_i64(s, CQ_EVENTS, 1, d->document);
	while ((r = store_step(s, CQ_EVENTS, e)) == STORE_ROW) {
		struct event_text t = {0};
		for (int i = 0; i < EVENT_TEXT_DECIDE; i++)
			t.value[i] = text(s, CQ_EVENTS, i, a);
		if (n < d->facts.n_events)
			event_read(&t, &list[n++]);
	}
	d->facts.events = list;
	d->facts.n_events = n;
	return r == STORE_END;
}

/* And what the ledger adds to it: events, flags. */
bool
catalog_part_logs(struct catalog *c, struct arena *a, struct catalog_dataset *d, struct err *e)
{
	return read_events(c->store, a, d, e) &&
	       (c->ledger == NULL || ledger_join(c->ledger, a, &d->facts, e));
}

/* One dataset by the statement that was bound; ERR_ABSENT without a row. */
static bool
fetch(struct catalog *c, size_t q, struct arena *a, struct catalog_dataset *ret, struct err *e)
{
	enum store_row r = store_step(c->store, q, e);

	if (r == STORE_FAIL)
		return false;
	if (r == STORE_END)
		return err_set(e, ERR_ABSENT, NULL, "no such dataset");
	struct catalog_dataset d;
	if (q == CQ_WHOLE)
		dataset_row_whole(c->store, q, a, &d);
	else
		dataset_row_read(c->store, q, a, &d);
	store_reset(c->store, q);
	if (!catalog_part_logs(c, a, &d, e) || catalog_part_full(a, e))
		return false;
	*ret = d;
	return true;
}

/* Ends of the whole-segment prefixes that can be a pid, shortest first. */
static size_t
prefixes(struct span path, size_t ends[LIMIT_PID_SEGMENTS])
{
	size_t n = 0;

	for (size_t i = 0; i < path.n && i <= LIMIT_PID && n < LIMIT_PID_SEGMENTS; i++)
		if (path.p[i] == '/')
			ends[n++] = i;
	if (n < LIMIT_PID_SEGMENTS && path.n <= LIMIT_PID)
		ends[n++] = path.n;
	return n;
}

static struct span
folder_of(struct span path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return span_first(path, n);
}

/* The dataset whose pid is the longest prefix; *ret_end: its length. */
static bool
match_first(struct catalog *c, struct span path, struct arena *a, struct catalog_dataset *ret,
	size_t *ret_end, struct err *e)
{
	size_t ends[LIMIT_PID_SEGMENTS];
	struct span folder = folder_of(path);
	bool known = folder.n > 0 && span_eq(c->last.folder, folder);
	bool found = false;

	(void)err_set(e, ERR_ABSENT, NULL, "no such dataset");
	for (size_t i = prefixes(path, ends); i > 0 && !found && e->code == ERR_ABSENT; i--) {
		if (known && ends[i - 1] < path.n) { /* only the whole path was new */
			*ret = c->last.dataset;
			*ret_end = c->last.n_pid;
			return true;
		}
		store_text(c->store, CQ_DATASET, 1, span_first(path, ends[i - 1]));
		found = fetch(c, CQ_DATASET, a, ret, e);
		*ret_end = ends[i - 1];
	}
	if (found && c->held && *ret_end < folder.n) {
		folder = arena_span(a, folder);
		c->last = (struct last_match){folder, *ret, *ret_end};
	}
	return found;
}

bool
catalog_match(struct catalog *c, struct span path, struct arena *a, struct catalog_dataset *ret,
	struct span *rest, struct err *e)
{
	struct err why = {0};
	size_t at = 0;

	if (!catalog_part_begin(c, e))
		return false;
	bool found = match_first(c, path, a, ret, &at, &why);
	catalog_part_end(c);
	if (found)
		*rest = at < path.n ? span_skip(path, at + 1) : SPAN_NONE;
	else if (e != NULL)
		*e = why;
	return found;
}

bool
catalog_by_pid(struct catalog *c, struct span pid, struct arena *a, struct catalog_dataset *ret,
	struct err *e)
{
	if (!catalog_part_begin(c, e))
		return false;
	store_text(c->store, CQ_WHOLE, 1, pid);
	bool ok = fetch(c, CQ_WHOLE, a, ret, e);
	catalog_part_end(c);
	return ok;
}

bool
catalog_new(struct catalog *c, const struct catalog_place *at, struct arena *a,
	struct catalog_dataset *ret, struct err *e)
{
	struct catalog_dataset d;

	if (!catalog_part_begin(c, e))
		return false;
	store_text(c->store, CQ_NEW, 1, at->proposal);
	enum store_row r = store_step(c->store, CQ_NEW, e);
	bool ok = r == STORE_ROW;
	if (ok) {
		dataset_row_read(c->store, CQ_NEW, a, &d);
		store_reset(c->store, CQ_NEW);
		d.pid = d.facts.pid = at->pid;
		d.root_name = at->root;
		d.folder = at->folder;
		d.facts.kind = at->kind;
		ok = catalog_part_logs(c, a, &d, e) && !catalog_part_full(a, e);
	} else if (r == STORE_END) {
		(void)err_set(e, ERR_ABSENT, NULL, "no such proposal");
	}
	catalog_part_end(c);
	if (ok)
		*ret = d;
	return ok;
}

static void
digest(struct store *s, size_t q, int col, uint8_t *out, size_t n, bool *ok)
{
	struct span v = store_col_blob(s, q, col);

	if (v.p != NULL && v.n == n)
		memcpy(out, v.p, n);
	else
		*ok = false;
}

static void
read_file(struct store *s, size_t q, struct arena *a, struct catalog_file *f)
{
	*f = (struct catalog_file){
		.path = text(s, q, 0, a),
		.bytes = (uint64_t)store_col_i64(s, q, 1),
		.mtime_s = store_col_i64(s, q, 2),
		.mtime_ns = store_col_i64(s, q, 3),
		.format = text(s, q, 4, a),
		.problem = text(s, q, 5, a),
		.adler32 = (uint32_t)store_col_i64(s, q, 9),
		.crc32c = (uint32_t)store_col_i64(s, q, 10),
		.crc32 = (uint32_t)store_col_i64(s, q, 11),
		.ctime = store_col_i64(s, q, 12),
	};
	f->has_digests = !store_col_null(s, q, 6) &&
			 store_col_i64(s, q, 6) == f->mtime_s * LIMIT_NS + f->mtime_ns;
	digest(s, q, 7, f->sha256, sizeof(f->sha256), &f->has_digests);
	digest(s, q, 8, f->md5, sizeof(f->md5), &f->has_digests);
}

bool
catalog_blocks(struct catalog *c, int64_t dataset, const struct catalog_file *f, struct arena *a,
	struct span *ret, struct err *e)
{
	*ret = SPAN_NONE;
	if (!f->has_digests)
		return true;
	if (f->bytes <= CATALOG_BLOCK) {
		*ret = arena_span(a, (struct span){(const char *)f->sha256, sizeof(f->sha256)});
		return true;
	}
	store_deadline(c->store, CATALOG_DEADLINE_MS);
	store_i64(c->store, CQ_BLOCKS, 1, dataset);
	store_text(c->store, CQ_BLOCKS, 2, f->path);
	enum store_row r = store_step(c->store, CQ_BLOCKS, e);
	if (r != STORE_ROW)
		return r == STORE_END;
	struct span all = store_col_blob(c->store, CQ_BLOCKS, 0);
	uint64_t n = (f->bytes + CATALOG_BLOCK - 1) / CATALOG_BLOCK;
	if (all.n == n * sizeof(f->sha256))
		*ret = arena_span(a, all);
	store_reset(c->store, CQ_BLOCKS);
	return true;
}

bool
catalog_file_get(struct catalog *c, int64_t dataset, struct span path, struct arena *a,
	struct catalog_file *ret, struct err *e)
{
	struct catalog_file f;

	store_deadline(c->store, CATALOG_DEADLINE_MS);
	store_i64(c->store, CQ_FILE, 1, dataset);
	store_text(c->store, CQ_FILE, 2, path);
	enum store_row r = store_step(c->store, CQ_FILE, e);
	if (r != STORE_ROW)
		return r == STORE_END && err_set(e, ERR_ABSENT, NULL, "no such file");
	read_file(c->store, CQ_FILE, a, &f);
	store_reset(c->store, CQ_FILE);
	if (catalog_part_full(a, e))
		return false;
	*ret = f;
	return true;
}

bool /* NOLINTNEXTLINE(readability-function-size): a page is asked for in one call */
catalog_files(struct catalog *c, int64_t dataset, struct span after, size_t limit, struct arena *a,
	struct catalog_file **ret, size_t *ret_n, struct err *e)
{
	size_t room = limit < LIMIT_PAGE ? limit : LIMIT_PAGE;
	struct catalog_file *list = arena_array(a, room, sizeof(*list));
	enum store_row r = STORE_END;
	size_t n = 0;

	if (catalog_part_full(a, e))
		return false;
	store_deadline(c->store, CATALOG_DEADLINE_MS);
	store_i64(c->store, CQ_FILES, 1, dataset);
	store_text(c->store, CQ_FILES, 2, after.p != NULL ? after : SPAN(""));
	store_i64(c->store, CQ_FILES, 3, (int64_t)room);
	while ((r = store_step(c->store, CQ_FILES, e)) == STORE_ROW && n < room)
		read_file(c->store, CQ_FILES, a, &list[n++]);
	if (r == STORE_ROW)
		store_reset(c->store, CQ_FILES);
	if (r == STORE_FAIL || catalog_part_full(a, e))
		return false;
	*ret = list;
	*ret_n = n;
	return true;
}

bool
catalog_below(struct catalog *c, struct span pid, struct arena *a, struct span **ret, size_t *ret_n,
	struct err *e)
{
	struct span *list = arena_array(a, CATALOG_BELOW, sizeof(*list));
	enum store_row r = STORE_END;
	size_t n = 0;

	if (catalog_part_full(a, e))
		return false;
	store_deadline(c->store, CATALOG_DEADLINE_MS);
	store_text(c->store, CQ_BELOW, 1, pid);
	store_i64(c->store, CQ_BELOW, 2, CATALOG_BELOW + 1);
	while ((r = store_step(c->store, CQ_BELOW, e)) == STORE_ROW && n < CATALOG_BELOW)
		list[n++] = text(c->store, CQ_BELOW, 0, a);
	if (r == STORE_ROW)
		store_reset(c->store, CQ_BELOW);
	if (r == STORE_FAIL || catalog_part_full(a, e))
		return false;
	*ret = list;
	*ret_n = n;
	return r == STORE_END ||
	       err_set(e, ERR_LIMIT, NULL, "more than %u datasets below one", CATALOG_BELOW);
}
