/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/indexer_job.h"

#include "agent/base/json.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "agent/catalog/limits.h"
#include "agent/catalog/proposals.h"
#include "agent/indexer_digest.h"
#include "agent/indexer_run.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define JOB_BATCH_ROWS 500U /* files in one transaction */
#define JOB_BATCH_MS   1000U
#define JOB_UNIT_ARENA ((size_t)32 * 1024)
#define JOB_YAML_ARENA ((size_t)128 * 1024 * 1024)
#define JOB_REPORT     ((size_t)64 * 1024)

/* ---- the order ---- */

static bool
choose(const struct json *list, const struct settings *s, struct indexer_job_order *o,
	struct err *e)
{
	for (size_t i = 0; i < json_count(list); i++) {
		struct span name = SPAN_NONE;
		bool found = false;
		if (!json_str(json_at(list, i), &name))
			return err_set(e, ERR_SYNTAX, NULL, "roots must be a list of names");
		for (size_t k = 0; k < s->n_roots && k < sizeof(o->chosen); k++)
			if (span_is(name, s->roots[k].name)) {
				o->chosen[k] = true;
				found = true;
			}
		if (!found)
			return err_set(e, ERR_ABSENT, NULL,
				"no data root is named \"%.*s\": see `roots` in agent.yaml",
				SPAN_ARG(span_first(name, 100)));
	}
	o->all = json_count(list) == 0;
	return true;
}

/* true, or the pid of one dataset. */
static bool
read_rebind(const struct json *v, struct indexer_job_order *o)
{
	struct span pid = SPAN_NONE;

	if (v == NULL || json_truth(v, &o->rebind))
		return true;
	o->rebind = json_str(v, &pid) && pid.n > 0 && span_cstr(pid, o->pid, sizeof(o->pid));
	return o->rebind;
}

bool
indexer_job_parse(
	struct span text, const struct settings *s, struct indexer_job_order *ret, struct err *e)
{
	static const struct json_limits limits = {
		.bytes = 65536, .depth = 3, .members = 1000, .object = true};
	AUTO_JSON top = json_parse(text, &limits, e);
	struct indexer_job_order o = {.digests = true};
	struct span job = SPAN_NONE;

	if (top == NULL)
		return false;
	if (json_get(top, "job") != NULL &&
		(!json_get_str(top, "job", &job) || !span_is(job, "index")))
		return err_set(e, ERR_SYNTAX, NULL, "the indexer knows the job \"index\" alone");
	const struct json *full = json_get(top, "full");
	const struct json *digests = json_get(top, "digests");
	const struct json *roots = json_get(top, "roots");
	if ((full != NULL && !json_truth(full, &o.full)) ||
		(digests != NULL && !json_truth(digests, &o.digests)))
		return err_set(e, ERR_SYNTAX, NULL, "full and digests are true or false");
	if (!read_rebind(json_get(top, "rebind"), &o))
		return err_set(e, ERR_SYNTAX, NULL, "rebind is true, or the pid of a dataset");
	if (roots != NULL && json_kind(roots) != JSON_KIND_LIST)
		return err_set(e, ERR_SYNTAX, NULL, "roots must be a list of names");
	if (!choose(roots, s, &o, e))
		return false;
	*ret = o;
	return true;
}

/* ---- batches ---- */

bool
indexer_job_fail(struct indexer_run *r, const struct err *e)
{
	if (r->why.code == ERR_NONE) {
		r->why = *e;
		if (r->why.code == ERR_NONE)
			(void)err_set(&r->why, ERR_UPSTREAM, NULL, "the catalogue failed");
	}
	r->stop = true;
	return false;
}

static bool
commit(struct indexer_run *r)
{
	struct err e = {0};

	if (!r->batch)
		return true;
	r->batch = false;
	r->rows = 0;
	return ingest_commit(r->job->ingest, &e) || indexer_job_fail(r, &e);
}

bool
indexer_job_batch(struct indexer_run *r)
{
	struct err e = {0};

	if (r->why.code != ERR_NONE)
		return false;
	if (r->batch &&
		(r->rows >= JOB_BATCH_ROWS || (uint64_t)proc_now_ms() - r->began > JOB_BATCH_MS) &&
		!commit(r))
		return false;
	if (r->batch)
		return true;
	if (!ingest_begin(r->job->ingest, &e))
		return indexer_job_fail(r, &e);
	r->batch = true;
	r->began = proc_now_ms();
	return true;
}

