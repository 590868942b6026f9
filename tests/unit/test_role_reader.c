/* SPDX-License-Identifier: Apache-2.0 */
/* A whole reader process, with this test as its supervisor and its indexer. */
#include "tests/unit/check.h"

#include "agent/base/fdpass.h"
#include "agent/base/scope.h"
#include "agent/bundle.h"
#include "agent/role.h"
#include "transfer/reading.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WITH_TITLE "../shared/data/nexus/psi-sinq/sans2009n012333.hdf"
#define DEADLY     "../shared/data/malformed/cve-2021-46244.h5"

static const char yaml[] = "facility: F\ncontact: c\npublic_url: https://h\n"
			   "timezone: Europe/Zurich\n"
			   "certificates: [{chain: c, key: k}]\npolicy: {files: p}\n"
			   "roots: [{name: a, path: p, layout: ., pid: x}]\n";

struct reader {
	pid_t pid;
	int control, link;
};

static int
memory(const void *p, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	return fd;
}

/* cmocka catches faults to fail a test; in the reader they must end it. */
static void
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
static enum control_kind
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

static void
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

static void
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
static int
end(struct reader *r)
{
	int status = -1;

	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	(void)close(r->link);
	(void)close(r->control);
	return status;
}

static int
drain(struct reader *r)
{
	const struct control c = {.kind = CONTROL_DRAIN};

	assert_true(bundle_message(r->control, &c, -1, NULL));
	return end(r);
}

static enum fdpass
ask(const struct reader *r, const char *question, int fd, struct span *answer)
{
	static char msg[FDPASS_MESSAGE];
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t nfds = 0;

	assert_int_equal(fdpass_send(r->link, span_of(question), &fd, fd >= 0, NULL), FDPASS_OK);
	enum fdpass got = fdpass_recv(r->link, msg, sizeof(msg), &n, fds, &nfds, NULL);
	*answer = (struct span){msg, got == FDPASS_OK ? n : 0};
	return got;
}

static void
must_hold(struct span answer, const char *want)
{
	if (memmem(answer.p, answer.n, want, strlen(want)) == NULL)
		fail_msg("no %s in %.*s", want, SPAN_ARG(answer));
}

static void
answers_one_file_after_the_other(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD text = memory("not an HDF5 file", 16);
	AUTO_FD empty = memory("", 0);

	(void)state;
	start(&r);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK);
		must_hold(answer, "{\"format\":\"other\",\"problem\":\"not HDF5");
		assert_int_equal(ask(&r, "nexus", empty, &answer), FDPASS_OK);
		must_hold(answer, "{\"format\":\"other\"");
	}
	assert_int_equal(drain(&r), 0);
}

static void
answers_where_nothing_can_be_read(void **state)
{
	struct reader r;
	struct span answer;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	start(&r);
	assert_int_equal(ask(&r, "nexus", ends[0], &answer), FDPASS_OK);
	must_hold(answer, "\"problem\":\"the file cannot be read");
	assert_int_equal(drain(&r), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
closes_the_link_on_another_question(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD text = memory("x", 1);

	(void)state;
	start(&r);
	assert_int_equal(ask(&r, "nexus", -1, &answer), FDPASS_CLOSED); /* no descriptor */
	new_link(&r);
	assert_int_equal(ask(&r, "nexusx", text, &answer), FDPASS_CLOSED);
	new_link(&r);
	assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK); /* and lives on */
	assert_int_equal(drain(&r), 0);
}

static void
answers_pings(void **state)
{
	const struct control ping = {.kind = CONTROL_PING, .number = 4711};
	struct reader r;
	uint32_t number = 0;

	(void)state;
	start(&r);
	assert_true(bundle_message(r.control, &ping, -1, NULL));
	assert_int_equal(hear(&r, &number), CONTROL_PONG);
	assert_int_equal(number, 4711);
	assert_int_equal(drain(&r), 0);
}

static void
ends_with_its_supervisor(void **state)
{
	struct reader r;

	(void)state;
	start(&r);
	(void)close(r.control);
	r.control = -1;
	assert_int_equal(end(&r), 0);
}

static void
makes_room_for_a_fresh_one(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD text = memory("x", 1);

	(void)state;
	start(&r);
	for (int i = 0; i < 500; i++)
		assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK);
	assert_int_equal(end(&r), 0);
}

/* The alarm must end it, also where the supervisor's mask held the signal back. */
static void
an_alarm_ends_it(void **state)
{
	struct reader r;
	sigset_t held;

	(void)state;
	(void)sigemptyset(&held);
	(void)sigaddset(&held, SIGALRM);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &held, NULL), 0);
	start(&r);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &held, NULL), 0);
	assert_int_equal(kill(r.pid, SIGALRM), 0);
	int status = end(&r);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGALRM);
}

static void
takes_times_in_the_facilitys_zone(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD fd = open(WITH_TITLE, O_RDONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0) {
		print_message("    skipped: no " WITH_TITLE "\n");
		skip();
	}
	start(&r);
	assert_int_equal(ask(&r, "nexus", fd, &answer), FDPASS_OK);
	must_hold(answer, "\"title\":\"High pressure experiments on vesicles\"");
	must_hold(answer, "\"start_time\":\"2009-09-13T18:55:37Z\""); /* summer time: two hours */
	must_hold(answer, "\"start_zone\":\"assumed\"");
	must_hold(answer, "taken as Europe/Zurich");
	assert_int_equal(drain(&r), 0);
}

static void
dies_of_a_deadly_file_alone(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD fd = open(DEADLY, O_RDONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0) {
		print_message("    skipped: no " DEADLY "\n");
		skip();
	}
	start(&r);
	assert_int_equal(ask(&r, "nexus", fd, &answer), FDPASS_CLOSED);
	assert_int_not_equal(end(&r), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_one_file_after_the_other),
		cmocka_unit_test(answers_where_nothing_can_be_read),
		cmocka_unit_test(closes_the_link_on_another_question),
		cmocka_unit_test(answers_pings),
		cmocka_unit_test(ends_with_its_supervisor),
		cmocka_unit_test(makes_room_for_a_fresh_one),
		cmocka_unit_test(an_alarm_ends_it),
		cmocka_unit_test(takes_times_in_the_facilitys_zone),
		cmocka_unit_test(dies_of_a_deadly_file_alone),
	};
	(void)alarm(120); /* a reader that does not answer fails this, instead of hanging it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
