/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/scope.h"
#include "agent/catalog/limits.h"
#include "agent/catalog/reading.h"
#include "agent/indexer_run.h"
#include "agent/indexer_sum.h"

#include <errno.h>
#include <string.h>

#define FILE_QUEUE     8U  /* files held open while all readers are at work */
#define FILE_DEATHS    3U  /* after so many in all it is left alone (R26) */
#define FILE_MISSES    10U /* readers that went away before they took the question */
#define FILE_BEREFT_MS 30000U
#define FILE_READING   ((size_t)1024 * 1024)

/* One new or changed file on its way into the catalogue. */
struct indexer_work {
	struct indexer_work *next;
	struct indexer_unit *unit;
	int fd;
	char *path, *answer;
	struct ingest_file file;
	struct ingest_identity identity;
	unsigned deaths, missed;
	bool answered;
	char format[16], problem[READING_TEXT + 64];
};

static void
work_free(struct indexer_work *w)
{
	scope_close(&w->fd);
	free(w->path);
	free(w->answer);
	free(w);
}

/* The first thing that is wrong stays. */
static void
set_problem(struct indexer_work *w, const char *text, const char *why, bool again)
{
	if (w->problem[0] == '\0')
		(void)snprintf(w->problem, sizeof(w->problem), "%s%s%s", text,
			why != NULL ? ": " : "", why != NULL ? why : "");
	w->file.again = w->file.again || again;
}

static void
set_format(struct indexer_work *w, const char *format)
{
	(void)snprintf(w->format, sizeof(w->format), "%s", format);
}

/* ---- into the catalogue ---- */

static void
count(struct indexer_run *r, const struct indexer_work *w)
{
	bool hdf5 = strcmp(w->format, "nexus") == 0 || strcmp(w->format, "hdf5") == 0;
	bool broken = w->problem[0] != '\0' && strcmp(w->problem, INGEST_PLAIN) != 0;

	r->report->counts.hdf5 += hdf5;
	r->report->counts.plain += !hdf5;
	r->report->counts.broken += broken;
	if (!broken)
		return;
	AUTO_BUF path = BUF_INIT((size_t)LIMIT_PATH * 2);
	if (w->unit->d.folder.n > 0) {
		buf_add(&path, w->unit->d.folder);
		buf_addc(&path, '/');
	}
	buf_adds(&path, w->path);
	indexer_report_file(r->report, r->root, buf_span(&path), span_of(w->problem));
}

/* Done with, one way or the other. */
static void
work_end(struct indexer_run *r, struct indexer_work *w)
{
	struct indexer_unit *u = w->unit;

	work_free(w);
	u->pending--;
	indexer_dataset_settle(r, u);
}

static void
work_drop(struct indexer_run *r, struct indexer_work *w)
{
	w->unit->dropped = true;
	work_end(r, w);
}

static void
work_settle(struct indexer_run *r, struct indexer_work *w)
{
	struct err e = {0};

	if (!w->answered)
		return;
	w->file.anew = r->job->order.full;
	w->file.path = span_of(w->path);
	w->file.format = span_of(w->format);
	w->file.problem = w->problem[0] != '\0' ? span_of(w->problem) : SPAN_NONE;
	w->file.reading = span_of(w->answer);
	if (!indexer_job_batch(r) || !indexer_dataset_touch(r, w->unit)) {
		work_drop(r, w);
		return;
	}
	if (!ingest_file_put(r->job->ingest, w->unit->id, &w->file, &e)) {
		(void)indexer_job_fail(r, &e);
		work_drop(r, w);
		return;
	}
	r->rows++;
	count(r, w);
	work_end(r, w);
}

/* ---- readers ---- */

static void
enqueue(struct indexer_run *r, struct indexer_work *w)
{
	w->next = NULL;
	if (r->last != NULL)
		r->last->next = w;
	else
		r->first = w;
	r->last = w;
	r->queued++;
}

static struct indexer_work *
dequeue(struct indexer_run *r)
{
	struct indexer_work *w = r->first;

	r->first = w->next;
	if (r->first == NULL)
		r->last = NULL;
	r->queued--;
	return w;
}

