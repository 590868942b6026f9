/* SPDX-License-Identifier: Apache-2.0 */
/* A reader process and the child that it starts for each file. */
#include "tests/unit/reader_process.h"

#include "agent/catalog/reading.h"
#include "transfer/reading.h"

#include <linux/futex.h>
#include <sys/syscall.h>

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
has_answer(const struct reader *r, int timeout_ms)
{
	struct pollfd p = {.fd = r->link, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

/*
 * A gate in shared memory that a child waits at when it reads its file: it lives some milliseconds,
 * and no test could be sure to meet it otherwise.  The reader and its children are forks of this
 * program, so what it calls pread there is the one below.
 */
struct gate {
	uint32_t closed; /* a futex */
	uint32_t there;  /* children that have come to it */
};
static struct gate *gate; /* made before the first reader */

ssize_t
pread(int fd, void *p, size_t n, off_t at)
{
	if (gate != NULL && __atomic_load_n(&gate->closed, __ATOMIC_SEQ_CST) != 0) {
		__atomic_store_n(&gate->there, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&gate->closed, __ATOMIC_SEQ_CST) != 0)
			(void)syscall(SYS_futex, &gate->closed, FUTEX_WAIT, 1, NULL, NULL, 0);
	}
	return syscall(SYS_pread64, fd, p, n, at);
}

static int
make_gate(void **state)
{
	(void)state;
	void *p = mmap(
		NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	gate = p != MAP_FAILED ? p : NULL;
	return p != MAP_FAILED ? 0 : -1;
}

static bool
is_stopped(pid_t pid)
{
	char text[4096];

	proc(pid, "status", text, sizeof(text));
	if (strstr(text, "State:\tT") == NULL)
		return false;
	assert_non_null(strstr(text, "Seccomp_filters:\t2")); /* the reader's, and its own */
	return true;
}

/* A child that is at its file, behind its own filter, stopped there; SIGCONT lets it go on. */
static pid_t
catch_child(const struct reader *r, int file)
{
	__atomic_store_n(&gate->there, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&gate->closed, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(fdpass_send(r->link, SPAN("nexus"), &file, 1, NULL), FDPASS_OK);
	while (__atomic_load_n(&gate->there, __ATOMIC_SEQ_CST) == 0)
		assert_false(has_answer(r, 1)); /* an alarm ends what does not come */
	pid_t child = child_of(r->pid);
	assert_int_equal(kill(child, SIGSTOP), 0);
	while (!is_stopped(child))
		(void)poll(NULL, 0, 1);
	__atomic_store_n(&gate->closed, 0, __ATOMIC_SEQ_CST);
	return child;
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
	pid_t child = catch_child(&r, text);
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
	child = catch_child(&r, text);
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
	pid_t child = catch_child(&r, text);
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
		pid_t child = catch_child(&r, text);
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
	pid_t child = catch_child(&r, file);
	assert_int_equal(kill(r.pid, SIGKILL), 0);
	(void)end(&r);
	for (int i = 0; i < 300 && text[0] != '\0' && strstr(text, ") Z") == NULL; i++) {
		(void)poll(NULL, 0, 10);
		proc(child, "stat", text, sizeof(text));
	}
	assert_true(text[0] == '\0' || strstr(text, ") Z") != NULL);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_many_and_keeps_nothing),
		cmocka_unit_test(lives_on_while_a_child_works), cmocka_unit_test(answers_who_asked),
		cmocka_unit_test(tells_how_a_child_died), cmocka_unit_test(leaves_no_child_behind),
		cmocka_unit_test(forgets_an_answer), /* before others that get this one */
	};
	(void)alarm(120); /* a reader that does not answer fails this, instead of hanging it */
	return cmocka_run_group_tests(tests, make_gate, NULL);
}
