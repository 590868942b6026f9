/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A whole reader process, with the test as its supervisor and its indexer. */
#include "agent/base/fdpass.h"
#include "agent/base/scope.h"
#include "agent/bundle.h"
#include "agent/role.h"
#include "tests/unit/check.h"
#include "tests/unit/sanitized.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WITH_TITLE "../shared/data/nexus/psi-sinq/sans2009n012333.hdf"

static const char yaml[] = "facility: F\ncontact: c\npublic_url: https://h\n"
			   "timezone: Europe/Zurich\n"
			   "certificates: [{chain: c, key: k}]\npolicy: {files: p}\n"
			   "roots: [{name: a, path: p, layout: ., pid: x}]\n";

struct reader {
	pid_t pid;
	int control, link;
};

static inline int
memory(const void *p, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	return fd;
}

/* cmocka catches faults to fail a test; in the reader they must end it. */
static inline void
child(int control, int supervisors_end)
{
	static const int faults[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)signal(faults[i], SIG_DFL);
	(void)close(supervisors_end);
	(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	if (control == ROLE_CONTROL_FD || dup2(control, ROLE_CONTROL_FD) == ROLE_CONTROL_FD)
		_exit(role_reader_main(0));
	_exit(99);
}

/* The next control message; its text is copied away. */
static inline enum control_kind
hear(const struct reader *r, uint32_t *number)
{
	static char msg[CONTROL_MESSAGE];
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t nfds = 0;
	struct control c = {0};
	struct pollfd p = {.fd = r->control, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(
		fdpass_recv(r->control, msg, sizeof(msg), &n, fds, &nfds, NULL), FDPASS_OK);
	assert_true(control_read((struct span){msg, n}, true, &c, NULL));
	if (c.kind == CONTROL_REFUSE)
		print_message("    refused: %.*s\n", SPAN_ARG(c.text));
	*number = c.number;
	return c.kind;
}

static inline void
new_link(struct reader *r)
{
	const struct control c = {.kind = CONTROL_LINK, .peer = PROCESS_INDEXER};
	int sv[2];

	if (r->link >= 0)
		(void)close(r->link);
	assert_true(fdpass_pair(sv, false, NULL));
	assert_true(bundle_message(r->control, &c, sv[1], NULL));
	(void)close(sv[1]);
	r->link = sv[0];
}

static inline void
start(struct reader *r)
{
	static const uint64_t epoch = 1;
	static struct bundle b;
	uint32_t number = 0;
	int sv[2];
	int fd = memory(yaml, sizeof(yaml) - 1);
	int fd2 = memory(&epoch, sizeof(epoch));

	b = (struct bundle){.n = 0};
	assert_true(bundle_add(&b, BUNDLE_ALL, "agent.yaml", "/etc/pan/agent.yaml", &fd, NULL));
	assert_true(bundle_add(&b, BUNDLE_ALL, "epoch", "epoch", &fd2, NULL));
	assert_true(fdpass_pair(sv, false, NULL));
	*r = (struct reader){.link = -1, .control = sv[0]};
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0)
		child(sv[1], sv[0]);
	(void)close(sv[1]);
	assert_true(bundle_send(&b, r->control, PROCESS_READER, NULL));
	bundle_fini(&b);
	assert_int_equal(hear(r, &number), CONTROL_READY);
	new_link(r);
}

/* Exit status as wait(2) has it. */
static inline int
end(struct reader *r)
{
	int status = -1;

	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	(void)close(r->link);
	(void)close(r->control);
	return status;
}

static inline int
drain(struct reader *r)
{
	const struct control c = {.kind = CONTROL_DRAIN};

	assert_true(bundle_message(r->control, &c, -1, NULL));
	return end(r);
}

static inline enum fdpass
take(const struct reader *r, struct span *answer)
{
	static char msg[FDPASS_MESSAGE];
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t nfds = 0;

	enum fdpass got = fdpass_recv(r->link, msg, sizeof(msg), &n, fds, &nfds, NULL);
	*answer = (struct span){msg, got == FDPASS_OK ? n : 0};
	return got;
}

static inline enum fdpass
ask(const struct reader *r, const char *question, int fd, struct span *answer)
{
	assert_int_equal(fdpass_send(r->link, span_of(question), &fd, fd >= 0, NULL), FDPASS_OK);
	return take(r, answer);
}

static inline void
must_hold(struct span answer, const char *want)
{
	if (memmem(answer.p, answer.n, want, strlen(want)) == NULL)
		fail_msg("no %s in %.*s", want, SPAN_ARG(answer));
}

/* What a file below /proc/PID says; empty when there is none. */
static inline void
proc(pid_t pid, const char *name, char *text, size_t n)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, text, n - 1) : 0;
	text[got > 0 ? got : 0] = '\0';
}
