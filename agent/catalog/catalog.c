/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/catalog.h"

#include "agent/catalog/event.h"
#include "agent/catalog/ledger_merge.h"
#include "agent/catalog/limits.h"
#include "agent/catalog/schema.h"
#include "agent/catalog/store.h"
#include "agent/catalog/team.h"

#include <stdlib.h>
#include <string.h>

#define CATALOG_DEADLINE_MS 2000 /* one question; a matter of microseconds when all is well */

#define DATASET_COLUMNS                                                                            \
	"SELECT d.id, t.pid, s.place, s.name, t.folder, t.title, p.pid, p.title, i.name,"          \
	" i.facility, t.origin, t.sample, t.definition, t.technique, t.technique_label, d.date,"   \
	" d.date_end, d.files, d.bytes, d.kind, d.document, p.route, p.policy, p.flags,"           \
	" p.proposal_accepted, p.experiment_start, p.experiment_end, p.data_collected,"            \
	" p.file_dates, (SELECT count(*) FROM event e WHERE e.document = d.document)"
#define DATASET_TABLES                                                                             \
	" FROM dataset_text t CROSS JOIN dataset d ON d.id = t.id"                                 \
	" CROSS JOIN source s ON s.id = d.source"                                                  \
	" LEFT JOIN document p ON p.id = d.document LEFT JOIN instrument i ON i.id = d.instrument"

enum column {
	C_ID,
	C_PID,
	C_PLACE,
	C_ROOT,
	C_FOLDER,
	C_TITLE,
	C_PROPOSAL,
	C_PROPOSAL_TITLE,
	C_INSTRUMENT,
	C_FACILITY,
	C_ORIGIN,
	C_SAMPLE,
	C_DEFINITION,
	C_TECHNIQUE,
	C_TECHNIQUE_LABEL,
	C_DATE,
	C_DATE_END,
	C_FILES,
	C_BYTES,
	C_KIND,
	C_DOCUMENT,
	C_ROUTE,
	C_POLICY,
	C_FLAGS,
	C_DATES, /* MILESTONE_COUNT columns */
	C_FILE_DATES = C_DATES + MILESTONE_COUNT,
	C_EVENTS,
	C_JSON
};

#define FILE_COLUMNS                                                                               \
	"SELECT path, bytes, mtime, mtime_ns, format, problem, summed, sha256, md5, adler32,"      \
	" crc32c FROM file WHERE dataset = ? AND "

enum {
	Q_BEGIN,
	Q_END,
	Q_DATASET,
	Q_WHOLE,
	Q_LIST,
	Q_EVENTS,
	Q_FILE,
	Q_FILES,
	Q_MEMBERS,
	Q_PROPOSAL,
	Q_COUNT_DATASETS,
	Q_COUNT_FILES,
	Q_COUNT
};

static const char *const statements[Q_COUNT] = {
	[Q_BEGIN] = "BEGIN",
	[Q_END] = "COMMIT",
	[Q_DATASET] = DATASET_COLUMNS DATASET_TABLES " WHERE t.pid = ?",
	[Q_WHOLE] = DATASET_COLUMNS ", t.json" DATASET_TABLES " WHERE t.pid = ?",
	[Q_LIST] = DATASET_COLUMNS DATASET_TABLES " WHERE t.pid > ? ORDER BY t.pid LIMIT ?",
	[Q_EVENTS] = "SELECT type, at, by, id, of, period, until, \"on\", \"release\" FROM event"
		     " WHERE document = ? ORDER BY seq",
	[Q_FILE] = FILE_COLUMNS "path = ?",
	[Q_FILES] = FILE_COLUMNS "path > ? ORDER BY path LIMIT ?",
	[Q_MEMBERS] = "SELECT role, issuer, sub, entitlement FROM member WHERE document = ?",
	[Q_PROPOSAL] = "SELECT pid FROM document WHERE id = ?",
	[Q_COUNT_DATASETS] = "SELECT count(*) FROM dataset",
	[Q_COUNT_FILES] = "SELECT count(*) FROM file",
};

/* The last match while held: what a neighbour in the same folder needs no questions for. */
struct last_match {
	struct span folder; /* of the path, with its slash; absent: none */
	struct catalog_dataset dataset;
	size_t n_pid;
};

