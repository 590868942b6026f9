/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ingest.h"

#include "agent/catalog/ingest_statement.h"
#include "agent/catalog/schema.h"

#include <stdlib.h>
#include <sys/stat.h>

#define INGEST_MODE   0640 /* of the file: the group of the gate may read */
#define RECORD_ARENA  ((size_t)16 * 1024 * 1024)
#define READING_ARENA ((size_t)2 * 1024 * 1024)
#define RECORD_JSON   ((size_t)4 * 1024 * 1024)

bool
ingest_open(const char *path, struct ingest **ret, struct err *e)
{
	struct ingest *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "catalogue");
	if (!store_open(path, STORE_WRITE, &i->store, e) || !schema_create(i->store, e) ||
		!store_prepare(i->store, ingest_statements, IQ_COUNT, e)) {
		ingest_close(i);
		return false;
	}
	/* Its log and the index of it are made with the same mode.  Not ours to change: no matter.
	 */
	(void)chmod(path, INGEST_MODE);
	*ret = i;
	return true;
}

void
ingest_close(struct ingest *i)
{
	if (i == NULL)
		return;
	store_close(i->store);
	free(i);
}

bool
ingest_begin(struct ingest *i, struct err *e)
{
	return store_begin(i->store, e);
}

bool
ingest_commit(struct ingest *i, struct err *e)
{
	return store_commit(i->store, e);
}

void
ingest_rollback(struct ingest *i)
{
	store_rollback(i->store);
}

bool
ingest_settle(struct ingest *i, struct err *e)
{
	return store_run(i->store, "PRAGMA optimize; PRAGMA wal_checkpoint(PASSIVE)", e);
}

/* A statement whose first column of its only row is wanted; 0 without a row. */
static bool
one_number(struct ingest *i, size_t q, int64_t *ret, struct err *e)
{
	enum store_row r = store_step(i->store, q, e);

	if (r == STORE_FAIL)
		return false;
	*ret = r == STORE_ROW ? store_col_i64(i->store, q, 0) : 0;
	if (r == STORE_ROW)
		store_reset(i->store, q);
	return true;
}

bool
ingest_source(struct ingest *i, struct span name, unsigned place, struct span path, int64_t *ret,
	struct err *e)
{
	store_text(i->store, IQ_SOURCE_PUT, 1, name);
	store_i64(i->store, IQ_SOURCE_PUT, 2, place);
	store_text(i->store, IQ_SOURCE_PUT, 3, path);
	if (!store_do(i->store, IQ_SOURCE_PUT, e))
		return false;
	store_text(i->store, IQ_SOURCE_ID, 1, name);
	return one_number(i, IQ_SOURCE_ID, ret, e);
}

static bool
named(struct span name, const struct span *names, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (span_eq(names[k], name))
			return true;
	return false;
}

/* Statements that take one id, in turn. */
static bool
each_of(struct ingest *i, const size_t *q, size_t n, int64_t id, struct err *e)
{
	for (size_t k = 0; k < n; k++) {
		store_i64(i->store, q[k], 1, id);
		if (!store_do(i->store, q[k], e))
			return false;
	}
	return true;
}

bool
ingest_sources_keep(struct ingest *i, const struct span *names, size_t n, struct err *e)
{
	static const size_t forget[] = {IQ_SOURCE_DATASETS_DROP, IQ_SOURCE_DROP};
	enum store_row r = STORE_END;
	int64_t gone[256];
	size_t n_gone = 0;

	while ((r = store_step(i->store, IQ_SOURCES, e)) == STORE_ROW)
		if (n_gone < sizeof(gone) / sizeof(gone[0]) &&
			!named(store_col_text(i->store, IQ_SOURCES, 1), names, n))
			gone[n_gone++] = store_col_i64(i->store, IQ_SOURCES, 0);
	for (size_t k = 0; r != STORE_FAIL && k < n_gone; k++)
		if (!each_of(i, forget, 2, gone[k], e))
			return false;
	return r != STORE_FAIL;
}

/* ---- datasets ---- */