/* ---- what is not a file of a dataset ---- */

void
indexer_job_problem(struct indexer_run *r, struct span path, int64_t dataset, struct span text)
{
	struct err e = {0};

	r->report->counts.problems++;
	indexer_report_file(r->report, r->root, path, text);
	if (indexer_job_batch(r) &&
		!ingest_problem(r->job->ingest, r->source, path, dataset, text, &e))
		(void)indexer_job_fail(r, &e);
}

/* A path beneath the dataset at hand, beneath its root. */
static void
whole_path(const struct indexer_run *r, struct span path, struct buf *out)
{
	if (r->unit != NULL && r->unit->d.folder.n > 0) {
		buf_add(out, r->unit->d.folder);
		if (path.n > 0)
			buf_addc(out, '/');
	}
	buf_add(out, path);
}

void
indexer_job_odd(struct indexer_run *r, const struct indexer_walk_entry *entry)
{
	AUTO_BUF text = BUF_INIT(1024);
	AUTO_BUF path = BUF_INIT((size_t)LIMIT_PATH * 8);
	bool inside = entry->in_dataset && r->unit != NULL;

	buf_adds(&text, entry->text);
	if (entry->sys != 0)
		buf_addf(&text, ": %s", strerrordesc_np(entry->sys));
	if (inside)
		whole_path(r, entry->path, &path);
	else
		buf_add(&path, entry->path);
	r->report->counts.uncatalogued += entry->uncatalogued;
	r->lost = r->lost || (entry->lost && !inside);
	indexer_job_problem(r, buf_span(&path), inside ? r->unit->id : 0, buf_span(&text));
}

/* ---- roots ---- */

static void
on_entry(struct indexer_run *r, const struct indexer_walk_entry *entry)
{
	struct span name = entry->path;

	switch (entry->kind) {
	case WALK_FOLDER:
	case WALK_DATASET:
		while (span_has(name, '/'))
			(void)span_cut(&name, '/');
		if (r->layout.n > 0 && !layout_fits(&r->layout, entry->level, name)) {
			r->report->counts.uncatalogued++;
			indexer_job_problem(
				r, entry->path, 0, SPAN("folder does not fit the layout"));
			indexer_walk_skip(r->walk);
		} else if (entry->kind == WALK_DATASET) {
			indexer_dataset_enter(r, entry->path);
		}
		break;
	case WALK_FILE:
		indexer_dataset_file(r, entry->path);
		break;
	case WALK_DATASET_END:
		indexer_dataset_leave(r);
		break;
	case WALK_PROBLEM:
		if (entry->in_dataset && entry->lost && r->unit != NULL)
			indexer_dataset_keep(r, entry->path);
		indexer_job_odd(r, entry);
		break;
	case WALK_END:
		break;
	}
}

/* Others wait for single datasets, and shall not wait for the whole run. */
static void
let_others(struct indexer_run *r)
{
	const struct indexer_job_world *w = &r->job->world;

	if (w->others == NULL || r->stop || !w->others(w->ctx))
		return;
	indexer_file_drain(r);
	if (!commit(r))
		return;
	w->between(w->ctx);
	indexer_file_serve(r); /* the readers' answers are this run's again */
}

static void
walk_root(struct indexer_run *r, int fd)
{
	struct indexer_walk_entry entry = {.kind = WALK_PROBLEM};
	struct err e = {0};

	if (!indexer_walk_new(fd, r->layout.n, &r->walk, &e)) {
		(void)indexer_job_fail(r, &e);
		return;
	}
	while (!r->stop && entry.kind != WALK_END) {
		if (!indexer_walk_next(r->walk, &entry, &e)) {
			(void)indexer_job_fail(r, &e);
			break;
		}
		on_entry(r, &entry);
		if (entry.kind == WALK_DATASET_END)
			let_others(r);
		if (!r->job->world.attend(r->job->world.ctx))
			r->stop = true;
	}
	indexer_dataset_leave(r); /* left early */
	indexer_file_drain(r);
	indexer_walk_free(r->walk);
	r->walk = NULL;
}