/*
 * It took a reader with it: remembered by what the file is.  One that dies may have died of
 * something else, so another is asked; one that hangs costs its whole deadline, so that is for the
 * next run.
 */
static void
fatal(struct indexer_run *r, struct indexer_work *w, bool hung, const char *why)
{
	struct err e = {0};

	w->deaths++;
	if (!indexer_job_batch(r) || !ingest_death(r->job->ingest, &w->identity, &e))
		(void)indexer_job_fail(r, &e);
	if (!hung && w->deaths < FILE_DEATHS && !r->stop) {
		enqueue(r, w);
		return;
	}
	w->answered = true;
	set_format(w, "hdf5");
	set_problem(w, why, "indexed as a plain file", w->deaths < FILE_DEATHS);
}

/* Read well: earlier deaths were not its fault. */
static void
absolve(struct indexer_run *r, const struct indexer_work *w)
{
	struct err e = {0};

	if (w->deaths == 0)
		return;
	if (!indexer_job_batch(r) || !ingest_alive(r->job->ingest, &w->identity, &e))
		(void)indexer_job_fail(r, &e);
}

/* The reader lived. */
static void
take_reading(struct indexer_work *w, const struct reading *one, struct span text)
{
	(void)snprintf(w->format, sizeof(w->format), "%.*s", SPAN_ARG(one->format));
	if (one->problem.p != NULL)
		(void)snprintf(w->problem, sizeof(w->problem), "%.*s", SPAN_ARG(one->problem));
	if (one->n_entries == 0 && one->n_notes == 0)
		return; /* nothing to merge */
	w->answer = calloc(1, text.n + 1);
	if (w->answer != NULL)
		memcpy(w->answer, text.p, text.n);
	else
		set_problem(w, "no memory for the reader's answer", NULL, true);
}

static void
answer(struct indexer_run *r, struct indexer_work *w, struct span text)
{
	AUTO_ARENA a = {0};
	char why[READING_TEXT + 1];
	struct reading one = {0};
	struct err e = {0};
	bool room = arena_init(&a, FILE_READING);

	if (room && reading_parse(text, &a, &one, &e) &&
		(one.end == READING_DIED || one.end == READING_OVERRAN)) {
		(void)snprintf(why, sizeof(why), "%.*s", SPAN_ARG(one.problem));
		fatal(r, w, one.end == READING_OVERRAN, why);
		return;
	}
	w->answered = true;
	set_format(w, "hdf5");
	if (!room)
		set_problem(w, "no memory for the reader's answer", NULL, true);
	else if (e.code != ERR_NONE)
		set_problem(w, e.msg, NULL, false);
	else
		take_reading(w, &one, text);
	w->file.again = w->file.again || one.end == READING_MISSED;
	if (one.end == READING_DONE)
		absolve(r, w);
}

static void
on_done(void *ctx, void *ticket, enum indexer_pool_end how, struct span text)
{
	struct indexer_run *r = ctx;
	struct indexer_work *w = ticket;

	switch (how) {
	case POOL_ANSWER:
		answer(r, w, text);
		break;
	case POOL_MISSED:
		if (++w->missed <= FILE_MISSES)
			enqueue(r, w);
		else
			fatal(r, w, false, "its reader died of it");
		break;
	case POOL_DIED:
		fatal(r, w, false, "its reader died of it");
		break;
	case POOL_OVERRAN:
		fatal(r, w, true, "its reader was not done in time");
		break;
	}
	work_settle(r, w);
}

static void
on_kill(void *ctx, unsigned slot)
{
	const struct indexer_run *r = ctx;

	r->job->world.kill_reader(r->job->world.ctx, slot);
}

void
indexer_file_serve(struct indexer_run *r)
{
	indexer_pool_serve(r->job->pool, &(struct indexer_pool_calls){r, on_done, on_kill});
}

static void
ask_all(struct indexer_run *r)
{
	while (r->first != NULL && indexer_pool_idle(r->job->pool)) {
		struct indexer_work *w = r->first;
		if (!indexer_pool_ask(r->job->pool, w->fd, w))
			return;
		(void)dequeue(r);
	}
}

