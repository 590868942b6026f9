/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: one process of a pool, for strangers' HDF5.  It is handed one descriptor at a time
 * over its link to the indexer, and holds nothing else: no path, no socket, no key.  It parses
 * nothing of a file itself.  For each it forks a child, which holds that one descriptor and a pipe,
 * confines itself further, says what the file tells of itself (transfer/reading.h), and is gone
 * before the next file comes: a file that takes over its child, makes libhdf5 fault or hang, meets
 * no other file and costs no other one anything.
 */
#include "agent/base/log.h"
#include "agent/base/scope.h"
#include "agent/base/zone.h"
#include "agent/role.h"
#include "agent/sandbox.h"
#include "transfer/nexus.h"
#include "transfer/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct reader {
	struct role role;
	struct hdf5_library *library;
	struct zone *zone;
	struct nexus_zone nexus_zone;
	int link;     /* to the indexer; -1: none now */
	pid_t child;  /* 0: none; at most one */
	int from;     /* what the child writes */
	bool wanted;  /* by the indexer that asked: its link is still there */
	bool drained; /* no new work */
	size_t n;
	char answer[READING_MAX + 1]; /* of this child; wiped before the next one sees our memory */
};

/*
 * Civil time of the facility to UTC.  The offset is asked twice, since it is known by instants of
 * UTC: at the civil time as if it were UTC, then at what that gives.  In the hour that a clock
 * skips there is no moment; in the hour that it repeats, either answer is right.
 */
static bool
zone_to_utc(const void *zone, int64_t civil, int64_t *ret)
{
	int64_t guess = civil - zone_offset(zone, civil, NULL);
	int64_t utc = civil - zone_offset(zone, guess, NULL);

	if (utc + zone_offset(zone, utc, NULL) != civil)
		return false;
	*ret = utc;
	return true;
}

/* Everything that opens a file: the library, the time zone; then the door is closed. */
static void
prepare(struct reader *rd)
{
	struct err e = {0};
	char missing[256];
	char status[320];
	sigset_t none; /* a mask comes along from the supervisor, and would go on to the child */
	const char *timezone = rd->role.settings->timezone;

	if (!hdf5_start(&rd->library, &e))
		role_refuse(&rd->role, EXIT_NO, span_of(e.msg));
	if (timezone != NULL && !zone_load(span_of(timezone), &rd->zone, &e))
		log_err(LOG_WARN, "reader.zone", &e);
	if (rd->zone != NULL)
		rd->nexus_zone = (struct nexus_zone){timezone, zone_to_utc, rd->zone};
	/* The default action ends the child: the way out of a file that hangs. */
	(void)signal(SIGALRM, SIG_DFL);
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	if (!sandbox_enter(&rd->role, missing, sizeof(missing), &e))
		role_refuse(&rd->role, EXIT_SANDBOX, span_of(e.msg));
	if (missing[0] != '\0')
		log_warn("sandbox.missing", "confined in part", LOG_STR("missing", missing));
	(void)snprintf(status, sizeof(status), "confined%s%s",
		missing[0] != '\0' ? ", but without: " : "", missing);
	if (!role_ready(&rd->role, status, &e)) {
		log_err(LOG_ERROR, "reader.ready", &e);
		exit(EXIT_NO); /* NOLINT(concurrency-mt-unsafe): there is one thread */
	}
}

static void
drop_link(struct reader *rd)
{
	if (rd->link >= 0)
		(void)close(take_fd(&rd->link));
	rd->wanted = false;
}

/* Waits while the indexer has not taken what came before; false: it is gone. */
static bool
send_answer(const struct reader *rd, struct span answer, struct err *e)
{
	for (;;) {
		struct pollfd p = {.fd = rd->link, .events = POLLOUT};
		enum fdpass sent = fdpass_send(rd->link, answer, NULL, 0, e);
		if (sent != FDPASS_AGAIN)
			return sent == FDPASS_OK;
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return err_set(e, ERR_SYSTEM, NULL, "wait for the indexer");
	}
}

static void
reply(struct reader *rd, struct span text)
{
	struct err e = {0};

	if (!rd->wanted)
		return; /* that question went with its link */
	rd->wanted = false;
	if (!send_answer(rd, text, &e)) {
		log_err(LOG_WARN, "reader.answer", &e);
		drop_link(rd);
	}
}

static void
reply_death(struct reader *rd, const char *died, const char *problem)
{
	AUTO_BUF out = BUF_INIT(READING_MAX);

	nexus_write_death(died, problem, &out);
	reply(rd, buf_span(&out));
}

/* ---- the child: what may happen here is up to the file ---- */

/* All but the two: the sockets, and standard error too, so that no file can write to the log. */
static void
close_but(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b);
	unsigned high = (unsigned)(a < b ? b : a);

	if (low > 0)
		(void)close_range(0, low - 1, 0);
	if (high > low + 1)
		(void)close_range(low + 1, high - 1, 0);
	(void)close_range(high + 1, ~0U, 0);
}

/* The alarm counts wall time, so it also ends a read from storage that hangs. */
static _Noreturn void
child(const struct reader *rd, int file, int out)
{
	struct buf answer = BUF_INIT(READING_MAX);
	struct err e = {0};

	(void)alarm(READING_DEADLINE);
	close_but(file, out);
	if (!sandbox_enter_child(&rd->role, &e))
		_exit(EXIT_SANDBOX);
	if (!nexus_read(rd->library, file, &rd->nexus_zone, &answer, &e)) {
		buf_reset(&answer);
		nexus_write_problem(e.msg, &answer);
	}
	/* A pipe takes this at once: 64 KiB. */
	bool ok = write(out, answer.p, answer.n) == (ssize_t)answer.n;
	/* No clean-up of libhdf5's memory: a broken file may have left it in any state. */
	_exit(ok ? EXIT_OK : EXIT_NO);
}

