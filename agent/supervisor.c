/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor.h"

#include "agent/base/log.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "agent/supervisor_desk.h"
#include "agent/supervisor_link.h"
#include "agent/supervisor_net.h"
#include "agent/supervisor_reload.h"
#include "agent/supervisor_shared.h"
#include "agent/supervisor_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define EPOCH_MS     10000LL /* while an index job runs: every so often */
#define TICK_MS      500LL
#define MESSAGES_MAX 64U     /* of one role in one turn */
#define EXTEND_MS    10000LL /* while draining: every so often */
#define EXTEND_S     30U     /* that much more */
#define LAST_MS      5000LL  /* the roles' time to end, once the front is gone */
#define ROLES_ONCE   (BUNDLE_ROLE(PROCESS_INDEXER) | BUNDLE_ROLE(PROCESS_READER))
#define REPORT_MAX   ((size_t)1 << 20)

void
supervisor_move_epoch(struct supervisor *s)
{
	(void)__atomic_add_fetch(s->epoch, 1, __ATOMIC_SEQ_CST);
	s->moved = s->now;
}

/* ---- starting and ending roles ---- */

static const struct bundle *
bundle_of(const struct supervisor *s, enum seat seat)
{
	if (seat == SEAT_FRONT)
		return &s->boot->bundle;
	return seat == SEAT_NEXT ? &s->next->bundle : &s->config->bundle;
}

void
supervisor_start(struct supervisor *s, enum seat seat)
{
	struct child *c = &s->child[seat];
	struct err e = {0};

	if (child_start(c, bundle_of(s, seat), s->now, &e)) {
		supervisor_link_started(s, seat);
		return;
	}
	log_err(LOG_ERROR, "role", &e);
	if (!child_alive(c) && seat == SEAT_NEXT)
		supervisor_reload_refuse(s);
	else if (!child_alive(c))
		child_again(c, s->now);
}

static void
finish(struct supervisor *s, int code)
{
	s->code = code;
	s->phase = PHASE_LAST;
	s->until = s->now + LAST_MS;
	for (int i = 0; i < SEATS; i++)
		if (s->child[i].state == CHILD_WAITING)
			s->child[i].state = CHILD_NONE;
		else
			child_drain(&s->child[i]);
}

static void
begin_drain(struct supervisor *s)
{
	/* Ours too: a listener lives as long as anybody holds it. */
	listen_close(&s->sockets);
	bundle_drop(&s->boot->bundle, "listen.");
	if (s->phase != PHASE_SERVE || !child_alive(&s->child[SEAT_FRONT])) {
		finish(s, EXIT_OK);
		return;
	}
	log_info("stop", "draining");
	(void)notify_stopping(&s->notify, "draining", NULL);
	s->phase = PHASE_DRAIN;
	s->until = s->now + (long long)s->boot->settings->limits.drain_seconds * 1000 + LAST_MS;
	child_drain(&s->child[SEAT_FRONT]);
}

/* Before everything was ready once: the fault is told on stderr in plain words. */
static void
start_failed(struct supervisor *s, const struct child *c)
{
	struct span report = buf_span(&c->report);

	if (report.n > 0)
		(void)fprintf(stderr, "%.*s%s", SPAN_ARG(report),
			report.p[report.n - 1] == '\n' ? "" : "\n");
	else
		(void)fprintf(stderr, "pan-agentd: the %s ended before it was ready: %s\n",
			process_names[c->what], c->status);
	finish(s, c->code != 0 ? c->code : EXIT_NO);
}

/* A role ended while we serve: back to work, and the log says why it left. */
static void
restart(struct supervisor *s, struct child *c)
{
	if (!c->ordered) {
		log_error("role", "ended; it is started again",
			LOG_STR("which", process_names[c->what]), LOG_U64("slot", c->slot),
			LOG_STR("how", c->status), LOG_SPAN("report", buf_span(&c->report)));
		metric_add(s->metrics, METRIC_ROLE_RESTARTS, 1);
	}
	child_again(c, s->now);
}

