/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/crypto.h"
#include "agent/base/log.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "agent/gate_policies.h"
#include "agent/indexer_digest.h"
#include "agent/indexer_job.h"
#include "agent/indexer_wishes.h"
#include "agent/role.h"
#include "agent/sandbox.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEXER_JOBS      8U /* that wait for the one at work */
#define INDEXER_PROPOSALS ((size_t)4 * 1024 * 1024)
#define INDEXER_REPORT    ((size_t)1024 * 1024)
#define INDEXER_SLICE_MS  200 /* of digests that somebody waits for, at a time */

struct order {
	struct span text; /* in `store` */
	char store[4096];
	int fd;
};

/*
 * The indexer: holds the one writable handle of the catalogue, open for its whole life, and runs
 * one job after the other.
 */
struct indexer {
	struct role *role;
	struct ingest *ingest;
	struct indexer_pool *pool;
	struct indexer_job_root *root;
	const struct policy_set *policies; /* NULL: they have faults */
	struct indexer_wishes *wishes;
	struct indexer_digest *digest;
	bool drain, gone;
	struct order waiting[INDEXER_JOBS];
	size_t n_waiting;
};

/* ---- what the supervisor says ---- */

static void
on_job(struct indexer *x, struct role_message *m)
{
	if (x->n_waiting == INDEXER_JOBS) {
		struct indexer_report r;
		indexer_report_init(&r, m->fd);
		indexer_report_error(&r, SPAN("too many runs wait already; try again later"));
		indexer_report_done(&r);
		indexer_report_fini(&r);
		return;
	}
	struct order *o = &x->waiting[x->n_waiting++];
	memcpy(o->store, m->text, m->n_text);
	o->text = (struct span){o->store, m->n_text};
	o->fd = m->fd;
}

static bool
attend(void *ctx)
{
	struct indexer *x = ctx;
	struct role_message m;

	while (role_next(x->role, &m))
		switch (m.kind) {
		case ROLE_LINK:
			if (m.peer == PROCESS_READER)
				indexer_pool_link(x->pool, m.slot, m.fd);
			else if (m.peer == PROCESS_GATE)
				indexer_wishes_link(x->wishes, m.fd);
			else
				scope_close(&m.fd);
			break;
		case ROLE_JOB:
			on_job(x, &m);
			break;
		case ROLE_DRAIN:
			x->drain = true;
			break;
		case ROLE_GONE:
			x->gone = true;
			return false;
		}
	return !x->drain && !x->gone;
}

static void
kill_reader(void *ctx, unsigned slot)
{
	const struct indexer *x = ctx;
	struct err e = {0};

	log_warn("indexer.reader", "a reader overran its deadline", LOG_U64("slot", slot));
	if (!role_kill_reader(x->role, slot, &e))
		log_err(LOG_ERROR, "indexer.reader", &e);
}

/* ---- one job ---- */

/* proposals.yaml as it is now: it may have been written again since the bundle was made. */
static bool
read_proposals(const struct role_file *f, struct buf *out, struct err *e)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return err_set(e, ERR_SYSTEM, NULL, "%s", f->path);
	if (st.st_size > (off_t)INDEXER_PROPOSALS)
		return err_set(e, ERR_LIMIT, NULL, "%s is above 4 MiB", f->path);
	while ((off_t)out->n < st.st_size && buf_reserve(out, (size_t)st.st_size)) {
		ssize_t n =
			pread(f->fd, out->p + out->n, (size_t)st.st_size - out->n, (off_t)out->n);
		if (n <= 0)
			return err_set(e, ERR_SYSTEM, NULL, "%s cannot be read", f->path);
		out->n += (size_t)n;
	}
	return buf_ok(out) || err_set(e, ERR_LIMIT, NULL, "no memory for %s", f->path);
}

static bool others(void *ctx);
static void grant_wishes(void *ctx);

static bool
run_order(struct indexer *x, const struct indexer_job_order *order, struct indexer_report *report)
{
	const struct role_file *f = role_file(x->role, "proposals");
	AUTO_BUF text = BUF_INIT(INDEXER_PROPOSALS + 1);
	struct indexer_job job = {
		.settings = x->role->settings,
		.root = x->root,
		.ingest = x->ingest,
		.pool = x->pool,
		.world = {x, indexer_wishes_fd(x->wishes), attend, kill_reader,
			order->one ? NULL : others, grant_wishes},
		.order = *order,
		.report = report,
		.metrics = x->role->metrics,
		.policies = x->policies,
		.digest = order->one ? NULL : x->digest,
	};
	struct err e = {0};

	if (f != NULL && !order->one) {
		if (!read_proposals(f, &text, &e)) {
			indexer_report_error(report, span_of(e.msg));
			indexer_report_done(report);
			return false;
		}
		job.proposals_name = f->path;
		job.proposals = text.n > 0 ? buf_span(&text) : SPAN("");
	}
	return indexer_job_run(&job);
}

