/* SPDX-License-Identifier: Apache-2.0 */
/* A whole reader process, with this test as its supervisor and its indexer. */
#include "tests/unit/check.h"

#include "agent/base/fdpass.h"
#include "agent/base/scope.h"
#include "agent/bundle.h"
#include "agent/catalog/reading.h"
#include "agent/role.h"
#include "transfer/reading.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

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

static enum fdpass
ask(const struct reader *r, const char *question, int fd, struct span *answer)
{
	assert_int_equal(fdpass_send(r->link, span_of(question), &fd, fd >= 0, NULL), FDPASS_OK);
	return take(r, answer);
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

/* Open descriptors of a process. */
static unsigned
descriptors(pid_t pid)
{
	char path[64];
	unsigned n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	AUTO_DIR d = opendir(path);
	assert_non_null(d);
	for (const struct dirent *x = readdir(d); x != NULL; x = readdir(d))
		n += x->d_name[0] != '.';
	return n;
}

/* What a file below /proc/PID says; empty when there is none. */
static void
proc(pid_t pid, const char *name, char *text, size_t n)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, text, n - 1) : 0;
	text[got > 0 ? got : 0] = '\0';
}

static pid_t
child_of(pid_t pid)
{
	char name[64];
	char text[64];

	(void)snprintf(name, sizeof(name), "task/%d/children", (int)pid);
	proc(pid, name, text, sizeof(text));
	char *rest = NULL;
	pid_t child = (pid_t)strtol(text, &rest, 10);
	assert_int_equal(strtol(rest, NULL, 10), 0); /* never two */
	return child;
}

static bool
is_confined(pid_t pid)
{
	char text[4096];

	proc(pid, "status", text, sizeof(text));
	return strstr(text, "State:\tT") != NULL && strstr(text, "Seccomp_filters:\t2") != NULL;
}

static bool
has_answer(const struct reader *r, int timeout_ms)
{
	struct pollfd p = {.fd = r->link, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

/*
 * A child that is at its file, stopped there: caught by chance, for it lives some milliseconds;
 * behind its own filter, or anywhere.
 */
static pid_t
catch_child(const struct reader *r, int file, bool confined)
{
	struct span answer;

	for (int i = 0; i < 5000; i++) {
		pid_t child = 0;
		assert_int_equal(fdpass_send(r->link, SPAN("nexus"), &file, 1, NULL), FDPASS_OK);
		while (child == 0 && !has_answer(r, 0))
			child = child_of(r->pid);
		for (int k = 0; child != 0 && k < i % 50; k++)
			(void)sched_yield();
		if (child != 0 && kill(child, SIGSTOP) == 0) {
			char text[4096];
			do
				proc(child, "status", text, sizeof(text));
			while (strstr(text, "State:\tR") != NULL);
			if (strstr(text, "State:\tT") != NULL && (!confined || is_confined(child)))
				return child;
			(void)kill(child, SIGCONT);
		}
		assert_int_equal(take(r, &answer), FDPASS_OK);
	}
	fail_msg("%s", "no child was caught");
	return 0;
}

static void
serves_many_and_keeps_nothing(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD text = memory("x", 1);

	(void)state;
	start(&r);
	assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK);
	unsigned before = descriptors(r.pid);
	for (int i = 0; i < 600; i++)
		assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK);
	assert_int_equal(descriptors(r.pid), before);
	assert_int_equal(child_of(r.pid), 0); /* no zombie either */
	assert_int_equal(drain(&r), 0);
}