static void
on_end(struct supervisor *s, enum seat seat)
{
	struct child *c = &s->child[seat];
	bool retired = seat >= SEAT_OLD && seat < SEAT_READER;

	if (retired) /* what it granted between the reload and the move of the last link */
		supervisor_move_epoch(s);
	if (seat == SEAT_INDEXER && s->job.running) {
		supervisor_desk_job_over(s);
		if (s->once && s->phase <= PHASE_SERVE) {
			start_failed(s, c);
			return;
		}
	}
	if (s->phase == PHASE_DRAIN && seat == SEAT_FRONT)
		finish(s, EXIT_OK);
	else if (s->phase >= PHASE_LAST || retired ||
		 (supervisor_net_is(seat) && !supervisor_net_wanted(s, seat)))
		c->state = CHILD_NONE;
	else if (seat == SEAT_NEXT)
		supervisor_reload_refuse(s);
	else if (s->phase == PHASE_START && !c->ordered)
		start_failed(s, c);
	else
		restart(s, c);
}

/* ---- messages ---- */

static bool
open_sockets(struct supervisor *s, struct err *e)
{
	char name[32];

	if (!listen_open(&s->sockets, s->boot->settings, e))
		return false;
	for (size_t i = 0; i < s->sockets.n; i++) {
		int fd = fcntl(s->sockets.fd[i], F_DUPFD_CLOEXEC, 4);
		(void)snprintf(name, sizeof(name), "listen.%zu", i);
		if (fd < 0)
			return err_set(e, ERR_SYSTEM, NULL, "share a listening socket");
		if (!bundle_add(&s->boot->bundle, BUNDLE_ROLE(PROCESS_FRONT), name, name, &fd, e))
			return false;
	}
	return true;
}

/* The gate has accepted policy and keys: only now are sockets bound. */
static void
start_front(struct supervisor *s)
{
	struct err e = {0};
	char text[400];

	if (open_sockets(s, &e)) {
		supervisor_start(s, SEAT_FRONT);
		return;
	}
	(void)fprintf(stderr, "pan-agentd: %s\n", err_text(&e, text, sizeof(text)));
	finish(s, EXIT_NO);
}

void
supervisor_notify_ready(struct supervisor *s)
{
	char status[600];
	struct err e = {0};

	(void)snprintf(status, sizeof(status), "%s%s",
		supervisor_reload_stale(s) ? "the last reload was refused; " : "",
		s->child[SEAT_GATE].status);
	if (!notify_ready(&s->notify, status, &e))
		log_err(LOG_WARN, "notify", &e);
}

static void
on_serving(struct supervisor *s)
{
	AUTO_BUF where = BUF_INIT(512);

	s->phase = PHASE_SERVE;
	supervisor_watch_renew(s);
	supervisor_notify_ready(s);
	if (s->sockets.n > 0)
		listen_name(s->sockets.fd[0], &where);
	log_info("start", "serving", LOG_SPAN("listen", buf_span(&where)),
		LOG_STR("url", s->boot->settings->public_url),
		LOG_STR("gate", s->child[SEAT_GATE].status));
}

/* Nothing is bound before those that the gate needs are confined and ready. */
static void
start_gate(struct supervisor *s)
{
	if (s->phase == PHASE_START && s->child[SEAT_INDEXER].state == CHILD_READY &&
		supervisor_net_ready(s) && s->child[SEAT_GATE].state == CHILD_NONE)
		supervisor_start(s, SEAT_GATE);
}