struct catalog {
	struct store *store;
	struct ledger *ledger; /* NULL: none */
	bool held;
	struct last_match last;
};

bool
catalog_open(const char *path, struct catalog **ret, struct err *e)
{
	struct catalog *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "catalogue");
	if (!store_open(path, STORE_READ, &c->store, e) || !schema_check(c->store, e) ||
		!store_prepare(c->store, statements, Q_COUNT, e)) {
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

/* One answer is one read transaction, so that its parts belong together. */
static bool
begin(struct catalog *c, struct err *e)
{
	store_deadline(c->store, CATALOG_DEADLINE_MS);
	return c->held || store_do(c->store, Q_BEGIN, e);
}

static void
end(struct catalog *c)
{
	store_deadline(c->store, 0);
	if (!c->held)
		(void)store_do(c->store, Q_END, NULL);
}

bool
catalog_hold(struct catalog *c, struct err *e)
{
	c->held = c->held || store_do(c->store, Q_BEGIN, e);
	return c->held;
}

void
catalog_release(struct catalog *c)
{
	if (!c->held)
		return;
	c->held = false;
	c->last.folder = SPAN_NONE;
	(void)store_do(c->store, Q_END, NULL);
}

static bool
full(const struct arena *a, struct err *e)
{
	return a->full && !err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
}

static struct span
text(struct store *s, size_t q, int col, struct arena *a)
{
	struct span v = store_col_text(s, q, col);

	return v.p != NULL ? arena_span(a, v) : SPAN_NONE;
}

static int64_t
instant(struct store *s, size_t q, int col)
{
	return store_col_null(s, q, col) ? INT64_MIN : store_col_i64(s, q, col);
}

static uint32_t
read_flags(struct span words)
{
	uint32_t set = 0;

	while (words.p != NULL && words.n > 0) {
		int f = facts_name(span_cut(&words, ' '), flag_names, FLAG_COUNT);
		if (f >= 0)
			set |= 1U << f;
	}
	return set;
}

/* The milestones: as proposals.yaml has them; of the files only where it says so. */
static void
read_dates(struct store *s, size_t q, struct catalog_dataset *d)
{
	static const enum milestone of_file[2] = {
		MILESTONE_EXPERIMENT_START, MILESTONE_EXPERIMENT_END};
	int64_t in_file[2] = {d->start, d->end != INT64_MIN ? d->end : d->start};

	for (int m = 0; m < MILESTONE_COUNT; m++) {
		struct span v = store_col_text(s, q, C_DATES + m);
		if (v.p != NULL && !facts_parse_when(v, &d->facts.dates[m]))
			d->facts.dates[m] = (struct when){0};
	}
	d->file_dates = store_col_i64(s, q, C_FILE_DATES) != 0;
	for (int i = 0; i < 2 && d->file_dates; i++)
		if (!d->facts.dates[of_file[i]].given && in_file[i] != INT64_MIN)
			d->facts.dates[of_file[i]] =
				(struct when){.given = true, .instant = in_file[i]};
}

static void
read_facts(struct store *s, size_t q, struct arena *a, struct catalog_dataset *d)
{
	int kind = facts_name(store_col_text(s, q, C_KIND), kind_names, KIND_COUNT);
	int route = facts_name(store_col_text(s, q, C_ROUTE), route_names, ROUTE_COUNT);

	d->facts = (struct object_facts){
		.pid = d->pid,
		.proposal = d->proposal,
		.instrument = d->instrument,
		.kind = kind >= 0 ? (enum kind)kind : KIND_RAW,
		.route = route >= 0 ? (enum route)route : ROUTE_ACADEMIC,
		.flags = read_flags(store_col_text(s, q, C_FLAGS)),
		.policy = text(s, q, C_POLICY, a),
		.n_events = (size_t)store_col_i64(s, q, C_EVENTS),
	};
	read_dates(s, q, d);
}

static void
read_dataset(struct store *s, size_t q, struct arena *a, struct catalog_dataset *d)
{
	*d = (struct catalog_dataset){
		.id = store_col_i64(s, q, C_ID),
		.pid = text(s, q, C_PID, a),
		.root = (unsigned)store_col_i64(s, q, C_PLACE),
		.root_name = text(s, q, C_ROOT, a),
		.folder = text(s, q, C_FOLDER, a),
		.title = text(s, q, C_TITLE, a),
		.proposal = text(s, q, C_PROPOSAL, a),
		.proposal_title = text(s, q, C_PROPOSAL_TITLE, a),
		.instrument = text(s, q, C_INSTRUMENT, a),
		.facility = text(s, q, C_FACILITY, a),
		.source = text(s, q, C_ORIGIN, a),
		.sample = text(s, q, C_SAMPLE, a),
		.definition = text(s, q, C_DEFINITION, a),
		.technique = text(s, q, C_TECHNIQUE, a),
		.technique_label = text(s, q, C_TECHNIQUE_LABEL, a),
		.start = instant(s, q, C_DATE),
		.end = instant(s, q, C_DATE_END),
		.files = (uint64_t)store_col_i64(s, q, C_FILES),
		.bytes = (uint64_t)store_col_i64(s, q, C_BYTES),
		.document = store_col_i64(s, q, C_DOCUMENT),
	};
	read_facts(s, q, a, d);
	if (q == Q_WHOLE)
		d->json = text(s, q, C_JSON, a);
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
	store_i64(s, Q_EVENTS, 1, d->document);
	while ((r = store_step(s, Q_EVENTS, e)) == STORE_ROW) {
		struct event_text t = {0};
		for (int i = 0; i < EVENT_TEXT_DECIDE; i++)
			t.value[i] = text(s, Q_EVENTS, i, a);
		if (n < d->facts.n_events)
			event_read(&t, &list[n++]);
	}
	d->facts.events = list;
	d->facts.n_events = n;
	return r == STORE_END;
}

/* And what the ledger adds to it: events, flags. */
static bool
read_logs(struct catalog *c, struct arena *a, struct catalog_dataset *d, struct err *e)
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
	read_dataset(c->store, q, a, &d);
	store_reset(c->store, q);
	if (!read_logs(c, a, &d, e) || full(a, e))
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
		store_text(c->store, Q_DATASET, 1, span_first(path, ends[i - 1]));
		found = fetch(c, Q_DATASET, a, ret, e);
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

	if (!begin(c, e))
		return false;
	bool found = match_first(c, path, a, ret, &at, &why);
	end(c);
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
	if (!begin(c, e))
		return false;
	store_text(c->store, Q_WHOLE, 1, pid);
	bool ok = fetch(c, Q_WHOLE, a, ret, e);
	end(c);
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
	};
	f->has_digests = !store_col_null(s, q, 6) &&
			 store_col_i64(s, q, 6) == f->mtime_s * LIMIT_NS + f->mtime_ns;
	digest(s, q, 7, f->sha256, sizeof(f->sha256), &f->has_digests);
	digest(s, q, 8, f->md5, sizeof(f->md5), &f->has_digests);
}

