/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: one process of a pool, for strangers' HDF5.  It is handed one descriptor at a time
 * over its link to the indexer, says what the file tells of itself (transfer/reading.h), and holds
 * nothing else: no path, no socket, no key.  A file that makes libhdf5 fault or hang ends this
 * process, and nothing but it; a new one takes its place.
 */
#include "agent/base/log.h"
#include "agent/base/scope.h"
#include "agent/base/zone.h"
#include "agent/role.h"
#include "agent/sandbox.h"
#include "transfer/nexus.h"
#include "transfer/reading.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * What one process serves before it makes room for a fresh one: libhdf5 keeps what broken files
 * left behind.  The seconds are far below RLIMIT_CPU of agent/sandbox.c, so that no file is hit by
 * what others used up.
 */
#define READER_FILES   500U
#define READER_SECONDS 300

struct reader {
	struct role role;
	struct hdf5_library *library;
	struct zone *zone;
	struct nexus_zone nexus_zone;
	int link; /* to the indexer; -1: none now */
	unsigned files;
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
	sigset_t none; /* a mask comes along from the supervisor */
	const char *timezone = rd->role.settings->timezone;

	if (!hdf5_start(&rd->library, &e))
		role_refuse(&rd->role, EXIT_NO, span_of(e.msg));
	if (timezone != NULL && !zone_load(span_of(timezone), &rd->zone, &e))
		log_err(LOG_WARN, "reader.zone", &e);
	if (rd->zone != NULL)
		rd->nexus_zone = (struct nexus_zone){timezone, zone_to_utc, rd->zone};
	/* The default action ends the process: the way out of a file that hangs. */
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

/* One file.  The alarm counts wall time, so it also ends a read from storage that hangs. */
static void
answer(struct reader *rd, int fd)
{
	AUTO_BUF out = BUF_INIT(READING_MAX);
	struct err e = {0};

	(void)alarm(READING_DEADLINE);
	if (!nexus_read(rd->library, fd, &rd->nexus_zone, &out, &e)) {
		buf_reset(&out);
		nexus_write_problem(e.msg, &out);
	}
	(void)alarm(0);
	rd->files++;
	if (!send_answer(rd, buf_span(&out), &e)) {
		log_err(LOG_WARN, "reader.answer", &e);
		drop_link(rd);
	}
}

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
		answer(rd, fds[0]);
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
		if (m.kind == ROLE_DRAIN || m.kind == ROLE_GONE)
			return false;
		if (m.kind != ROLE_LINK || m.peer != PROCESS_INDEXER)
			continue;
		drop_link(rd);
		rd->link = take_fd(&fd);
	}
	return true;
}

static bool
worn_out(const struct reader *rd)
{
	struct rusage used;

	return rd->files >= READER_FILES ||
	       (getrusage(RUSAGE_SELF, &used) == 0 &&
		       used.ru_utime.tv_sec + used.ru_stime.tv_sec >= READER_SECONDS);
}

static int
serve(struct reader *rd)
{
	while (!worn_out(rd)) {
		struct pollfd p[2] = {{.fd = rd->role.control, .events = POLLIN},
			{.fd = rd->link, .events = POLLIN}}; /* -1 is passed over by poll */
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return EXIT_NO;
		}
		if (p[0].revents != 0 && !serve_control(rd))
			return EXIT_OK;
		if (p[1].revents != 0 && p[1].fd == rd->link)
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
	if (!role_start(&rd->role, PROCESS_READER, slot, &e)) {
		log_err(LOG_ERROR, "reader.start", &e);
		free(rd);
		return e.code == ERR_SYNTAX ? EXIT_USAGE : EXIT_NO;
	}
	prepare(rd);
	int code = serve(rd);
	/* No clean-up of libhdf5's memory: broken files may have left it in any state. */
	_exit(code);
}