/* Nobody to ask for a long time: say so, and let the next run try again. */
static void
give_up(struct indexer_run *r)
{
	while (r->first != NULL) {
		struct indexer_work *w = dequeue(r);
		w->answered = true;
		set_format(w, "hdf5");
		set_problem(w, "no reader was there to read it", NULL, true);
		work_settle(r, w);
	}
}

bool
indexer_file_pump(struct indexer_run *r, int timeout_ms)
{
	const struct indexer_job *job = r->job;

	ask_all(r);
	indexer_pool_wait(job->pool, job->world.control, timeout_ms);
	if (!job->world.attend(job->world.ctx))
		r->stop = true;
	ask_all(r);
	if (indexer_pool_bereft(job->pool) > FILE_BEREFT_MS)
		give_up(r);
	indexer_report_progress(r->report);
	return !r->stop;
}

void
indexer_file_drain(struct indexer_run *r)
{
	while (r->queued > 0 || indexer_pool_busy(r->job->pool) > 0) {
		while (r->stop && r->first != NULL)
			work_drop(r, dequeue(r));
		if (r->queued > 0 || indexer_pool_busy(r->job->pool) > 0)
			(void)indexer_file_pump(r, 100);
	}
}

/* ---- a new file ---- */

/* Decide who reads it: w->answered when nobody has to. */
static void
sort_out(struct indexer_run *r, struct indexer_work *w)
{
	enum indexer_sum_kind kind = SUM_OTHER;
	struct err e = {0};

	set_format(w, "other");
	if (!indexer_sum_sniff(w->fd, w->file.bytes, &kind, &e)) {
		set_problem(w, "cannot be read", strerrordesc_np(e.sys), true);
		w->answered = true;
		return;
	}
	if (kind == SUM_HDF4 || (kind == SUM_OTHER && !indexer_sum_named(span_of(w->path)))) {
		set_problem(
			w, kind == SUM_HDF4 ? "HDF4: download only" : INGEST_PLAIN, NULL, false);
		set_format(w, kind == SUM_HDF4 ? "hdf4" : "other");
		w->answered = true;
		return;
	}
	if (!ingest_deaths(r->job->ingest, &w->identity, &w->deaths, &e))
		(void)indexer_job_fail(r, &e);
	if (w->deaths >= FILE_DEATHS) {
		set_format(w, "hdf5");
		set_problem(w, "killed its readers three times: not tried again", NULL, false);
		w->answered = true;
	}
}

static struct indexer_work *
work_new(struct indexer_run *r, struct span path, const struct stat *st)
{
	struct indexer_work *w = calloc(1, sizeof(*w));
	char *copy = strndup(path.p, path.n);

	if (w == NULL || copy == NULL) {
		free(w);
		free(copy);
		return NULL;
	}
	w->fd = -1;
	w->path = copy;
	w->unit = r->unit;
	w->unit->pending++;
	w->file.bytes = (uint64_t)st->st_size;
	w->file.mtime_s = st->st_mtim.tv_sec;
	w->file.mtime_ns = st->st_mtim.tv_nsec;
	w->file.ctime = st->st_ctim.tv_sec * LIMIT_NS + st->st_ctim.tv_nsec;
	w->identity = (struct ingest_identity){
		.device = st->st_dev,
		.inode = st->st_ino,
		.bytes = w->file.bytes,
		.mtime = st->st_mtim.tv_sec * LIMIT_NS + st->st_mtim.tv_nsec,
	};
	return w;
}

void
indexer_file_take(struct indexer_run *r, struct span path, const struct stat *st)
{
	struct indexer_work *w = work_new(r, path, st);
	struct err e = {0};

	if (w == NULL) {
		(void)err_set(&e, ERR_SYSTEM, NULL, "no memory for a file");
		(void)indexer_job_fail(r, &e);
		return;
	}
	w->fd = indexer_walk_open(r->walk, &e);
	if (w->fd >= 0) {
		sort_out(r, w);
	} else {
		set_format(w, "other");
		set_problem(w, "cannot be opened", strerrordesc_np(e.sys), true);
		w->answered = true;
	}
	if (!w->answered)
		enqueue(r, w);
	work_settle(r, w);
	while (r->queued > FILE_QUEUE && indexer_file_pump(r, 100))
		;
	(void)indexer_file_pump(r, 0);
}