bool
catalog_file_get(struct catalog *c, int64_t dataset, struct span path, struct arena *a,
	struct catalog_file *ret, struct err *e)
{
	struct catalog_file f;

	store_deadline(c->store, CATALOG_DEADLINE_MS);
	store_i64(c->store, Q_FILE, 1, dataset);
	store_text(c->store, Q_FILE, 2, path);
	enum store_row r = store_step(c->store, Q_FILE, e);
	if (r != STORE_ROW)
		return r == STORE_END && err_set(e, ERR_ABSENT, NULL, "no such file");
	read_file(c->store, Q_FILE, a, &f);
	store_reset(c->store, Q_FILE);
	if (full(a, e))
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

	if (full(a, e))
		return false;
	store_deadline(c->store, CATALOG_DEADLINE_MS);
	store_i64(c->store, Q_FILES, 1, dataset);
	store_text(c->store, Q_FILES, 2, after.p != NULL ? after : SPAN(""));
	store_i64(c->store, Q_FILES, 3, (int64_t)room);
	while ((r = store_step(c->store, Q_FILES, e)) == STORE_ROW && n < room)
		read_file(c->store, Q_FILES, a, &list[n++]);
	if (r == STORE_ROW)
		store_reset(c->store, Q_FILES);
	if (r == STORE_FAIL || full(a, e))
		return false;
	*ret = list;
	*ret_n = n;
	return true;
}