static void
lives_on_while_a_child_works(void **state)
{
	const struct control ping = {.kind = CONTROL_PING, .number = 4711};
	struct reader r;
	struct span answer;
	uint32_t number = 0;
	AUTO_FD text = memory("x", 1);

	(void)state;
	start(&r);
	pid_t child = catch_child(&r, text, true);
	assert_int_equal(descriptors(child), 2); /* the file and the way out */
	assert_int_equal(fdpass_send(r.link, SPAN("nexus"), &text, 1, NULL), FDPASS_OK);
	assert_true(bundle_message(r.control, &ping, -1, NULL));
	assert_int_equal(hear(&r, &number), CONTROL_PONG);
	assert_false(has_answer(&r, 50)); /* the second question waits */
	assert_int_equal(child_of(r.pid), child);
	(void)kill(child, SIGCONT);
	assert_int_equal(take(&r, &answer), FDPASS_OK);
	assert_int_equal(take(&r, &answer), FDPASS_OK);
	must_hold(answer, "not HDF5");
	/* Told to end, it ends what it has begun. */
	child = catch_child(&r, text, false);
	const struct control end_it = {.kind = CONTROL_DRAIN};
	assert_true(bundle_message(r.control, &end_it, -1, NULL));
	assert_false(has_answer(&r, 50));
	(void)kill(child, SIGCONT);
	assert_int_equal(take(&r, &answer), FDPASS_OK);
	assert_int_equal(end(&r), 0);
}

/* The answer for an indexer that went goes nowhere, least of all to the next one. */
static void
answers_who_asked(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD text = memory("x", 1);
	AUTO_FD other = memory("\x0e\x03\x13\x01", 4); /* HDF4 */

	(void)state;
	start(&r);
	pid_t child = catch_child(&r, text, false);
	new_link(&r);
	assert_int_equal(fdpass_send(r.link, SPAN("nexus"), &other, 1, NULL), FDPASS_OK);
	assert_false(has_answer(&r, 50));
	(void)kill(child, SIGCONT);
	assert_int_equal(take(&r, &answer), FDPASS_OK);
	must_hold(answer, "\"format\":\"hdf4\"");
	assert_false(has_answer(&r, 50));
	assert_int_equal(drain(&r), 0);
}

/* What ended a child stands in the answer, in the words that the catalogue understands. */
static void
tells_how_a_child_died(void **state)
{
	static const struct {
		int number;
		enum reading_end end;
		const char *problem;
	} rows[] = {{SIGKILL, READING_DIED, "its reader died of SIGKILL"},
		{SIGSEGV, READING_DIED, "its reader died of SIGSEGV"},
		{SIGABRT, READING_DIED, "its reader died of SIGABRT"},
		{SIGBUS, READING_DIED, "its reader died of SIGBUS"},
		{SIGFPE, READING_DIED, "its reader died of SIGFPE"},
		{SIGILL, READING_DIED, "its reader died of SIGILL"},
		{SIGPIPE, READING_DIED, "its reader died of SIGPIPE"},
		{SIGSYS, READING_DIED, "its reader died of SIGSYS"},
		{SIGTRAP, READING_DIED, "its reader died of SIGTRAP"},
		{SIGUSR1, READING_DIED, "its reader died of another end"},
		{SIGXCPU, READING_OVERRAN, "its reader was not done in 5 s"},
		{SIGALRM, READING_OVERRAN, "its reader was not done in 5 s"}};
	struct reader r;
	struct span answer;
	AUTO_FD text = memory("x", 1);
	AUTO_ARENA a = {0};
	struct reading got;
	struct err e = {0};

	(void)state;
	assert_true(arena_init(&a, 1 << 20));
	start(&r);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].problem);
		pid_t child = catch_child(&r, text, false);
		(void)kill(child, rows[i].number);
		(void)kill(child, SIGCONT);
		assert_int_equal(take(&r, &answer), FDPASS_OK);
		if (!reading_parse(answer, &a, &got, &e))
			fail_msg("%s: %.*s", e.msg, SPAN_ARG(answer));
		check_span(got.format, "hdf5");
		if (SANITIZED && got.end == READING_DIED)
			continue; /* its own handlers turn some of them into an exit */
		check_span(got.problem, rows[i].problem);
		assert_int_equal(got.end, rows[i].end);
	}
	assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK);
	must_hold(answer, "not HDF5");
	assert_int_equal(drain(&r), 0);
}