static void
on_ready(struct supervisor *s, enum seat seat)
{
	bool start = s->phase == PHASE_START;

	if (seat == SEAT_INDEXER) {
		if (s->once)
			s->phase = PHASE_SERVE; /* readers may end and come back from here on */
		supervisor_desk_job(s);
		start_gate(s);
	} else if (supervisor_net_is(seat)) {
		start_gate(s);
	} else if (seat == SEAT_GATE) {
		supervisor_link_gate(s);
		supervisor_link_helpers(s, seat);
		if (start && s->child[SEAT_FRONT].state == CHILD_NONE)
			start_front(s);
	} else if (seat == SEAT_NEXT) {
		supervisor_link_helpers(s, seat);
		supervisor_reload_accept(s);
	} else if (seat == SEAT_FRONT && start) {
		on_serving(s);
	}
}

static void
on_job_done(struct supervisor *s, int code)
{
	supervisor_desk_job_over(s);
	if (s->once)
		finish(s, code);
}

static void
kill_reader(struct supervisor *s, unsigned slot)
{
	struct child *c = &s->child[SEAT_READER + (slot < 16 ? slot : 0)];

	if (slot >= 16 || !child_alive(c))
		return;
	c->ordered = true;
	child_kill(c);
	metric_add(s->metrics, METRIC_READERS_KILLED, 1);
}

static void
read_messages(struct supervisor *s, enum seat seat)
{
	struct control m = {0};
	struct child *c = &s->child[seat];

	/* A role that floods us gets no more than its share of a turn; poll tells of the rest. */
	for (unsigned i = 0; i < MESSAGES_MAX || c->gone; i++) {
		enum control_kind kind = child_read(c, s->now, &m);
		if (kind == 0)
			return;
		if (kind == CONTROL_READY && c->state == CHILD_READY)
			on_ready(s, seat);
		else if (kind == CONTROL_KILL && seat == SEAT_INDEXER)
			kill_reader(s, m.slot);
		else if (kind == CONTROL_DONE && seat == SEAT_INDEXER)
			on_job_done(s, (int)(m.number & 0xff));
	}
}

static void
serve_children(struct supervisor *s)
{
	for (int i = 0; i < SEATS && s->phase != PHASE_END; i++) {
		struct child *c = &s->child[i];
		bool ended = child_ended(c); /* first: what it said before is read after */
		read_messages(s, (enum seat)i);
		if (ended && c->gone) {
			child_forget(c);
			on_end(s, (enum seat)i);
		}
		if (c->state == CHILD_WAITING && s->now >= c->at && s->phase <= PHASE_DRAIN)
			supervisor_start(s, (enum seat)i);
		child_watch(c, s->now);
	}
}

/* ---- signals and time ---- */

static void
serve_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch ((int)info.ssi_signo) {
		case SIGHUP:
			if (!s->once)
				supervisor_reload_begin(s, -1);
			break;
		case SIGTERM:
		case SIGINT:
			if (s->phase >= PHASE_DRAIN)
				s->phase = PHASE_END; /* the second one */
			else
				begin_drain(s);
			break;
		default: /* SIGCHLD: it woke us */
			break;
		}
	}
}

static bool
anybody_alive(const struct supervisor *s)
{
	for (int i = 0; i < SEATS; i++)
		if (s->child[i].pid > 0)
			return true;
	return false;
}

static void
serve_time(struct supervisor *s)
{
	long long drain = (long long)s->boot->settings->limits.drain_seconds * 1000 + LAST_MS;

	for (int i = SEAT_OLD; i < SEAT_READER; i++)
		if (s->child[i].pid > 0 && s->now - s->child[i].since > drain)
			child_kill(&s->child[i]);
	supervisor_net_tend(s);
	if (s->reload.again && !s->reload.busy && s->phase != PHASE_START)
		supervisor_reload_begin(s, -1);
	/* A long job commits as it goes: what it changed shall not wait for its end. */
	if (s->job.running && s->now - s->moved > EPOCH_MS)
		supervisor_move_epoch(s);
	if (s->phase == PHASE_DRAIN && s->now > s->until)
		finish(s, EXIT_OK);
	if (s->phase == PHASE_LAST && (s->now > s->until || !anybody_alive(s)))
		s->phase = PHASE_END;
}