static int
by_number(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x;
	int64_t b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

static void
forget_datasets(struct indexer_run *r)
{
	uint64_t files = 0;
	struct err e = {0};

	if (r->stop || r->lost || !indexer_job_batch(r))
		return;
	if (r->n_ids > 1)
		qsort(r->ids, r->n_ids, sizeof(*r->ids), by_number);
	if (!ingest_datasets_keep(r->job->ingest, r->source, r->ids, r->n_ids, &files, &e))
		(void)indexer_job_fail(r, &e);
	r->report->counts.removed += files;
}

static void
run_root(struct indexer_run *r, unsigned place)
{
	const struct settings_root *root = &r->job->settings->roots[place];
	struct err e = {0};

	r->place = place;
	r->root = span_of(root->name);
	r->n_ids = 0;
	r->lost = false;
	if (!indexer_job_batch(r))
		return;
	if (!ingest_source(r->job->ingest, r->root, place, span_of(root->path), &r->source, &e) ||
		!ingest_problems_clear(r->job->ingest, r->source, &e)) {
		(void)indexer_job_fail(r, &e);
		return;
	}
	if (!layout_parse(root, &r->layout, &e)) {
		r->report->counts.uncatalogued++;
		indexer_report_error(r->report, span_of(e.msg));
		return;
	}
	if (r->job->root[place].fd < 0) {
		r->report->counts.uncatalogued++;
		indexer_job_problem(r, SPAN(""), 0, SPAN("data root cannot be opened"));
		return;
	}
	walk_root(r, r->job->root[place].fd);
	forget_datasets(r);
}

/* The walk stands inside of the dataset: its steps are those of a root that is one. */
static void
walk_one(struct indexer_run *r, struct span folder)
{
	struct indexer_walk_entry entry = {.kind = WALK_PROBLEM};
	struct err e = {0};

	while (!r->stop && entry.kind != WALK_END) {
		if (!indexer_walk_next(r->walk, &entry, &e)) {
			(void)indexer_job_fail(r, &e);
			break;
		}
		if (entry.kind == WALK_DATASET)
			indexer_dataset_enter(r, folder);
		else
			on_entry(r, &entry);
	}
	indexer_dataset_leave(r);
	indexer_file_drain(r);
}

static int
open_folder(int root, const char *folder)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};

	return (int)syscall(SYS_openat2, root, folder[0] != '\0' ? folder : ".", &how, sizeof(how));
}

static bool
run_one(struct indexer_run *r)
{
	const struct indexer_job_order *o = &r->job->order;
	const struct settings_root *root = &r->job->settings->roots[o->place];
	struct err e = {0};
	AUTO_FD at = open_folder(r->job->root[o->place].fd, o->folder);

	r->place = o->place;
	r->root = span_of(root->name);
	if (at < 0)
		return err_set(&r->why, ERR_SYSTEM, NULL, "%s: %s", root->name, o->folder);
	if (!layout_parse(root, &r->layout, &e) || !indexer_job_batch(r) ||
		!ingest_source(
			r->job->ingest, r->root, o->place, span_of(root->path), &r->source, &e) ||
		!indexer_walk_new(at, 0, &r->walk, &e))
		return indexer_job_fail(r, &e);
	walk_one(r, span_of(o->folder));
	indexer_walk_free(r->walk);
	r->walk = NULL;
	return !r->stop && indexer_bind_new(r) && commit(r) && r->report->counts.uncatalogued == 0;
}

/* How many files there are, for the bar: names alone, no look at any file. */
static uint64_t
count_files(int fd, size_t levels)
{
	struct indexer_walk *w = NULL;
	struct indexer_walk_entry entry = {.kind = WALK_PROBLEM};
	uint64_t n = 0;

	if (fd < 0 || !indexer_walk_new(fd, levels, &w, NULL))
		return 0;
	while (indexer_walk_next(w, &entry, NULL) && entry.kind != WALK_END)
		n += entry.kind == WALK_FILE;
	indexer_walk_free(w);
	return n;
}

static bool
wanted(const struct indexer_job *job, size_t i)
{
	return job->order.all || (i < sizeof(job->order.chosen) && job->order.chosen[i]);
}

static void
count_all(const struct indexer_job *job)
{
	struct layout l;

	if (job->report->fd < 0)
		return;
	for (size_t i = 0; i < job->settings->n_roots; i++)
		if (wanted(job, i) && layout_parse(&job->settings->roots[i], &l, NULL))
			job->report->total += count_files(job->root[i].fd, l.n);
}

/* ---- the run ---- */

