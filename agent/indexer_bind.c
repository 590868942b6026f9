/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ingest_bind.h"
#include "agent/indexer_run.h"

static bool
bind_all(struct indexer_run *r, struct ingest_bind *b)
{
	struct err e = {0};

	b->policies = r->job->policies;
	while (!b->done) {
		uint64_t before = b->changed;
		if (!indexer_job_batch(r))
			return false;
		if (!ingest_bind(r->job->ingest, b, &e))
			return indexer_job_fail(r, &e);
		r->rows += b->changed - before;
	}
	r->report->counts.bound += b->changed;
	return true;
}

bool
indexer_bind_new(struct indexer_run *r)
{
	struct ingest_bind b = {.again = false};

	if (r->job->policies == NULL) {
		indexer_report_error(r->report,
			SPAN("the policies have faults, so new datasets are not bound to one yet: "
			     "see `pan-agent policy check`, then index again"));
		return true;
	}
	return bind_all(r, &b);
}

static void
tell(void *ctx, const struct ingest_binding *b)
{
	indexer_report_binding(ctx, b->pid, b->was, b->now);
}

bool
indexer_bind_again(struct indexer_run *r)
{
	struct ingest_bind b = {.again = true, .tell = tell, .ctx = r->report};
	struct err e = {0};

	if (r->job->order.pid[0] != '\0')
		b.pid = span_of(r->job->order.pid);
	if (r->job->policies == NULL)
		(void)err_set(&e, ERR_SYNTAX, NULL,
			"the policies have faults: see `pan-agent policy check`");
	else if (bind_all(r, &b) && b.looked == 0 && b.pid.p != NULL)
		(void)err_set(&e, ERR_ABSENT, NULL, "no such dataset: %s", r->job->order.pid);
	r->report->counts.datasets += b.looked;
	return e.code == ERR_NONE ? r->why.code == ERR_NONE : indexer_job_fail(r, &e);
}
