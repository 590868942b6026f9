/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: questions in, decisions, grants and audit records out.  One thread for each front
 * worker, so that no question waits for another worker's; the main thread keeps the control socket
 * and the link to the courier, and flushes the audit log.
 */
#include "agent/role.h"

#include "agent/base/crypto.h"
#include "agent/base/log.h"
#include "agent/base/metric.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "agent/base/zone.h"
#include "agent/control.h"
#include "agent/gate.h"
#include "agent/gate_audit.h"
#include "agent/gate_batch.h"
#include "agent/gate_courier.h"
#include "agent/gate_indexer.h"
#include "agent/gate_job.h"
#include "agent/gate_ledger.h"
#include "agent/gate_mover.h"
#include "agent/gate_policies.h"
#include "agent/gate_refused.h"
#include "agent/gate_view.h"
#include "agent/sandbox.h"
#include "agent/session.h"
#include "agent/trusted_time.h"
#include "policy/audit_record.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GATE_THREADS 64U
#define TICK_MS      1000
#define METRICS_MAX  CONTROL_TEXT_MAX
#define JOB_ANSWER   (64UL * 1024)

struct gate_seat {
	pthread_t thread;
	struct gate_desk desk;
	int link;      /* to the worker; the thread owns it */
	int wake;      /* eventfd, made once for each seat: something was reported; -1: none yet */
	size_t parked; /* atomic: how many of its questions wait for a report */
	uint64_t *epoch;
	bool started; /* there is a thread to join; only the main thread looks */
	bool running; /* atomic: the thread clears it last */
};

