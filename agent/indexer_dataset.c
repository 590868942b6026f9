/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/scope.h"
#include "agent/catalog/limits.h"
#include "agent/indexer_run.h"

#include <string.h>

#define DATASET_ARENA ((size_t)32 * 1024)

bool
indexer_dataset_touch(struct indexer_run *r, struct indexer_unit *u)
{
	struct err e = {0};

	if (u->touched)
		return true;
	if (!indexer_job_batch(r))
		return false;
	if (!ingest_dataset_touch(r->job->ingest, u->id, &e))
		return indexer_job_fail(r, &e);
	u->touched = true;
	return true;
}

void
indexer_dataset_settle(struct indexer_run *r, struct indexer_unit *u)
{
	struct err e = {0};
	bool dirty = false;

	if (!u->left || u->pending > 0)
		return;
	/* Without all of its files it stays marked, and the next run makes the record. */
	if (!u->dropped && indexer_job_batch(r)) {
		bool ok = ingest_dataset_dirty(r->job->ingest, u->id, &dirty, &e);
		if (ok && dirty) {
			ok = ingest_record(r->job->ingest, u->id, &u->d, &e);
			r->rows++;
		}
		if (!ok)
			(void)indexer_job_fail(r, &e);
	}
	arena_fini(&u->arena);
	free(u);
}

static bool
seen(const struct indexer_run *r, int64_t id)
{
	for (size_t i = 0; i < r->n_ids; i++)
		if (r->ids[i] == id)
			return true;
	return false;
}

static bool
remember(struct indexer_run *r, int64_t id)
{
	if (r->n_ids == r->cap_ids) {
		size_t cap = r->cap_ids > 0 ? r->cap_ids * 2 : 256;
		int64_t *more = reallocarray(r->ids, cap, sizeof(*more));
		if (more == NULL) {
			struct err e = {0};
			(void)err_set(&e, ERR_SYSTEM, NULL, "no memory for datasets");
			return indexer_job_fail(r, &e);
		}
		r->ids = more;
		r->cap_ids = cap;
	}
	r->ids[r->n_ids++] = id;
	return true;
}

static struct indexer_unit *
unit_new(struct indexer_run *r, struct span folder, struct err *e)
{
	struct indexer_unit *u = calloc(1, sizeof(*u));
	struct layout_dataset d;

	if (u == NULL || !arena_init(&u->arena, DATASET_ARENA)) {
		free(u);
		(void)err_set(e, ERR_SYSTEM, NULL, "no memory for a dataset");
		return NULL;
	}
	if (!layout_match(&r->layout, folder, &u->arena, &d, e)) {
		arena_fini(&u->arena);
		free(u);
		return NULL;
	}
	u->d = (struct ingest_dataset){
		.source = r->source,
		.folder = arena_span(&u->arena, folder),
		.pid = d.pid,
		.proposal = d.proposal,
		.kind = d.kind,
		.facility = span_of(r->job->settings->facility),
	};
	return u;
}

/* The dataset's row.  False: the folder is not to be entered; the reason is on record. */
static bool
unit_put(struct indexer_run *r, struct indexer_unit *u)
{
	AUTO_BUF other = BUF_INIT((size_t)LIMIT_PATH * 2);
	AUTO_BUF text = BUF_INIT((size_t)LIMIT_PATH * 4);
	struct ingest *i = r->job->ingest;
	struct err e = {0};

	if (!indexer_job_batch(r))
		return false;
	if (!ingest_dataset_find(i, &u->d, &u->id, &other, &e))
		return indexer_job_fail(r, &e);
	bool elsewhere = !span_starts(buf_span(&other), r->root) ||
			 !span_starts(span_skip(buf_span(&other), r->root.n), SPAN(":"));
	if (other.n > 0 && (elsewhere || seen(r, u->id))) {
		buf_addf(&text, "pid %.*s belongs to %.*s already: not catalogued twice",
			SPAN_ARG(u->d.pid), SPAN_ARG(buf_span(&other)));
		r->report->counts.uncatalogued++;
		indexer_job_problem(r, u->d.folder, 0, buf_span(&text));
		return false;
	}
	if (!ingest_dataset_put(i, &u->d, &u->id, &e))
		return indexer_job_fail(r, &e);
	r->rows++;
	return remember(r, u->id);
}