bool /* NOLINTNEXTLINE(readability-function-size): a page is asked for in one call */
catalog_datasets(struct catalog *c, struct span after, size_t limit, struct arena *a,
	struct catalog_dataset **ret, size_t *ret_n, struct err *e)
{
	size_t room = limit < LIMIT_PAGE ? limit : LIMIT_PAGE;
	struct catalog_dataset *list = arena_array(a, room, sizeof(*list));
	enum store_row r = STORE_END;
	size_t n = 0;

	if (full(a, e) || !begin(c, e))
		return false;
	store_text(c->store, Q_LIST, 1, after.p != NULL ? after : SPAN(""));
	store_i64(c->store, Q_LIST, 2, (int64_t)room);
	while ((r = store_step(c->store, Q_LIST, e)) == STORE_ROW && n < room)
		read_dataset(c->store, Q_LIST, a, &list[n++]);
	if (r == STORE_ROW)
		store_reset(c->store, Q_LIST);
	bool ok = r != STORE_FAIL;
	for (size_t i = 0; ok && i < n; i++)
		ok = read_logs(c, a, &list[i], e);
	end(c);
	if (!ok || full(a, e))
		return false;
	*ret = list;
	*ret_n = n;
	return true;
}

/* The roles of one team row towards its proposal; 0: it is about somebody else. */
static uint32_t
role_of_row(struct store *s, const struct subject *who)
{
	const struct team_row row = {store_col_text(s, Q_MEMBERS, 1),
		store_col_text(s, Q_MEMBERS, 2), store_col_text(s, Q_MEMBERS, 3)};
	int role = facts_name(store_col_text(s, Q_MEMBERS, 0), role_names, ROLE_COUNT);

	return role > ROLE_REGISTERED && team_has(&row, who) ? 1U << role : 0;
}

/* Whom the user office linked to the proposal belongs to its team, as a coproposer. */
static enum store_row
linked(struct catalog *c, int64_t document, const struct subject *who, uint32_t *set, struct err *e)
{
	store_i64(c->store, Q_PROPOSAL, 1, document);
	enum store_row r = store_step(c->store, Q_PROPOSAL, e);

	if (r == STORE_ROW) {
		if (team_linked(store_col_text(c->store, Q_PROPOSAL, 0), who))
			*set |= 1U << ROLE_COPROPOSER;
		store_reset(c->store, Q_PROPOSAL);
	}
	return r;
}

bool
catalog_roles(
	struct catalog *c, int64_t document, const struct subject *s, uint32_t *ret, struct err *e)
{
	enum store_row r = STORE_END;
	uint32_t set = 0;

	if (document != 0 && s != NULL && s->authenticated) {
		store_deadline(c->store, CATALOG_DEADLINE_MS);
		store_i64(c->store, Q_MEMBERS, 1, document);
		while ((r = store_step(c->store, Q_MEMBERS, e)) == STORE_ROW)
			set |= role_of_row(c->store, s);
		if (r != STORE_FAIL && s->n_proposals > 0)
			r = linked(c, document, s, &set, e);
	}
	if (r == STORE_FAIL)
		return false;
	*ret = set;
	return true;
}

static bool
count(struct store *s, size_t q, uint64_t *ret, struct err *e)
{
	if (store_step(s, q, e) != STORE_ROW)
		return false;
	*ret = (uint64_t)store_col_i64(s, q, 0);
	store_reset(s, q);
	return true;
}

bool
catalog_count(struct catalog *c, uint64_t *ret_datasets, uint64_t *ret_files, struct err *e)
{
	uint64_t datasets = 0;
	uint64_t files = 0;

	if (!begin(c, e))
		return false;
	bool ok = count(c->store, Q_COUNT_DATASETS, &datasets, e) &&
		  count(c->store, Q_COUNT_FILES, &files, e);
	end(c);
	if (!ok)
		return false;
	*ret_datasets = datasets;
	*ret_files = files;
	return true;
}