static bool
run(struct indexer *x, struct span text, struct indexer_report *report)
{
	struct indexer_job_order order;
	struct err e = {0};

	if (!indexer_job_parse(text, x->role->settings, &order, &e)) {
		indexer_report_error(report, span_of(e.msg));
		indexer_report_done(report);
		return false;
	}
	return run_order(x, &order, report);
}

/* ---- single datasets, as gates wish ---- */

static bool
others(void *ctx)
{
	struct indexer *x = ctx;

	indexer_wishes_take(x->wishes);
	return indexer_wishes_count(x->wishes) > 0;
}

static bool
index_one(struct indexer *x, const struct wish *w)
{
	const struct settings *s = x->role->settings;
	struct indexer_job_order order = {.one = true};
	struct indexer_report report;

	while (order.place < s->n_roots && !span_is(w->root, s->roots[order.place].name))
		order.place++;
	if (order.place == s->n_roots || !span_cstr(w->folder, order.folder, sizeof(order.folder)))
		return false;
	indexer_report_init(&report, -1);
	bool ok = run_order(x, &order, &report);
	indexer_report_fini(&report);
	indexer_digest_rewind(x->digest);
	return ok;
}

/* What somebody waits for who added files: those that are here. */
static void
index_wishes(struct indexer *x)
{
	struct wish w;

	for (size_t n = indexer_wishes_count_of(x->wishes, WISH_INDEX); n > 0 && !x->gone; n--) {
		if (!indexer_wishes_next(x->wishes, WISH_INDEX, &w))
			return;
		bool ok = index_one(x, &w);
		if (!ok)
			log_warn("indexer.wish", "a dataset could not be indexed whole",
				LOG_SPAN("root", w.root), LOG_SPAN("folder", w.folder));
		indexer_wishes_done(x->wishes, WISH_INDEX, ok);
	}
}

static void
log_skipped(const struct indexer_digest_file *f, const struct err *e)
{
	log_info("indexer.digest", "a file is left without digests for now",
		LOG_SPAN("root", f->root), LOG_SPAN("folder", f->folder), LOG_SPAN("file", f->path),
		LOG_STR("why", e->msg));
}

/* A piece of the file whose digests somebody waits for; false: nobody does. */
static bool
digest_wish(struct indexer *x)
{
	struct wish w;
	struct err e = {0};

	if (!indexer_wishes_next(x->wishes, WISH_DIGESTS, &w))
		return false;
	const struct indexer_digest_file f = {w.root, w.folder, w.path, 0};
	enum indexer_digest_step s = indexer_digest_one(x->digest, &f, &e);
	if (s == DIGEST_SKIPPED)
		log_skipped(&f, &e);
	if (s != DIGEST_MORE)
		indexer_wishes_done(x->wishes, WISH_DIGESTS, s == DIGEST_DONE || s == DIGEST_END);
	return true;
}

/* All who wait for one dataset; then, for a moment, who waits for digests. */
static void
grant_wishes(void *ctx)
{
	struct indexer *x = ctx;
	long long end = proc_now_ms() + INDEXER_SLICE_MS;

	index_wishes(x);
	while (!x->gone && digest_wish(x) && proc_now_ms() < end)
		;
	indexer_digest_tell(x->digest);
}

/* ---- digests, when there is nothing else to do ---- */

/* One piece more, no faster than the setting says; false: there is none. */
static bool
digest_idle(struct indexer *x)
{
	struct indexer_digest_file f;
	struct err e = {0};
	int pause = indexer_digest_pause(x->digest);

	if (pause > 0) {
		indexer_pool_wait(x->pool, indexer_wishes_fd(x->wishes), pause);
		return true;
	}
	enum indexer_digest_step s = indexer_digest_next(x->digest, &f, &e);
	if (s == DIGEST_SKIPPED)
		log_skipped(&f, &e);
	if (s == DIGEST_END && e.code != ERR_NONE)
		log_err(LOG_WARN, "indexer.digest", &e);
	indexer_digest_tell(x->digest);
	return s != DIGEST_END;
}

static void
next_job(struct indexer *x)
{
	struct order o = x->waiting[0];
	struct indexer_report report;
	struct err e = {0};

	x->n_waiting--;
	for (size_t i = 0; i < x->n_waiting; i++) {
		x->waiting[i] = x->waiting[i + 1];
		x->waiting[i].text.p = x->waiting[i].store;
	}
	o.text.p = o.store;
	indexer_report_init(&report, o.fd);
	log_info("indexer.begin", "a run begins", LOG_SPAN("job", o.text));
	bool ok = run(x, o.text, &report);
	log_info("indexer.end", ok ? "a run is done" : "a run left something out",
		LOG_U64("datasets", report.counts.datasets), LOG_U64("files", report.counts.files),
		LOG_U64("hdf5", report.counts.hdf5), LOG_U64("broken", report.counts.broken),
		LOG_U64("unchanged", report.counts.unchanged),
		LOG_U64("removed", report.counts.removed),
		LOG_U64("uncatalogued", report.counts.uncatalogued));
	indexer_report_fini(&report);
	indexer_digest_rewind(x->digest);
	indexer_digest_tell(x->digest);
	if (!role_job_done(x->role, ok ? EXIT_OK : EXIT_NO, &e))
		log_err(LOG_ERROR, "indexer.end", &e);
}