void
indexer_dataset_enter(struct indexer_run *r, struct span folder)
{
	struct err e = {0};
	struct indexer_unit *u = unit_new(r, folder, &e);

	if (u == NULL) {
		r->report->counts.uncatalogued++;
		indexer_job_problem(r, folder, 0, span_of(e.msg));
		indexer_walk_skip(r->walk);
		return;
	}
	if (!unit_put(r, u)) {
		arena_fini(&u->arena);
		free(u);
		indexer_walk_skip(r->walk);
		return;
	}
	r->report->counts.datasets++;
	r->unit = u;
	r->page.n = 0;
	r->at_known = 0;
	r->known_end = false;
}

/* ---- what was known, beside what is there ---- */

/* The next file that the catalogue knows of; NULL at the end (or on failure: r->stop). */
static const struct ingest_known *
known(struct indexer_run *r)
{
	char last[LIMIT_PATH + 1];
	struct span after = SPAN_NONE;
	struct err e = {0};

	if (r->at_known < r->page.n)
		return &r->page.file[r->at_known];
	if (r->known_end)
		return NULL;
	if (r->page.n > 0) {
		struct span p = r->page.file[r->page.n - 1].path;
		size_t n = p.n < sizeof(last) ? p.n : sizeof(last);
		memcpy(last, p.p, n);
		after = (struct span){last, n};
	}
	r->at_known = 0;
	if (!ingest_known_files(r->job->ingest, r->unit->id, after, &r->page, &e)) {
		r->page.n = 0;
		(void)indexer_job_fail(r, &e);
	}
	r->known_end = r->page.n == 0;
	return r->known_end ? NULL : &r->page.file[0];
}

/* Files that the catalogue knows before this path (absent: all that are left) are gone. */
static void
remove_until(struct indexer_run *r, struct span path)
{
	const struct ingest_known *k = NULL;
	struct err e = {0};

	while (!r->stop && (k = known(r)) != NULL &&
		(path.p == NULL || span_cmp(k->path, path) < 0)) {
		if (!indexer_job_batch(r) || !indexer_dataset_touch(r, r->unit))
			return;
		if (!ingest_file_remove(r->job->ingest, r->unit->id, k->path, &e)) {
			(void)indexer_job_fail(r, &e);
			return;
		}
		r->rows++;
		r->at_known++;
		r->report->counts.removed++;
	}
}

/* A folder of the dataset could not be read: what is known below it stays. */
void
indexer_dataset_keep(struct indexer_run *r, struct span folder)
{
	const struct ingest_known *k = NULL;

	remove_until(r, folder.n > 0 ? folder : SPAN(""));
	while (!r->stop && (k = known(r)) != NULL &&
		(folder.n == 0 || (span_starts(k->path, folder) && k->path.n > folder.n &&
					  k->path.p[folder.n] == '/')))
		r->at_known++;
}

/* Is the file what the catalogue has?  Takes the known row of this path. */
static bool
unchanged(struct indexer_run *r, struct span path, const struct stat *st)
{
	const struct indexer_job_order *o = &r->job->order;

	remove_until(r, path);
	const struct ingest_known *k = r->stop ? NULL : known(r);
	if (k == NULL || !span_eq(k->path, path))
		return false;
	r->at_known++;
	if (o->full || k->again || k->bytes != (uint64_t)st->st_size ||
		k->mtime_s != st->st_mtim.tv_sec || k->mtime_ns != st->st_mtim.tv_nsec ||
		k->ctime != st->st_ctim.tv_sec * LIMIT_NS + st->st_ctim.tv_nsec)
		return false;
	r->report->counts.unchanged++;
	r->report->counts.hdf5 += k->hdf5;
	r->report->counts.plain += !k->hdf5;
	r->report->counts.broken += k->broken;
	return true;
}

void
indexer_dataset_file(struct indexer_run *r, struct span path)
{
	struct indexer_walk_entry odd = {.kind = WALK_PROBLEM, .path = path, .in_dataset = true};
	struct stat st;
	struct err e = {0};

	r->report->counts.files++;
	if (!indexer_walk_stat(r->walk, &st, &e)) {
		odd.text = "cannot be looked at";
		odd.sys = e.sys;
		odd.uncatalogued = true;
		indexer_job_odd(r, &odd);
	} else if (!S_ISREG(st.st_mode)) {
		odd.text = "neither a file nor a folder (device, pipe or socket)";
		indexer_job_odd(r, &odd);
	} else if (!unchanged(r, path, &st) && !r->stop) {
		indexer_file_take(r, path, &st);
	}
	indexer_report_progress(r->report);
}

void
indexer_dataset_leave(struct indexer_run *r)
{
	struct indexer_unit *u = r->unit;

	if (u == NULL)
		return;
	remove_until(r, SPAN_NONE);
	u->left = true;
	u->dropped = u->dropped || r->stop;
	r->unit = NULL;
	indexer_dataset_settle(r, u);
}
