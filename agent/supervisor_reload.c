/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor_reload.h"

#include "agent/base/log.h"
#include "agent/supervisor_courier.h"
#include "agent/supervisor_link.h"

#include <stdio.h>
#include <string.h>

/* Tell everybody who waits. */
static void
finish(struct supervisor *s, bool good)
{
	struct supervisor_reload *r = &s->reload;
	struct span restart = buf_span(&r->restart);
	AUTO_BUF text = BUF_INIT(CONTROL_TEXT_MAX + 4096);

	r->busy = false;
	if (s->phase == PHASE_SERVE)
		supervisor_notify_ready(s);
	if (good)
		buf_adds(&text, "reloaded\n");
	if (good && restart.n > 0)
		buf_addf(&text, "needs restart: %.*s\n", SPAN_ARG(restart));
	if (!good)
		buf_add(&text, buf_span(&r->report));
	for (size_t i = 0; i < r->n_waiters; i++)
		admin_answer(
			s->admin, r->waiters[i], good ? 200 : 409, "text/plain", buf_span(&text));
	r->n_waiters = 0;
}

/* Everything stays; the log says it once. */
static void
keep_old(struct supervisor *s)
{
	struct supervisor_reload *r = &s->reload;

	config_free(s->next);
	s->next = NULL;
	r->failed++;
	r->stale = true;
	metric_add(s->metrics, METRIC_RELOADS_FAILED, 1);
	metric_set(s->metrics, METRIC_CONFIG_STALE, 1);
	log_error("reload", "refused; the old configuration stays in force",
		LOG_SPAN("report", buf_span(&r->report)));
	finish(s, false);
}

/* A place for a gate that finishes its work, or NULL. */
static struct child *
old_seat(struct supervisor *s)
{
	for (int i = SEAT_OLD; i < SEAT_READER; i++)
		if (s->child[i].pid == 0)
			return &s->child[i];
	return NULL;
}

/* May a reload begin now?  If not, the report says why. */
static bool
may_begin(struct supervisor *s)
{
	struct child *oldest = &s->child[SEAT_OLD];

	if (s->phase != PHASE_SERVE) {
		buf_adds(&s->reload.report, "the agent is ending\n");
		return false;
	}
	if (old_seat(s) != NULL)
		return true;
	for (int i = SEAT_OLD; i < SEAT_READER; i++)
		if (s->child[i].since < oldest->since)
			oldest = &s->child[i];
	child_kill(oldest);
	buf_adds(&s->reload.report, "the gates of earlier reloads are still finishing their work; "
				    "the oldest was ended now: reload again\n");
	return false;
}

void
supervisor_reload_begin(struct supervisor *s, long waiter)
{
	struct supervisor_reload *r = &s->reload;
	struct err e = {0};

	if (waiter >= 0 && r->n_waiters < ADMIN_CLIENTS)
		r->waiters[r->n_waiters++] = (unsigned)waiter;
	if (r->busy || s->phase == PHASE_START) { /* what is on disk may change meanwhile */
		r->again = true;
		return;
	}
	r->again = false;
	buf_reset(&r->report);
	buf_reset(&r->restart);
	if (s->phase == PHASE_SERVE)
		(void)notify_reloading(&s->notify, NULL);
	if (may_begin(s))
		s->next = config_load(s->file, BUNDLE_ALL, true, &s->shared, &r->report, &e);
	if (s->next == NULL) {
		keep_old(s);
		return;
	}
	r->busy = true;
	config_fixed_keys(s->boot->settings, s->next->settings, &r->restart);
	supervisor_start(s, SEAT_NEXT);
}

void
supervisor_reload_refuse(struct supervisor *s)
{
	struct child *next = &s->child[SEAT_NEXT];

	buf_add(&s->reload.report, buf_span(&next->report));
	if (next->report.n == 0)
		buf_addf(&s->reload.report, "the new gate ended: %s\n", next->status);
	next->state = CHILD_NONE;
	keep_old(s);
}

/* The gate in force gives way; one that is not there needs nothing. */
static void
retire(struct supervisor *s)
{
	struct child *gate = &s->child[SEAT_GATE];
	struct child *old = old_seat(s);
	if (child_alive(gate) && old != NULL) {
		child_fini(old);
		*old = *gate;
		old->since = s->now;
		child_drain(old);
	} else {
		child_fini(gate);
	}
	unsigned restarts = gate->restarts;
	*gate = s->child[SEAT_NEXT];
	gate->restarts = restarts;
	child_init(&s->child[SEAT_NEXT], PROCESS_GATE, 0);
}

void
supervisor_reload_accept(struct supervisor *s)
{
	struct supervisor_reload *r = &s->reload;
	struct child *indexer = &s->child[SEAT_INDEXER];

	supervisor_move_epoch(s); /* kept grants fall */
	retire(s);
	if (s->config != s->boot)
		config_free(s->config);
	s->config = s->next;
	s->next = NULL;
	supervisor_link_gate(s);
	if (!s->job.running)
		child_drain(indexer); /* it comes back with the new bundle */
	supervisor_courier_renew(s);
	r->done++;
	r->stale = false;
	metric_add(s->metrics, METRIC_RELOADS, 1);
	metric_set(s->metrics, METRIC_CONFIG_STALE, 0);
	log_info("reload", "done", LOG_STR("gate", s->child[SEAT_GATE].status),
		LOG_SPAN("needs_restart", buf_span(&r->restart)));
	finish(s, true);
}