static bool
put_proposals(struct indexer_run *r)
{
	const struct indexer_job *job = r->job;
	AUTO_ARENA a = {0};
	AUTO_BUF report = BUF_INIT(JOB_REPORT);
	struct proposals all = {0};
	struct err e = {0};

	if (!arena_init(&a, JOB_YAML_ARENA)) {
		(void)err_set(&e, ERR_SYSTEM, NULL, "no memory for proposals.yaml");
		return indexer_job_fail(r, &e);
	}
	if (job->proposals.p != NULL &&
		!proposals_parse(job->proposals_name, job->proposals, &a, &report, &all, &e)) {
		indexer_report_error(job->report, buf_span(&report));
		return indexer_job_fail(r, &e);
	}
	return indexer_job_batch(r) &&
	       (ingest_proposals(job->ingest, job->proposals.p != NULL ? &all : NULL, &e) ||
		       indexer_job_fail(r, &e));
}

static bool
keep_sources(struct indexer_run *r)
{
	const struct settings *s = r->job->settings;
	struct span *names = calloc(s->n_roots + 1, sizeof(*names));
	struct err e = {0};

	for (size_t i = 0; names != NULL && i < s->n_roots; i++)
		names[i] = span_of(s->roots[i].name);
	bool ok = names != NULL && ingest_sources_keep(r->job->ingest, names, s->n_roots, &e);
	free(names);
	return ok || indexer_job_fail(r, &e);
}

static void
set_metrics(const struct indexer_job *job)
{
	uint64_t datasets = 0;
	uint64_t files = 0;

	if (!ingest_count(job->ingest, &datasets, &files, NULL))
		return;
	metric_set(job->metrics, METRIC_DATASETS, (int64_t)datasets);
	metric_set(job->metrics, METRIC_FILES_INDEXED, (int64_t)files);
	if (!job->order.one)
		metric_set(job->metrics, METRIC_FILES_BROKEN, (int64_t)job->report->counts.broken);
}

/* Everything is in the catalogue; whoever ordered the run waits for the digests, too. */
static void
digest_all(struct indexer_run *r)
{
	const struct indexer_job *job = r->job;
	struct indexer_digest_file f;
	enum indexer_digest_step s = DIGEST_MORE;

	if (!job->order.digests || job->digest == NULL)
		return;
	indexer_digest_rewind(job->digest);
	while (!r->stop && s != DIGEST_END) {
		struct err e = {0};
		s = indexer_digest_next(job->digest, &f, &e);
		r->stop = !job->world.attend(job->world.ctx) || (s == DIGEST_END && e.code != 0);
		if (s == DIGEST_DONE)
			r->report->counts.bytes += f.bytes;
		if (s == DIGEST_SKIPPED && e.code == ERR_SYSTEM)
			indexer_report_file(r->report, f.root, f.path, span_of(e.msg));
		let_others(r);
		indexer_digest_tell(job->digest);
		indexer_report_progress(r->report);
	}
}

static bool
run_all(struct indexer_run *r)
{
	const struct indexer_job *job = r->job;
	struct err e = {0};

	if (job->order.one)
		return run_one(r);
	if (!put_proposals(r))
		return false;
	if (job->order.rebind)
		return indexer_bind_again(r) && commit(r);
	if (!keep_sources(r) || !commit(r))
		return false;
	count_all(job);
	for (unsigned i = 0; i < job->settings->n_roots && !r->stop; i++)
		if (wanted(job, i))
			run_root(r, i);
	if (r->stop || !indexer_bind_new(r) || !commit(r))
		return false;
	if (!ingest_settle(job->ingest, &e))
		return indexer_job_fail(r, &e);
	digest_all(r);
	return !r->stop && job->report->counts.uncatalogued == 0;
}

bool
indexer_job_run(const struct indexer_job *job)
{
	struct indexer_run *r = calloc(1, sizeof(*r));
	struct err e = {0};
	bool ok = false;

	if (r == NULL)
		return false;
	r->job = job;
	r->report = job->report;
	if (arena_init(&r->page.arena, INGEST_PAGE_ARENA)) {
		indexer_file_serve(r);
		ok = run_all(r);
	} else {
		(void)indexer_job_fail(r, &e);
	}
	ingest_rollback(job->ingest); /* what a failure left open */
	if (r->why.code != ERR_NONE)
		indexer_report_error(job->report, span_of(r->why.msg));
	else if (r->stop)
		indexer_report_error(job->report, SPAN("stopped before the end; run it again"));
	set_metrics(job);
	indexer_report_done(job->report);
	arena_fini(&r->page.arena);
	free(r->ids);
	free(r);
	return ok;
}