/* A role that hangs stops the message, and systemd starts the service again. */
static void
serve_watchdog(struct supervisor *s)
{
	bool well = true;

	if (s->phase == PHASE_DRAIN && s->now >= s->extend_at) {
		(void)notify_extend(&s->notify, EXTEND_S, NULL);
		s->extend_at = s->now + EXTEND_MS;
	}
	if (s->notify.watchdog_us == 0 || s->now < s->watchdog_at)
		return;
	for (int i = 0; i < SEATS; i++)
		well = well && child_well(&s->child[i], s->now);
	if (well)
		(void)notify_watchdog(&s->notify, NULL);
	/* Twice as often as asked for: the time until a hung role is killed must fit in between. */
	s->watchdog_at = s->now + (well ? (long long)(s->notify.watchdog_us / 4000) : TICK_MS);
}

static int
next_timeout(const struct supervisor *s)
{
	long long wait = TICK_MS;
	int watch = supervisor_watch_wait(s);

	if (watch >= 0 && watch < wait)
		wait = watch;
	for (int i = 0; i < SEATS; i++)
		if (s->child[i].state == CHILD_WAITING && s->child[i].at - s->now < wait)
			wait = s->child[i].at - s->now;
	if (s->notify.watchdog_us > 0 && s->watchdog_at - s->now < wait)
		wait = s->watchdog_at - s->now;
	return wait < 0 ? 0 : (int)wait;
}

static void
loop(struct supervisor *s)
{
	struct pollfd p[2 + SEATS + 1 + ADMIN_CLIENTS];

	while (s->phase != PHASE_END) {
		p[0] = (struct pollfd){.fd = s->signals, .events = POLLIN};
		for (int i = 0; i < SEATS; i++)
			p[1 + i] = (struct pollfd){.fd = s->child[i].control, .events = POLLIN};
		p[1 + SEATS] = (struct pollfd){.fd = supervisor_watch_fd(s), .events = POLLIN};
		size_t n_admin = s->admin != NULL ? admin_poll(s->admin, p + 2 + SEATS) : 0;
		if (poll(p, 2 + SEATS + n_admin, next_timeout(s)) < 0 && errno != EINTR)
			return;
		s->now = proc_now_ms();
		serve_signals(s);
		serve_children(s);
		if (s->admin != NULL)
			admin_serve(s->admin, p + 2 + SEATS, n_admin, s->now, supervisor_desk, s);
		supervisor_watch_serve(s);
		serve_time(s);
		serve_watchdog(s);
	}
}

/* ---- the whole ---- */

/* Two indexers must never write one catalogue. */
static bool
lock_catalogue(struct supervisor *s, struct err *e)
{
	AUTO_BUF path = BUF_INIT(8192);

	buf_addf(&path, "%s.lock", s->config->settings->catalogue);
	buf_addc(&path, '\0');
	s->lock = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->lock < 0)
		return err_set(e, ERR_SYSTEM, NULL, "open %s", path.p);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	return err_set(e, ERR_DENIED, NULL,
		"another agent holds the catalogue (%s): stop it, or use `pan-agent index`, which "
		"asks "
		"it",
		path.p);
}

static bool
block_signals(struct supervisor *s, struct err *e)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return err_set(e, ERR_SYSTEM, NULL, "block signals");
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals >= 0 || err_set(e, ERR_SYSTEM, NULL, "signalfd");
}

static void
harden(void)
{
	const struct rlimit none = {0, 0};

	(void)umask(027); /* NOLINT(concurrency-mt-unsafe): this process has one thread */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is no reason to end */
}