static bool
document_id(struct ingest *i, struct span proposal, int64_t *ret, struct err *e)
{
	*ret = 0;
	if (proposal.p == NULL)
		return true;
	store_text(i->store, IQ_DOCUMENT_MAKE, 1, proposal);
	if (!store_do(i->store, IQ_DOCUMENT_MAKE, e))
		return false;
	store_text(i->store, IQ_DOCUMENT_ID, 1, proposal);
	return one_number(i, IQ_DOCUMENT_ID, ret, e);
}

bool
ingest_dataset_find(struct ingest *i, const struct ingest_dataset *d, int64_t *ret_id,
	struct buf *other, struct err *e)
{
	int64_t id = 0;

	buf_reset(other);
	store_text(i->store, IQ_DATASET_FIND, 1, d->pid);
	enum store_row r = store_step(i->store, IQ_DATASET_FIND, e);
	if (r == STORE_FAIL)
		return false;
	if (r == STORE_ROW) {
		struct span folder = store_col_text(i->store, IQ_DATASET_FIND, 2);
		id = store_col_i64(i->store, IQ_DATASET_FIND, 0);
		if (store_col_i64(i->store, IQ_DATASET_FIND, 1) != d->source ||
			!span_eq(folder, d->folder)) {
			buf_add(other, store_col_text(i->store, IQ_DATASET_FIND, 3));
			buf_addc(other, ':');
			buf_add(other, folder);
		}
		store_reset(i->store, IQ_DATASET_FIND);
	}
	*ret_id = id;
	return true;
}

static void
bind_dataset(struct ingest *i, size_t q, const struct ingest_dataset *d, int64_t document)
{
	if (document != 0)
		store_i64(i->store, q, 1, document);
	store_i64(i->store, q, 2, d->source);
	store_text(i->store, q, 3, span_of(kind_names[d->kind]));
}

bool
ingest_dataset_put(struct ingest *i, const struct ingest_dataset *d, int64_t *ret_id, struct err *e)
{
	int64_t document = 0;
	int64_t id = *ret_id;

	if (!document_id(i, d->proposal, &document, e))
		return false;
	size_t q = id == 0 ? IQ_DATASET_NEW : IQ_DATASET_SET;
	bind_dataset(i, q, d, document);
	if (id != 0)
		store_i64(i->store, q, 4, id);
	if (!store_do(i->store, q, e))
		return false;
	if (id == 0)
		id = store_last_id(i->store);
	q = *ret_id == 0 ? IQ_TEXT_NEW : IQ_TEXT_SET;
	store_i64(i->store, q, 1, id);
	store_text(i->store, q, 2, d->folder);
	if (*ret_id == 0)
		store_text(i->store, q, 3, d->pid);
	if (!store_do(i->store, q, e))
		return false;
	*ret_id = id;
	return true;
}

bool
ingest_dataset_touch(struct ingest *i, int64_t dataset, struct err *e)
{
	store_i64(i->store, IQ_TOUCH, 1, dataset);
	return store_do(i->store, IQ_TOUCH, e);
}

bool
ingest_dataset_dirty(struct ingest *i, int64_t dataset, bool *ret, struct err *e)
{
	int64_t dirty = 0;

	store_i64(i->store, IQ_DIRTY, 1, dataset);
	if (!one_number(i, IQ_DIRTY, &dirty, e))
		return false;
	*ret = dirty != 0;
	return true;
}