static void
child_start(struct reader *rd, int file)
{
	int ends[2];

	rd->wanted = true;
	rd->n = 0;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		reply_death(rd, READING_UNREAD, "no pipe could be had to read it");
		return;
	}
	pid_t pid = fork();
	if (pid == 0)
		child(rd, file, ends[1]);
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		reply_death(rd, READING_UNREAD, "no process could be had to read it");
		return;
	}
	rd->child = pid;
	rd->from = ends[0];
}

static const char *
signal_name(int number)
{
	static const struct {
		int number;
		const char *name; /* one of READING_SIGNALS */
	} names[] = {{SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"},
		{SIGILL, "SIGILL"}, {SIGKILL, "SIGKILL"}, {SIGPIPE, "SIGPIPE"},
		{SIGSEGV, "SIGSEGV"}, {SIGSYS, "SIGSYS"}, {SIGTRAP, "SIGTRAP"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == number)
			return names[i].name;
	return "another end";
}

/* It ended without an answer: by what, as wait(2) has it. */
static void
child_died(struct reader *rd, int status)
{
	char problem[80];
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	const char *died = signal_name(number);

	if (number == SIGALRM || number == SIGXCPU) {
		died = READING_LATE;
		(void)snprintf(problem, sizeof(problem), "its reader was not done in %u s",
			READING_DEADLINE);
	} else {
		(void)snprintf(problem, sizeof(problem), "its reader died of %s", died);
	}
	log_warn("reader.died", "a file ended its reader", LOG_STR("how", died));
	reply_death(rd, died, problem);
}

/*
 * Its end of the pipe is closed.  Who closes that and lives on is waited for until its alarm, which
 * it cannot put off.
 */
static void
child_end(struct reader *rd)
{
	int status = 0;

	(void)close(take_fd(&rd->from));
	while (waitpid(rd->child, &status, 0) < 0 && errno == EINTR)
		;
	rd->child = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SANDBOX) {
		log_error("sandbox.missing", "a child could not be confined: the file is not read");
		reply_death(rd, READING_UNREAD, "its reader could not be confined");
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_OK) {
		child_died(rd, status);
	} else if (rd->n == 0 || rd->n > READING_MAX) {
		child_died(rd, 0);
	} else {
		reply(rd, (struct span){rd->answer, rd->n});
	}
	explicit_bzero(rd->answer, sizeof(rd->answer));
	rd->n = 0;
}

/* Bytes that nobody here looks at. */
static void
child_hear(struct reader *rd)
{
	ssize_t n = read(rd->from, rd->answer + rd->n, sizeof(rd->answer) - rd->n);

	if (n < 0 && errno == EINTR)
		return;
	if (n > 0)
		rd->n += (size_t)n;
	if (n <= 0 || rd->n > READING_MAX)
		child_end(rd);
}

/* ---- the two sockets ---- */

/* The indexer asked, or went away. */
static void
serve_link(struct reader *rd)
{
	char question[16];
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t nfds = 0;
	struct err e = {0};

	enum fdpass got = fdpass_recv(rd->link, question, sizeof(question), &n, fds, &nfds, &e);
	if (got == FDPASS_AGAIN)
		return;
	bool fair = got == FDPASS_OK && nfds == 1 && span_is((struct span){question, n}, "nexus");
	if (fair)
		child_start(rd, fds[0]);
	else if (got != FDPASS_CLOSED)
		log_warn("reader.question", "not a question for a reader: the link is closed");
	for (size_t i = 0; got == FDPASS_OK && i < nfds; i++)
		(void)close(fds[i]);
	if (!fair)
		drop_link(rd);
}

/* False: the end of this process. */
static bool
serve_control(struct reader *rd)
{
	struct role_message m;

	while (role_next(&rd->role, &m)) {
		AUTO_FD fd = m.fd;
		if (m.kind == ROLE_GONE)
			return false; /* the child ends with us */
		rd->drained = rd->drained || m.kind == ROLE_DRAIN;
		if (m.kind != ROLE_LINK || m.peer != PROCESS_INDEXER)
			continue;
		drop_link(rd);
		rd->link = take_fd(&fd);
	}
	return true;
}

static int
serve(struct reader *rd)
{
	while (!rd->drained || rd->child != 0) {
		/* One file at a time: the next question waits.  poll passes over -1. */
		struct pollfd p[3] = {{.fd = rd->role.control, .events = POLLIN},
			{.fd = rd->from, .events = POLLIN},
			{.fd = rd->child == 0 ? rd->link : -1, .events = POLLIN}};
		if (poll(p, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return EXIT_NO;
		}
		if (p[0].revents != 0 && !serve_control(rd))
			return EXIT_OK;
		if (p[1].revents != 0)
			child_hear(rd);
		if (p[2].revents != 0 && p[2].fd == rd->link && !rd->drained)
			serve_link(rd);
	}
	return EXIT_OK;
}

int
role_reader_main(unsigned slot)
{
	struct err e = {0};
	/* For the life of the process; too large for a stack that a library shares. */
	struct reader *rd = calloc(1, sizeof(*rd));

	if (rd == NULL)
		return EXIT_NO;
	rd->link = -1;
	rd->from = -1;
	if (!role_start(&rd->role, PROCESS_READER, slot, &e)) {
		log_err(LOG_ERROR, "reader.start", &e);
		free(rd);
		return e.code == ERR_SYNTAX ? EXIT_USAGE : EXIT_NO;
	}
	prepare(rd);
	_exit(serve(rd));
}