static void
leaves_no_child_behind(void **state)
{
	struct reader r;
	char text[64] = "x";
	AUTO_FD file = memory("x", 1);

	(void)state;
	start(&r);
	pid_t child = catch_child(&r, file, true);
	assert_int_equal(kill(r.pid, SIGKILL), 0);
	(void)end(&r);
	for (int i = 0; i < 300 && text[0] != '\0' && strstr(text, ") Z") == NULL; i++) {
		(void)poll(NULL, 0, 10);
		proc(child, "stat", text, sizeof(text));
	}
	assert_true(text[0] == '\0' || strstr(text, ") Z") != NULL);
}

/* The alarm must end the child, also where the supervisor's mask held the signal back. */
static void
holds_no_signal_back(void **state)
{
	struct reader r;
	char text[4096];
	sigset_t held;

	(void)state;
	(void)sigemptyset(&held);
	(void)sigaddset(&held, SIGALRM);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &held, NULL), 0);
	start(&r);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &held, NULL), 0);
	proc(r.pid, "status", text, sizeof(text));
	assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
	assert_int_equal(drain(&r), 0);
}

/* Is the text in memory that the process can write?  -1: this user may not look. */
static int
remembers(pid_t pid, const char *text)
{
	char path[64];
	char line[512];
	int found = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	AUTO_FILE maps = fopen(path, "re");
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	AUTO_FD mem = open(path, O_RDONLY | O_CLOEXEC);
	if (maps == NULL || mem < 0)
		return -1;
	while (found == 0 && fgets(line, sizeof(line), maps) != NULL) {
		char *end = NULL;
		unsigned long from = strtoul(line, &end, 16);
		unsigned long to = strtoul(end + 1, &end, 16);
		if (strncmp(end, " rw", 3) != 0 || to - from > 64UL << 20)
			continue; /* a sanitizer's shadow is larger */
		AUTO_FREE char *copy = malloc(to - from);
		ssize_t n = copy != NULL ? pread(mem, copy, to - from, (off_t)from) : -1;
		found = n > 0 && memmem(copy, (size_t)n, text, strlen(text)) != NULL;
	}
	return found;
}

/* What the next child inherits: nothing of the file before. */
static void
forgets_an_answer(void **state)
{
	static const char title[] = "High pressure experiments on vesicles";
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
	must_hold(answer, title);
	assert_int_equal(remembers(getpid(), title), 1);
	(void)poll(NULL, 0, 20); /* it wipes after it has answered */
	int found = remembers(r.pid, title);
	if (found < 0)
		print_message("    not looked at: the memory of another process\n");
	assert_int_not_equal(found, 1);
	assert_int_equal(drain(&r), 0);
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
outlives_a_deadly_file(void **state)
{
	struct reader r;
	AUTO_FD text = memory("x", 1);
	struct span answer;
	AUTO_FD fd = open(DEADLY, O_RDONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0) {
		print_message("    skipped: no " DEADLY "\n");
		skip();
	}
	start(&r);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask(&r, "nexus", fd, &answer), FDPASS_OK);
		must_hold(answer, "{\"format\":\"hdf5\",\"died\":\"");
		if (!SANITIZED)
			must_hold(answer, "\"SIGFPE\",\"problem\":\"its reader died of SIGFPE\"}");
		assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK);
		must_hold(answer, "not HDF5");
	}
	assert_int_equal(drain(&r), 0);
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
		cmocka_unit_test(serves_many_and_keeps_nothing),
		cmocka_unit_test(lives_on_while_a_child_works),
		cmocka_unit_test(answers_who_asked),
		cmocka_unit_test(tells_how_a_child_died),
		cmocka_unit_test(leaves_no_child_behind),
		cmocka_unit_test(holds_no_signal_back),
		cmocka_unit_test(forgets_an_answer), /* before others that get this one */
		cmocka_unit_test(takes_times_in_the_facilitys_zone),
		cmocka_unit_test(outlives_a_deadly_file),
	};
	(void)alarm(120); /* a reader that does not answer fails this, instead of hanging it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