static int
by_number(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x;
	int64_t b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

bool
ingest_datasets_keep(struct ingest *i, int64_t source, const int64_t *ids, size_t n,
	uint64_t *ret_files, struct err *e)
{
	static const size_t drop[] = {IQ_DATASET_DROP};
	enum store_row r = STORE_ROW;
	uint64_t files = 0;
	int64_t last = 0;

	/* One at a time by id: a statement that is stepped must not lose its row beneath it. */
	while (r == STORE_ROW) {
		store_i64(i->store, IQ_SOURCE_DATASET, 1, source);
		store_i64(i->store, IQ_SOURCE_DATASET, 2, last);
		r = store_step(i->store, IQ_SOURCE_DATASET, e);
		if (r != STORE_ROW)
			break;
		last = store_col_i64(i->store, IQ_SOURCE_DATASET, 0);
		uint64_t has = (uint64_t)store_col_i64(i->store, IQ_SOURCE_DATASET, 1);
		store_reset(i->store, IQ_SOURCE_DATASET);
		if (n > 0 && bsearch(&last, ids, n, sizeof(*ids), by_number) != NULL)
			continue;
		files += has;
		if (!each_of(i, drop, 1, last, e))
			return false;
	}
	if (r == STORE_FAIL)
		return false;
	*ret_files = files;
	return store_do(i->store, IQ_DOCUMENT_ORPHANS, e);
}

/* ---- the record ---- */

static bool
merge_readings(struct ingest *i, int64_t dataset, struct record *r, struct err *e)
{
	AUTO_ARENA scratch = {0};
	enum store_row row = STORE_END;
	bool whole = arena_init(&scratch, READING_ARENA);

	if (!whole)
		return err_set(e, ERR_SYSTEM, NULL, "no memory for readings");
	store_i64(i->store, IQ_READINGS, 1, dataset);
	while ((row = store_step(i->store, IQ_READINGS, e)) == STORE_ROW) {
		struct reading one;
		arena_reset(&scratch);
		/* It was read once before it was stored: a failure means that the rules grew. */
		if (reading_parse(store_col_text(i->store, IQ_READINGS, 1), &scratch, &one, NULL))
			record_add(r, store_col_text(i->store, IQ_READINGS, 0), &one);
	}
	return row == STORE_END;
}

static bool
put_parameters(struct ingest *i, int64_t dataset, const struct record *r, struct err *e)
{
	static const size_t drop[] = {IQ_PARAMETER_DROP};

	if (!each_of(i, drop, 1, dataset, e))
		return false;
	for (size_t k = 0; k < r->n_parameters; k++) {
		const struct reading_parameter *p = &r->parameters[k];
		store_text(i->store, IQ_NAME_MAKE, 1, p->name);
		store_text(i->store, IQ_PARAMETER_PUT, 1, p->name);
		store_f64(i->store, IQ_PARAMETER_PUT, 2, p->value);
		store_text(i->store, IQ_PARAMETER_PUT, 3, p->unit.p != NULL ? p->unit : SPAN(""));
		store_i64(i->store, IQ_PARAMETER_PUT, 4, dataset);
		if (!store_do(i->store, IQ_NAME_MAKE, e) ||
			!store_do(i->store, IQ_PARAMETER_PUT, e))
			return false;
	}
	return true;
}

static bool
instrument_id(struct ingest *i, struct span name, struct span facility, int64_t *ret, struct err *e)
{
	*ret = 0;
	if (name.p == NULL)
		return true;
	store_text(i->store, IQ_INSTRUMENT_PUT, 1, name);
	store_text(i->store, IQ_INSTRUMENT_PUT, 2, facility);
	if (!store_do(i->store, IQ_INSTRUMENT_PUT, e))
		return false;
	store_text(i->store, IQ_INSTRUMENT_ID, 1, name);
	return one_number(i, IQ_INSTRUMENT_ID, ret, e);
}

static bool
put_record(struct ingest *i, int64_t dataset, int64_t instrument, const struct record *r,
	struct err *e)
{
	static const enum reading_text columns[] = {READING_TITLE, READING_DEFINITION,
		READING_SOURCE, READING_SAMPLE, READING_TECHNIQUE};
	AUTO_BUF json = BUF_INIT(RECORD_JSON);

	record_write_json(r, &json);
	if (!buf_ok(&json))
		return err_set(e, ERR_LIMIT, NULL, "the record of a dataset is too large");
	if (instrument != 0)
		store_i64(i->store, IQ_RECORD, 1, instrument);
	if (r->start != INT64_MIN)
		store_i64(i->store, IQ_RECORD, 2, r->start);
	if (r->end != INT64_MIN)
		store_i64(i->store, IQ_RECORD, 3, r->end);
	store_i64(i->store, IQ_RECORD, 4, dataset);
	if (!store_do(i->store, IQ_RECORD, e))
		return false;
	store_i64(i->store, IQ_RECORD_TEXT, 1, dataset);
	for (int k = 0; k < (int)(sizeof(columns) / sizeof(columns[0])); k++)
		store_text(i->store, IQ_RECORD_TEXT, k + 2, record_value(r, columns[k]));
	store_text(i->store, IQ_RECORD_TEXT, 7, buf_span(&json));
	return store_do(i->store, IQ_RECORD_TEXT, e);
}

bool
ingest_record(struct ingest *i, int64_t dataset, const struct ingest_dataset *d, struct err *e)
{
	AUTO_ARENA kept = {0};
	struct record r;
	int64_t instrument = 0;

	if (!arena_init(&kept, RECORD_ARENA))
		return err_set(e, ERR_SYSTEM, NULL, "no memory for a record");
	record_init(&r, d->proposal, &kept);
	if (!merge_readings(i, dataset, &r, e))
		return false;
	if (kept.full)
		return err_set(e, ERR_LIMIT, NULL, "the record of a dataset is too large");
	return instrument_id(
		       i, record_value(&r, READING_INSTRUMENT), d->facility, &instrument, e) &&
	       put_parameters(i, dataset, &r, e) && put_record(i, dataset, instrument, &r, e);
}

/* ---- files ---- */

static void
bind_digests(struct ingest *i, const struct ingest_file *f)
{
	if (!f->has_digests)
		return;
	store_i64(i->store, IQ_FILE_PUT, 9, f->mtime_s * LIMIT_NS + f->mtime_ns);
	store_blob(i->store, IQ_FILE_PUT, 10, f->digests.sha256, sizeof(f->digests.sha256));
	store_blob(i->store, IQ_FILE_PUT, 11, f->digests.md5, sizeof(f->digests.md5));
	store_i64(i->store, IQ_FILE_PUT, 12, f->digests.adler32);
	store_i64(i->store, IQ_FILE_PUT, 13, f->digests.crc32c);
	store_i64(i->store, IQ_FILE_PUT, 14, f->digests.crc32);
}

static bool
drop_reading(struct ingest *i, int64_t dataset, struct span path, struct err *e)
{
	store_i64(i->store, IQ_READING_DROP, 1, dataset);
	store_text(i->store, IQ_READING_DROP, 2, path);
	return store_do(i->store, IQ_READING_DROP, e);
}

bool
ingest_file_put(struct ingest *i, int64_t dataset, const struct ingest_file *f, struct err *e)
{
	store_i64(i->store, IQ_FILE_PUT, 1, dataset);
	store_text(i->store, IQ_FILE_PUT, 2, f->path);
	store_i64(i->store, IQ_FILE_PUT, 3, (int64_t)f->bytes);
	store_i64(i->store, IQ_FILE_PUT, 4, f->mtime_s);
	store_i64(i->store, IQ_FILE_PUT, 5, f->mtime_ns);
	store_text(i->store, IQ_FILE_PUT, 6, f->format);
	store_text(i->store, IQ_FILE_PUT, 7, f->problem);
	store_i64(i->store, IQ_FILE_PUT, 8, f->again);
	store_i64(i->store, IQ_FILE_PUT, 15, f->ctime);
	store_i64(i->store, IQ_FILE_PUT, 16, !f->anew);
	bind_digests(i, f);
	if (!store_do(i->store, IQ_FILE_PUT, e))
		return false;
	if (f->reading.p == NULL)
		return drop_reading(i, dataset, f->path, e);
	store_i64(i->store, IQ_READING_PUT, 1, dataset);
	store_text(i->store, IQ_READING_PUT, 2, f->path);
	store_text(i->store, IQ_READING_PUT, 3, f->reading);
	return store_do(i->store, IQ_READING_PUT, e);
}

bool
ingest_file_remove(struct ingest *i, int64_t dataset, struct span path, struct err *e)
{
	store_i64(i->store, IQ_FILE_DROP, 1, dataset);
	store_text(i->store, IQ_FILE_DROP, 2, path);
	return store_do(i->store, IQ_FILE_DROP, e) && drop_reading(i, dataset, path, e);
}

static struct ingest_known
known_row(struct store *s, struct arena *a)
{
	return (struct ingest_known){
		.path = arena_span(a, store_col_text(s, IQ_KNOWN, 0)),
		.bytes = (uint64_t)store_col_i64(s, IQ_KNOWN, 1),
		.mtime_s = store_col_i64(s, IQ_KNOWN, 2),
		.mtime_ns = store_col_i64(s, IQ_KNOWN, 3),
		.again = store_col_i64(s, IQ_KNOWN, 4) != 0,
		.has_digests = store_col_i64(s, IQ_KNOWN, 5) != 0,
		.hdf5 = store_col_i64(s, IQ_KNOWN, 6) != 0,
		.broken = store_col_i64(s, IQ_KNOWN, 7) != 0,
		.ctime = store_col_i64(s, IQ_KNOWN, 8),
	};
}

bool
ingest_known_files(struct ingest *i, int64_t dataset, struct span after, struct ingest_page *page,
	struct err *e)
{
	enum store_row r = STORE_END;

	arena_reset(&page->arena);
	page->n = 0;
	store_i64(i->store, IQ_KNOWN, 1, dataset);
	store_text(i->store, IQ_KNOWN, 2, after.p != NULL ? after : SPAN(""));
	store_i64(i->store, IQ_KNOWN, 3, INGEST_PAGE);
	while ((r = store_step(i->store, IQ_KNOWN, e)) == STORE_ROW && page->n < INGEST_PAGE)
		page->file[page->n++] = known_row(i->store, &page->arena);
	if (r == STORE_ROW)
		store_reset(i->store, IQ_KNOWN);
	if (r == STORE_FAIL)
		return false;
	return !page->arena.full || err_set(e, ERR_LIMIT, NULL, "no memory for a page of files");
}

/* ---- what is not a file of a dataset; what kills readers ---- */

bool
ingest_problems_clear(struct ingest *i, int64_t source, struct err *e)
{
	static const size_t drop[] = {IQ_PROBLEM_DROP};

	return each_of(i, drop, 1, source, e);
}

bool
ingest_problem(struct ingest *i, int64_t source, struct span path, int64_t dataset,
	struct span text, struct err *e)
{
	store_i64(i->store, IQ_PROBLEM_PUT, 1, source);
	store_text(i->store, IQ_PROBLEM_PUT, 2, path);
	if (dataset != 0)
		store_i64(i->store, IQ_PROBLEM_PUT, 3, dataset);
	store_text(i->store, IQ_PROBLEM_PUT, 4, text);
	return store_do(i->store, IQ_PROBLEM_PUT, e);
}

static void
bind_identity(struct ingest *i, size_t q, const struct ingest_identity *f)
{
	store_i64(i->store, q, 1, (int64_t)f->device);
	store_i64(i->store, q, 2, (int64_t)f->inode);
	store_i64(i->store, q, 3, (int64_t)f->bytes);
	store_i64(i->store, q, 4, f->mtime);
}

bool
ingest_deaths(struct ingest *i, const struct ingest_identity *f, unsigned *ret, struct err *e)
{
	int64_t n = 0;

	bind_identity(i, IQ_DEATHS, f);
	if (!one_number(i, IQ_DEATHS, &n, e))
		return false;
	*ret = (unsigned)n;
	return true;
}

bool
ingest_death(struct ingest *i, const struct ingest_identity *f, struct err *e)
{
	bind_identity(i, IQ_DEATH, f);
	return store_do(i->store, IQ_DEATH, e);
}

bool
ingest_alive(struct ingest *i, const struct ingest_identity *f, struct err *e)
{
	bind_identity(i, IQ_ALIVE, f);
	return store_do(i->store, IQ_ALIVE, e);
}

bool
ingest_count(struct ingest *i, uint64_t *ret_datasets, uint64_t *ret_files, struct err *e)
{
	int64_t datasets = 0;
	int64_t files = 0;

	if (!one_number(i, IQ_COUNT_DATASETS, &datasets, e) ||
		!one_number(i, IQ_COUNT_FILES, &files, e))
		return false;
	*ret_datasets = (uint64_t)datasets;
	*ret_files = (uint64_t)files;
	return true;
}