static struct supervisor *
supervisor_new(const struct supervisor_options *o)
{
	struct supervisor *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->file = o->file;
	s->once = o->job != NULL;
	s->signals = s->lock = -1;
	s->shared = (struct config_shared){-1, -1, -1, -1, -1};
	s->reload.report = (struct buf)BUF_INIT(CONTROL_TEXT_MAX);
	s->reload.restart = (struct buf)BUF_INIT(1024);
	s->job.fd = -1;
	s->job.text = (struct buf)BUF_INIT(sizeof(((struct role_message *)0)->text));
	child_init(&s->child[SEAT_INDEXER], PROCESS_INDEXER, 0);
	child_init(&s->child[SEAT_GATE], PROCESS_GATE, 0);
	child_init(&s->child[SEAT_FRONT], PROCESS_FRONT, 0);
	child_init(&s->child[SEAT_COURIER], PROCESS_COURIER, 0);
	child_init(&s->child[SEAT_MOVER], PROCESS_MOVER, 0);
	for (int i = SEAT_NEXT; i < SEAT_READER; i++)
		child_init(&s->child[i], PROCESS_GATE, 0);
	for (int i = SEAT_READER; i < SEATS; i++)
		child_init(&s->child[i], PROCESS_READER, (unsigned)(i - SEAT_READER));
	return s;
}

static void
supervisor_free(struct supervisor *s)
{
	for (int i = 0; i < SEATS; i++)
		child_fini(&s->child[i]);
	admin_free(s->admin);
	listen_close(&s->sockets);
	if (s->next != s->config)
		config_free(s->next);
	if (s->config != s->boot)
		config_free(s->config);
	config_free(s->boot);
	config_free(s->reload.refused);
	watch_free(s->watch);
	supervisor_shared_close(s);
	notify_fini(&s->notify);
	const int fds[] = {s->signals, s->lock, s->job.fd};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	buf_fini(&s->reload.report);
	buf_fini(&s->reload.restart);
	buf_fini(&s->job.text);
	free(s);
}

/* Everything that can be wrong before a process is started.  0, or the exit status. */
static int
prepare(struct supervisor *s, struct err *e)
{
	AUTO_BUF report = BUF_INIT(REPORT_MAX);

	if (!notify_init(&s->notify, e))
		log_err(LOG_WARN, "notify", e);
	if (!listen_inherit(&s->sockets, e) || !supervisor_shared_open(s, e) ||
		!block_signals(s, e))
		return EXIT_NO;
	s->config = config_load(
		s->file, s->once ? ROLES_ONCE : BUNDLE_ALL, true, &s->shared, &report, e);
	s->boot = s->config;
	if (s->config == NULL) {
		(void)fwrite(report.p, 1, report.n, stderr);
		return EXIT_USAGE;
	}
	if (!s->once && !listen_check(&s->sockets, s->config->settings, e)) {
		(void)fprintf(stderr, "pan-agentd: %s\n", e->msg);
		return EXIT_USAGE;
	}
	log_setup("supervisor", s->config->settings->log_level);
	if (!lock_catalogue(s, e))
		return EXIT_NO;
	if (!s->once && !admin_open(s->config->settings->runtime_dir, &s->admin, e))
		return EXIT_NO;
	return 0;
}

static void
start_first(struct supervisor *s, const struct supervisor_options *o)
{
	s->now = proc_now_ms();
	if (o->job != NULL) {
		buf_adds(&s->job.text, o->job);
		s->job.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 4);
		s->job.waiting = true;
	}
	supervisor_start(s, SEAT_INDEXER);
	supervisor_net_start(s);
	for (unsigned i = 0; i < s->config->settings->readers; i++)
		supervisor_start(s, (enum seat)(SEAT_READER + i));
}

int
supervisor_run(const struct supervisor_options *o)
{
	struct supervisor *s = supervisor_new(o);
	struct err e = {0};
	char text[400];

	harden();
	log_setup("supervisor", LOG_INFO);
	if (s == NULL || (o->job != NULL && strlen(o->job) >= s->job.text.max))
		return EXIT_USAGE;
	int code = prepare(s, &e);
	if (code == 0) {
		start_first(s, o);
		loop(s);
		code = s->code;
	} else if (code != EXIT_USAGE) {
		(void)fprintf(stderr, "pan-agentd: %s\n", err_text(&e, text, sizeof(text)));
	}
	supervisor_free(s);
	return code;
}