struct gate_role {
	struct role role;
	struct gate gate;
	struct gate_courier *courier;
	struct gate_audit audit;
	struct span *mentioned; /* gate.mentioned */
	uint64_t keys_changed;
	struct buf notes;      /* of lint */
	char tzdata[16];       /* zone_version */
	bool held;             /* the supervisor knows that the clock is ahead of policy's time */
	struct buf told;       /* the last token metrics that the supervisor has */
	struct gate_desk desk; /* of the main thread, for the administrator's jobs */
	struct gate_seat seats[GATE_THREADS];
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- one worker's thread ---- */

static void *
seat_main(void *arg)
{
	struct gate_seat *s = arg;
	struct gate_batch *b = NULL;
	struct err e = {0};
	bool open = gate_batch_new(&s->desk, s->link, s->epoch, &b, &e);

	if (!open)
		log_err(LOG_ERROR, "link", &e);
	while (open) {
		/*
		 * Counted before gate_batch_wait has them looked at again: a report that comes
		 * before that look is seen by it, and one that comes later finds the count.
		 */
		__atomic_store_n(&s->parked, gate_batch_parked(b), __ATOMIC_SEQ_CST);
		if (gate_batch_wait(b, s->wake))
			open = gate_batch_serve(b);
	}
	gate_batch_free(b);
	(void)close(s->link);
	gate_desk_fini(&s->desk);
	__atomic_store_n(&s->running, false, __ATOMIC_RELEASE);
	return NULL;
}

/* Something was reported: who waits looks whether it is for him. */
static void
wake_seats(struct gate_role *g)
{
	for (size_t i = 0; i < GATE_THREADS; i++) {
		struct gate_seat *s = &g->seats[i];
		if (s->wake >= 0 && __atomic_load_n(&s->parked, __ATOMIC_SEQ_CST) > 0)
			(void)eventfd_write(s->wake, 1);
	}
}

/* ---- the role ---- */

static void
seat_join(struct gate_seat *s)
{
	if (s->started)
		(void)pthread_join(s->thread, NULL);
	s->started = false;
}

static bool
seat_worker(struct gate_role *g, int *link, struct err *e)
{
	struct gate_seat *s = NULL;

	for (size_t i = 0; i < GATE_THREADS && s == NULL; i++) {
		struct gate_seat *at = &g->seats[i];
		if (__atomic_load_n(&at->running, __ATOMIC_ACQUIRE))
			continue;
		seat_join(at);
		s = at;
	}
	if (s == NULL)
		return err_set(e, ERR_LIMIT, NULL, "more than %u front workers", GATE_THREADS);
	*s = (struct gate_seat){.link = -1, .wake = s->wake};
	if (s->wake < 0)
		s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not make an eventfd");
	if (!gate_desk_init(&s->desk, &g->gate, e)) {
		gate_desk_fini(&s->desk);
		return false;
	}
	s->desk.metrics = metric_stripe(g->role.metrics, 64 + (unsigned)(s - g->seats));
	s->link = take_fd(link);
	s->epoch = g->role.epoch_rw;
	s->running = true;
	s->started = pthread_create(&s->thread, NULL, seat_main, s) == 0;
	if (s->started)
		return true;
	s->running = false;
	(void)close(s->link);
	gate_desk_fini(&s->desk);
	return err_set(e, ERR_SYSTEM, NULL, "could not start a thread");
}

static bool
load_policies(struct gate_role *g, struct buf *report, struct err *e)
{
	zone_version(g->tzdata);
	if (!gate_policies_load(&g->role, report, &g->gate.policies, e) ||
		!gate_policies_lint(&g->role, g->gate.policies, &g->notes, report, e))
		return false;
	return audit_record_mentioned(g->gate.policies, &g->mentioned, &g->gate.n_mentioned) ||
	       err_set(e, ERR_LIMIT, NULL, "no memory");
}

static bool
load_issuers(struct gate_role *g, struct buf *report, struct err *e)
{
	const struct settings *s = g->role.settings;
	struct span keys[64] = {{NULL, 0}};
	char name[32];

	if (s->n_issuers > sizeof(keys) / sizeof(keys[0]))
		return err_set(e, ERR_LIMIT, NULL, "more than 64 issuers");
	for (size_t i = 0; i < s->n_issuers; i++) {
		(void)snprintf(name, sizeof(name), "jwks.%zu", i);
		if (role_file(&g->role, name) != NULL && !role_text(&g->role, name, &keys[i], e))
			return false;
	}
	struct auth_texts texts = {.jwks = keys};
	const struct role_file *replay = role_file(&g->role, "replay");
	if (replay != NULL)
		texts.replay = replay->fd;
	if (role_file(&g->role, "accounts") != NULL &&
		!role_text(&g->role, "accounts", &texts.accounts, e))
		return false;
	return auth_load(s, &texts, NULL, report, &g->gate.auth, e);
}

/* The time of policy and of the audit log: not before what an earlier gate has seen. */
static int64_t
policy_ms(const struct gate_role *g)
{
	return gate_time_ms(&g->gate, now_ms());
}

static bool
open_audit(struct gate_role *g, struct err *e)
{
	static const enum audit_sync sync[] = {[SYNC_ALWAYS] = AUDIT_SYNC_ALWAYS,
		[SYNC_SECOND] = AUDIT_SYNC_SECOND,
		[SYNC_NEVER] = AUDIT_SYNC_NEVER};
	const struct role_file *log = role_file(&g->role, "audit");
	const struct role_file *dir = role_file(&g->role, "audit.dir");
	char id[AUDIT_ID_LEN];

	if (log == NULL)
		return err_set(e, ERR_ABSENT, NULL, "no audit log was handed over");
	int fd = log->fd;
	const struct audit_place at =
		gate_audit_place(g->role.settings, dir != NULL ? dir->fd : -1);
	if (!trusted_time_new(at.dir, &g->gate.time, e) ||
		!audit_open(
			&fd, &at, "gate", sync[g->role.settings->audit_fsync], &g->gate.audit, e))
		return false;
	gate_audit_init(&g->audit, g->gate.audit, &at, g->gate.policies, g->role.metrics);
	/* The month's key now, while a failure can still be told. */
	return audit_subject_id(g->gate.audit, SPAN("-"), SPAN("-"), policy_ms(g) / 1000, id, e);
}

/* The last step: with the record of it, this gate's policies are in force. */
static bool
begin(struct gate_role *g, struct err *e)
{
	const struct gate_policies_start x = {.set = g->gate.policies,
		.audit = g->gate.audit,
		.catalog = g->desk.catalog,
		.now_ms = policy_ms(g),
		.notes = buf_span(&g->notes),
		.tzdata = g->tzdata};

	return gate_policies_begin(&g->role, &x, e);
}

/* What people did; a file that is not there any more must not be missed in silence. */
static bool
open_ledger(struct gate_role *g, struct err *e)
{
	const char *path = g->role.settings->ledger;
	bool there = access(path, F_OK) == 0;

	if (!gate_ledger_open(path, g->gate.audit, g->role.epoch_rw, &g->gate.ledger, e))
		return false;
	if (!there)
		log_warn("ledger",
			"a new ledger was made: if there was one before, stop the agent and put it "
			"back, or withdrawals, holds and longer embargoes are forgotten",
			LOG_STR("file", path));
	return true;
}

/* Where browsers' logins stand; without it nobody can log in with one. */
static bool
open_sessions(struct gate_role *g, struct err *e)
{
	const struct role_file *f = role_file(&g->role, "sessions");
	const struct session_rules rules = {
		.idle = g->role.settings->session_idle, .max = g->role.settings->session_max};

	return f == NULL || session_open(f->fd, &rules, &g->gate.sessions, e);
}

static bool
open_roots(struct gate_role *g, struct err *e)
{
	const struct settings *s = g->role.settings;
	char name[32];

	g->gate.roots = calloc(s->n_roots + 1, sizeof(int));
	if (g->gate.roots == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	for (size_t i = 0; i < s->n_roots; i++) {
		(void)snprintf(name, sizeof(name), "root.%zu", i);
		const struct role_file *f = role_file(&g->role, name);
		if (f == NULL)
			return err_set(e, ERR_ABSENT, NULL, "data root %s was not handed over",
				s->roots[i].name);
		g->gate.roots[i] = f->fd;
	}
	return true;
}

static void
refuse(struct gate_role *g, int code, struct buf *report, const struct err *e)
{
	char text[400];

	if (report->n == 0)
		buf_addf(report, "pan-agentd: gate: %s\n", err_text(e, text, sizeof(text)));
	role_refuse(&g->role, code, buf_span(report));
}

/* What is worth knowing and no reason to refuse: dropped keys, an issuer without keys. */
static void
warn(struct buf *report)
{
	struct span rest = buf_span(report);

	while (rest.n > 0)
		log_warn("config", "accepted with a warning",
			LOG_SPAN("line", span_cut(&rest, '\n')));
	buf_reset(report);
}

/* Everything that opens a file or starts a library happens here, before confinement. */
static void
prepare(struct gate_role *g)
{
	struct err e = {0};
	char missing[256] = "";
	AUTO_BUF report = BUF_INIT(64UL * 1024);

	g->gate.settings = g->role.settings;
	g->gate.epoch = g->role.epoch;
	g->gate.metrics = g->role.metrics;
	/* Policies and issuers both, so that all faults are told at once. */
	bool policies = load_policies(g, &report, &e);
	if (!policies && gate_policies_reloading(&g->role))
		metric_add(g->role.metrics, METRIC_POLICY_RELOADS_FAILED, 1);
	g->gate.mentioned = g->mentioned;
	bool issuers = crypto_prepare(&e) && load_issuers(g, &report, &e);
	if (!policies || !issuers || !open_roots(g, &e) ||
		!crypto_random(g->gate.rate_key, sizeof(g->gate.rate_key), &e))
		refuse(g, EXIT_CONFIG, &report, &e);
	warn(&report);
	struct catalog *probe = NULL;
	if (!catalog_open(g->role.settings->catalogue, &probe, &e))
		refuse(g, EXIT_CONFIG, &report, &e);
	if (catalog_is_snapshot(probe))
		log_warn("catalogue",
			"read as a snapshot: no indexer holds it open, news come after a restart");
	gate_view_missing(g->gate.policies, probe);
	catalog_close(probe);
	if (!open_sessions(g, &e) || !open_audit(g, &e) || !open_ledger(g, &e) ||
		!gate_desk_init(&g->desk, &g->gate, &e) ||
		!gate_refused_new(&g->gate.refused, &e) ||
		!gate_courier_new(g->gate.auth, &g->courier, &e) ||
		!gate_indexer_new(&g->gate.indexer, &e) ||
		!gate_mover_new(g->gate.audit, g->role.metrics, &g->gate.mover, &e))
		refuse(g, EXIT_CONFIG, &report, &e);
	/* A gate before this one may have ended between an event and its step. */
	(void)__atomic_add_fetch(g->role.epoch_rw, 1, __ATOMIC_SEQ_CST);
	if (!sandbox_enter(&g->role, missing, sizeof(missing), &e))
		refuse(g, EXIT_SANDBOX, &report, &e);
	if (!begin(g, &e))
		refuse(g, EXIT_CONFIG, &report, &e);
	if (missing[0] != '\0')
		log_warn("sandbox", "not confined as it should be", LOG_STR("missing", missing));
}

static bool
busy(struct gate_role *g)
{
	for (size_t i = 0; i < GATE_THREADS; i++)
		if (__atomic_load_n(&g->seats[i].running, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

static void
take_link(struct gate_role *g, struct role_message *m)
{
	struct err e = {0};

	if (m->peer == PROCESS_COURIER)
		gate_courier_link(g->courier, &m->fd);
	else if (m->peer == PROCESS_INDEXER)
		gate_indexer_link(g->gate.indexer, &m->fd);
	else if (m->peer == PROCESS_MOVER)
		gate_mover_link(g->gate.mover, &m->fd);
	else if (!seat_worker(g, &m->fd, &e))
		log_err(LOG_ERROR, "link", &e);
	scope_close(&m->fd);
}

/* Small enough for the socket's buffer; a reader that is slow is none. */
static void
answer_job(int fd, struct span text)
{
	if (fd >= 0 && send(fd, text.p, text.n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)text.n)
		log_warn("job", "whoever asked for it is gone");
}

/* What the administrator has recorded: gate_job.h. */
static void
do_job(struct gate_role *g, struct role_message *m)
{
	AUTO_BUF out = BUF_INIT(JOB_ANSWER);

	gate_job_run(&g->desk, (struct span){m->text, m->n_text}, policy_ms(g), &out);
	answer_job(m->fd, buf_span(&out));
	scope_close(&m->fd);
}

/* False: time to go. */
static bool
control(struct gate_role *g, bool *draining)
{
	struct role_message m;

	while (role_next(&g->role, &m)) {
		switch (m.kind) {
		case ROLE_LINK:
			take_link(g, &m);
			break;
		case ROLE_DRAIN:
			*draining = true;
			break;
		case ROLE_JOB:
			do_job(g, &m);
			break;
		case ROLE_GONE:
			return false;
		}
	}
	return !*draining || busy(g);
}

/* What waits for people: nobody is mailed, so that this can be watched. */
static void
write_waiting(struct gate_role *g, struct buf *out)
{
	uint64_t n = 0;

	if (g->gate.ledger != NULL && gate_ledger_waiting(g->gate.ledger, &n, NULL))
		buf_addf(out,
			"# HELP pan_access_requests_open Requests for access that wait for an "
			"answer.\n# TYPE pan_access_requests_open gauge\n"
			"pan_access_requests_open %llu\n",
			(unsigned long long)n);
}

/* Refusals by issuer and reason (LOG-3), and what waits, when there is news. */
static void
tell_metrics(struct gate_role *g)
{
	struct err e = {0};
	AUTO_BUF text = BUF_INIT(METRICS_MAX);

	auth_write_metrics(g->gate.auth, &text);
	write_waiting(g, &text);
	if (!buf_ok(&text) || span_eq(buf_span(&text), buf_span(&g->told)))
		return;
	buf_reset(&g->told);
	buf_add(&g->told, buf_span(&text));
	if (!role_report(&g->role, "token-metrics", buf_span(&text), &e))
		log_err(LOG_ERROR, "link", &e);
}

/* The threads of workers that are gone: what they were woken by goes too. */
static void
sweep(struct gate_role *g)
{
	for (size_t i = 0; i < GATE_THREADS; i++) {
		struct gate_seat *s = &g->seats[i];
		if (__atomic_load_n(&s->running, __ATOMIC_ACQUIRE))
			continue;
		seat_join(s);
		if (s->wake >= 0)
			(void)close(take_fd(&s->wake));
	}
}

/* Only somebody's reload may confirm a clock that stepped ahead, not one by a changed file. */
static void
tell_held(struct gate_role *g)
{
	bool held = now_ms() - policy_ms(g) > TRUSTED_STEP_MS;
	struct err e = {0};

	if (held == g->held)
		return;
	g->held = held;
	if (!role_report(&g->role, "clock", held ? SPAN(ROLE_CLOCK_HELD) : SPAN("good"), &e))
		log_err(LOG_ERROR, "link", &e);
}

/* What there is to do once a second. */
static void
tick(struct gate_role *g)
{
	sweep(g);
	gate_audit_clock(&g->audit, g->gate.time);
	tell_held(g);
	gate_refused_tell(g->gate.refused, g->gate.audit, g->role.metrics, policy_ms(g), false);
	gate_audit_tick(&g->audit, policy_ms(g));
	metric_set(
		g->role.metrics, METRIC_TOKEN_CACHE_HITS, (int64_t)auth_cache_hits(g->gate.auth));
	tell_metrics(g);
}

/* What the front keeps was granted to tokens of keys that may be withdrawn now: it asks again. */
static void
end_grants(struct gate_role *g)
{
	uint64_t changed = auth_keys_changed(g->gate.auth);

	if (changed != g->keys_changed)
		(void)__atomic_add_fetch(g->role.epoch_rw, 1, __ATOMIC_SEQ_CST);
	g->keys_changed = changed;
}

static void
serve(struct gate_role *g)
{
	bool draining = false;
	int64_t next = proc_now_ms() + TICK_MS;

	while (control(g, &draining)) {
		struct pollfd p[4] = {{.fd = g->role.control, .events = POLLIN},
			{.fd = gate_courier_fd(g->courier), .events = POLLIN},
			{.fd = gate_indexer_fd(g->gate.indexer), .events = POLLIN},
			{.fd = gate_mover_fd(g->gate.mover), .events = POLLIN}};
		int64_t wait = next - proc_now_ms();
		int n = poll(p, 4, wait > 0 ? (int)wait : 0);
		if (n > 0 && p[2].revents != 0 && gate_indexer_serve(g->gate.indexer))
			wake_seats(g);
		if (n > 0 && p[1].revents != 0 && gate_courier_serve(g->courier, now_ms())) {
			end_grants(g);
			wake_seats(g);
		}
		if (n > 0 && p[3].revents != 0)
			gate_mover_serve(g->gate.mover, policy_ms(g));
		if (proc_now_ms() < next)
			continue;
		next = proc_now_ms() + TICK_MS;
		tick(g);
	}
}

static struct gate_role *
role_new(void)
{
	struct gate_role *g = calloc(1, sizeof(*g));

	for (size_t i = 0; g != NULL && i < GATE_THREADS; i++)
		g->seats[i].wake = -1;
	if (g != NULL)
		g->told.max = g->notes.max = METRICS_MAX;
	return g;
}

int
role_gate_main(unsigned slot)
{
	struct gate_role *g = role_new();
	struct err e = {0};
	char status[128];

	log_setup("gate", LOG_INFO);
	if (g == NULL || !role_start(&g->role, PROCESS_GATE, slot, &e)) {
		log_err(LOG_ERROR, "start", &e);
		return EXIT_NO;
	}
	log_setup("gate", g->role.settings->log_level);
	prepare(g);
	(void)snprintf(status, sizeof(status), "%zu policies, %zu issuers",
		policy_set_count(g->gate.policies), g->role.settings->n_issuers);
	if (!role_ready(&g->role, status, &e))
		return EXIT_NO;
	serve(g);
	/* With the supervisor gone some may run on, until the exit. */
	for (size_t i = 0; i < GATE_THREADS; i++)
		if (!__atomic_load_n(&g->seats[i].running, __ATOMIC_ACQUIRE))
			seat_join(&g->seats[i]);
	gate_refused_tell(g->gate.refused, g->gate.audit, g->role.metrics, policy_ms(g), true);
	(void)trusted_time_keep(g->gate.time, true, NULL);
	gate_audit_end(&g->audit, policy_ms(g));
	return EXIT_OK;
}