/* ---- the process ---- */

static bool
open_roots(struct indexer *x, struct err *e)
{
	const struct settings *s = x->role->settings;
	char name[32];

	x->root = calloc(s->n_roots + 1, sizeof(*x->root));
	if (x->root == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "roots");
	for (size_t i = 0; i < s->n_roots; i++) {
		(void)snprintf(name, sizeof(name), "root.%zu", i);
		const struct role_file *f = role_file(x->role, name);
		x->root[i].fd = f != NULL ? f->fd : -1;
	}
	return true;
}

/* Which policy binds a dataset, when it is catalogued.  Faults are for the gate to refuse. */
static void
load_policies(struct indexer *x)
{
	AUTO_BUF report = BUF_INIT(INDEXER_REPORT);
	struct err e = {0};

	if (!gate_policies_load(x->role, &report, &x->policies, &e)) {
		x->policies = NULL;
		log_err(LOG_WARN, "indexer.policies", &e);
	}
}

static bool
start_digests(struct indexer *x, struct err *e)
{
	const struct indexer_digest_world w = {.settings = x->role->settings,
		.root = x->root,
		.ingest = x->ingest,
		.metrics = x->role->metrics};

	return indexer_digest_new(&w, &x->digest, e);
}

static bool
start(struct indexer *x, struct err *e)
{
	x->pool = calloc(1, sizeof(*x->pool));
	if (x->pool == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "pool");
	indexer_pool_init(x->pool);
	if (!crypto_prepare(e) || !open_roots(x, e) || !indexer_wishes_new(&x->wishes, e) ||
		!indexer_wishes_watch(x->wishes, x->role->control, e))
		return false;
	load_policies(x);
	return ingest_open(x->role->settings->catalogue, &x->ingest, e) && start_digests(x, e);
}

/* A catalogue that was made earlier counts from the start. */
static void
count_catalogue(const struct indexer *x)
{
	uint64_t datasets = 0;
	uint64_t files = 0;

	if (!ingest_count(x->ingest, &datasets, &files, NULL))
		return;
	metric_set(x->role->metrics, METRIC_DATASETS, (int64_t)datasets);
	metric_set(x->role->metrics, METRIC_FILES_INDEXED, (int64_t)files);
}

static void
serve(struct indexer *x)
{
	count_catalogue(x);
	while (attend(x) || x->n_waiting > 0) {
		if (x->gone || (x->drain && x->n_waiting == 0))
			break;
		if (others(x))
			grant_wishes(x);
		else if (x->n_waiting > 0)
			next_job(x);
		else if (!digest_idle(x) && !x->drain && !x->gone)
			indexer_pool_wait(x->pool, indexer_wishes_fd(x->wishes), 60000);
	}
}

int
role_indexer_main(unsigned slot)
{
	struct role role = {0};
	struct indexer x = {.role = &role};
	char missing[256] = "";
	struct err e = {0};

	log_setup("indexer", LOG_INFO);
	(void)signal(SIGPIPE, SIG_IGN); /* whoever asked for a run may go away */
	if (!role_start(&role, PROCESS_INDEXER, slot, &e)) {
		log_err(LOG_ERROR, "indexer.start", &e);
		return EXIT_NO;
	}
	log_setup("indexer", role.settings->log_level);
	bool opened = start(&x, &e);
	if (!opened || !sandbox_enter(&role, missing, sizeof(missing), &e)) {
		char text[512];
		log_err(LOG_ERROR, "indexer.start", &e);
		role_refuse(&role, opened ? EXIT_SANDBOX : EXIT_NO,
			span_of(err_text(&e, text, sizeof(text))));
	}
	if (missing[0] != '\0')
		log_warn("sandbox.partial", "confined in part", LOG_STR("missing", missing));
	if (!role_ready(&role, "indexer ready", &e)) {
		log_err(LOG_ERROR, "indexer.start", &e);
		return EXIT_NO;
	}
	serve(&x);
	indexer_pool_fini(x.pool);
	free(x.pool);
	indexer_wishes_free(x.wishes);
	indexer_digest_free(x.digest);
	ingest_close(x.ingest);
	free(x.root);
	return EXIT_OK;
}
