/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor_reload.h"

#include "agent/base/log.h"
#include "agent/base/scope.h"
#include "agent/supervisor_link.h"
#include "agent/supervisor_net.h"
#include "agent/supervisor_watch.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define BEFORE "policies.before" /* in the new gate's bundle, for the time of its start */

/* Tell everybody who waits. */
static void
finish(struct supervisor *s, bool good)
{
	struct supervisor_reload *r = &s->reload;
	struct span restart = buf_span(&r->restart);
	AUTO_BUF text = BUF_INIT(2 * CONTROL_TEXT_MAX);

	r->busy = false;
	supervisor_watch_renew(s);
	if (s->phase == PHASE_SERVE)
		supervisor_notify_ready(s);
	if (good) {
		buf_adds(&text, "reloaded\n");
		buf_add(&text, child_said(&s->child[SEAT_GATE], "policy-notes"));
	}
	if (good && restart.n > 0)
		buf_addf(&text, "needs restart: %.*s\n", SPAN_ARG(restart));
	if (!good)
		buf_add(&text, buf_span(&r->report));
	if (r->policies && r->again) /* they asked for everything, and get it next */
		return;
	for (size_t i = 0; i < r->n_waiters; i++)
		admin_answer(
			s->admin, r->waiters[i], good ? 200 : 409, "text/plain", buf_span(&text));
	r->n_waiters = 0;
}

bool
supervisor_reload_stale(const struct supervisor *s)
{
	return s->reload.stale || s->reload.policy_stale;
}

static void
forget_refused(struct supervisor *s)
{
	config_free(s->reload.refused);
	s->reload.refused = NULL;
}

/* Everything stays; the log says it once. */
static void
keep_old(struct supervisor *s)
{
	struct supervisor_reload *r = &s->reload;

	forget_refused(s);
	if (s->next != NULL)
		config_keep_policies(s->next);
	r->refused = s->next;
	s->next = NULL;
	r->failed++;
	r->stale = r->stale || !r->policies;
	r->policy_stale = true;
	metric_add(s->metrics, METRIC_RELOADS_FAILED, 1);
	metric_set(s->metrics, METRIC_CONFIG_STALE, 1);
	log_error("reload",
		r->policies ? "refused; the old policies stay in force"
			    : "refused; the old configuration stays in force",
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

/* The new gate is told what it replaces; without that it says nothing of changes. */
static void
hand_before(struct supervisor *s)
{
	struct span text = child_said(&s->child[SEAT_GATE], "policies");
	struct err e = {0};
	int fd = memfd_create("pan-agent", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n) {
		log_error("reload", "the new gate cannot be told what it replaces");
		scope_close(&fd);
		return;
	}
	if (!bundle_add(&s->next->bundle, BUNDLE_ROLE(PROCESS_GATE), BEFORE, BEFORE, &fd, &e))
		log_err(LOG_ERROR, "reload", &e);
}

static void
try_next(struct supervisor *s)
{
	struct supervisor_reload *r = &s->reload;

	r->busy = true;
	buf_reset(&r->restart);
	config_fixed_keys(s->boot->settings, s->next->settings, &r->restart);
	hand_before(s);
	supervisor_start(s, SEAT_NEXT);
	if (s->next != NULL) /* a gate that is started once more replaces nobody */
		bundle_drop(&s->next->bundle, BEFORE);
}

static void
begin(struct supervisor *s, bool policies)
{
	struct supervisor_reload *r = &s->reload;
	struct err e = {0};

	r->policies = policies;
	buf_reset(&r->report);
	if (s->phase == PHASE_SERVE)
		(void)notify_reloading(&s->notify, NULL);
	if (may_begin(s))
		s->next = policies ? config_policies(s->config, &r->report, &e)
				   : config_load(
					     s->file, BUNDLE_ALL, true, &s->shared, &r->report, &e);
	if (s->next != NULL) {
		try_next(s);
		return;
	}
	if (e.ref != NULL && strcmp(e.ref, CONFIG_POLICY) == 0)
		metric_add(s->metrics, METRIC_POLICY_RELOADS_FAILED, 1);
	keep_old(s);
}

void
supervisor_reload_begin(struct supervisor *s, long waiter)
{
	struct supervisor_reload *r = &s->reload;

	if (waiter >= 0 && r->n_waiters < ADMIN_CLIENTS)
		r->waiters[r->n_waiters++] = (unsigned)waiter;
	if (r->busy || s->phase == PHASE_START) { /* what is on disk may change meanwhile */
		r->again = true;
		return;
	}
	r->again = false;
	begin(s, false);
}

bool
supervisor_reload_policies(struct supervisor *s)
{
	if (s->reload.busy || s->phase != PHASE_SERVE || old_seat(s) == NULL)
		return false;
	begin(s, !s->reload.stale);
	return true;
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
	/* It comes back with the new bundle, after its job if it has one (supervisor_desk.c). */
	if (s->job.running)
		s->job.stale = true;
	else
		child_drain(indexer);
	if (!r->policies)
		supervisor_net_renew(s);
	forget_refused(s);
	r->done++;
	r->stale = r->policy_stale = false;
	metric_add(s->metrics, METRIC_RELOADS, 1);
	metric_set(s->metrics, METRIC_CONFIG_STALE, 0);
	log_info("reload", r->policies ? "policies" : "done",
		LOG_STR("gate", s->child[SEAT_GATE].status),
		LOG_SPAN("policies", child_said(&s->child[SEAT_GATE], "policy-notes")),
		LOG_SPAN("needs_restart", buf_span(&r->restart)));
	finish(s, true);
}
