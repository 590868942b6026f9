/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/catalog.h"
#include "agent/catalog/ingest.h"
#include "agent/sandbox.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/* A data root with a file, a catalogue folder, a file of neither, all opened before. */
struct world {
	char folder[64];
	int root, catalogue, top, file, pair[2];
};

/* An attempt answers 0 when it succeeded, else errno. */
static int
answer(long got)
{
	return got < 0 ? errno : 0;
}

static int
try_passwd(const struct world *w)
{
	(void)w;
	return answer(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int
try_inside(const struct world *w)
{
	return answer(openat(w->root, "raw.h5", O_RDONLY | O_CLOEXEC));
}

static int
try_write_inside(const struct world *w)
{
	return answer(openat(w->root, "raw.h5", O_WRONLY | O_CLOEXEC));
}

static int
try_outside(const struct world *w)
{
	return answer(openat(w->top, "other", O_RDONLY | O_CLOEXEC));
}

static int
try_catalogue(const struct world *w)
{
	return answer(openat(w->catalogue, "c-shm", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int
try_unlink(const struct world *w)
{
	return answer(unlinkat(w->catalogue, "c-wal", 0));
}

static int
try_list(const struct world *w)
{
	char text[512];
	int fd = openat(w->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? errno : answer(syscall(SYS_getdents64, fd, text, sizeof(text)));
}

static int
try_socket(const struct world *w)
{
	(void)w;
	return answer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
try_connect(const struct world *w)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	return answer(connect(w->pair[0], &none, sizeof(none)));
}

static int
try_exec(const struct world *w)
{
	char name[] = "/bin/true";
	char *argv[] = {name, NULL};
	(void)w;
	return answer(execv(name, argv));
}

static int
try_fork(const struct world *w)
{
	(void)w;
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	return answer(child);
}

static int
try_ptrace(const struct world *w)
{
	(void)w;
	return answer(syscall(SYS_ptrace, 0L, 0L, 0L, 0L));
}

static int
try_kill_parent(const struct world *w)
{
	(void)w;
	return answer(kill(getppid(), 0));
}

static int
try_exec_memory(const struct world *w)
{
	(void)w;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? errno : 0;
}

static int
try_memory(const struct world *w)
{
	void *p = mmap(NULL, 1U << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)w;
	return p == MAP_FAILED ? errno : 0;
}

static int
try_gibibytes(const struct world *w)
{
	void *p = mmap(NULL, 2UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)w;
	return p == MAP_FAILED ? errno : 0;
}

static int
try_pread(const struct world *w)
{
	char text[4] = {0};
	if (pread(w->file, text, 3, 0) != 3)
		return errno;
	return memcmp(text, "raw", 3) == 0 ? 0 : EIO;
}

static int
try_fstat(const struct world *w)
{
	struct stat st;
	return answer(fstat(w->file, &st));
}

static int
try_message(const struct world *w)
{
	struct err e;
	char text[64];
	int fds[FDPASS_MAX];
	size_t n;
	size_t nfds;
	if (fdpass_send(w->pair[0], SPAN("hello"), &w->file, 1, &e) != FDPASS_OK)
		return errno;
	if (fdpass_recv(w->pair[1], text, sizeof(text), &n, fds, &nfds, &e) != FDPASS_OK)
		return errno;
	return n == 5 && nfds == 1 ? 0 : EIO;
}

static void *
thread_main(void *arg)
{
	/* Landlock and seccomp hold in a thread that is started later. */
	*(int *)arg = try_passwd(NULL);
	return NULL;
}

static int
try_thread(const struct world *w)
{
	pthread_t t;
	int got = 0;
	(void)w;
	int bad = pthread_create(&t, NULL, thread_main, &got);
	if (bad != 0)
		return bad;
	(void)pthread_join(t, NULL);
	return got == EPERM || got == EACCES ? 0 : EIO;
}

static int
try_core(const struct world *w)
{
	struct rlimit v;
	(void)w;
	return getrlimit(RLIMIT_CORE, &v) == 0 && v.rlim_max == 0 ? 0 : EIO;
}

static int
try_openat2(const struct world *w)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = {O_RDONLY | O_CLOEXEC, 0, 0};
	return answer(syscall(SYS_openat2, w->root, "raw.h5", &how, sizeof(how)));
}

static int
try_stat(const struct world *w)
{
	struct stat st;
	return answer(fstatat(w->root, "raw.h5", &st, 0));
}

static int
try_raise_limit(const struct world *w)
{
	struct rlimit v = {0, 0};
	(void)w;
	return answer(setrlimit(RLIMIT_FSIZE, &v));
}

static int
try_signal_by_io(const struct world *w)
{
	return answer(fcntl(w->pair[0], F_SETOWN, getppid()));
}

static int
try_memfd(const struct world *w)
{
	(void)w;
	return answer(memfd_create("test", MFD_CLOEXEC));
}

static int
try_become_dumpable(const struct world *w)
{
	(void)w;
	return answer(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* SQLite at its real work: it locks, maps, truncates, and asks much about paths. */
static int
try_write_catalogue(const struct world *w)
{
	struct ingest *i = NULL;
	struct err e = {0};
	char path[128];
	int64_t id = 0;

	(void)snprintf(path, sizeof(path), "%s/catalogue/c.sqlite", w->folder);
	bool ok = ingest_open(path, &i, &e) && ingest_begin(i, &e) &&
		  ingest_source(i, SPAN("raw"), 0, SPAN("/data"), &id, &e) &&
		  ingest_commit(i, &e) && ingest_settle(i, &e);
	if (!ok)
		(void)fprintf(stderr, "%s\n", e.msg);
	ingest_close(i);
	return ok ? 0 : EPERM;
}

static int
try_read_catalogue(const struct world *w)
{
	struct catalog *c = NULL;
	struct err e = {0};
	char path[128];
	uint64_t datasets = 77;
	uint64_t files = 77;

	(void)snprintf(path, sizeof(path), "%s/catalogue/c.sqlite", w->folder);
	bool ok = catalog_open(path, &c, &e) && catalog_count(c, &datasets, &files, &e) &&
		  datasets == 0;
	if (!ok)
		(void)fprintf(stderr, "%s\n", e.msg);
	catalog_close(c);
	return ok ? 0 : EPERM;
}

static int
try_put_off_alarm(const struct world *w)
{
	(void)w;
	return answer(syscall(SYS_alarm, 0));
}

static int
try_hold_signals(const struct world *w)
{
	sigset_t all;
	(void)w;
	(void)sigfillset(&all);
	return pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static int
try_ignore_signals(const struct world *w)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	(void)w;
	return answer(sigaction(SIGALRM, &ignore, NULL));
}

/* A stopped process does not hear its alarm. */
static int
try_stop(const struct world *w)
{
	(void)w;
	return answer(kill(getpid(), SIGCONT)) &
	       answer(syscall(SYS_tgkill, getpid(), gettid(), SIGCONT));
}

static int
try_outlive(const struct world *w)
{
	(void)w;
	return answer(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
}

static int
try_pipe(const struct world *w)
{
	int ends[2];
	(void)w;
	return answer(pipe2(ends, O_CLOEXEC));
}

static int
try_write_file(const struct world *w)
{
	return answer(pwrite(w->file, "x", 1, 3));
}

enum want { NO, YES, KILLED };

/* A wish for each role, in the order of the columns; child: of a reader. */
static const struct attempt {
	const char *name;
	int (*run)(const struct world *w);
	enum want front, gate, reader, child, indexer;
} attempts[] = {
	{"open /etc/passwd", try_passwd, NO, NO, NO, NO, NO},
	{"open a file of the root", try_inside, NO, YES, NO, NO, YES},
	{"write to a file of the root", try_write_inside, NO, NO, NO, NO, NO},
	{"open a file beside the root", try_outside, NO, NO, NO, NO, NO},
	{"lock file in the catalogue", try_catalogue, NO, YES, NO, NO, YES},
	{"remove from the catalogue", try_unlink, NO, NO, NO, NO, YES},
	{"list the root", try_list, NO, NO, NO, NO, YES},
	{"socket", try_socket, NO, NO, KILLED, KILLED, NO},
	{"connect", try_connect, NO, NO, KILLED, KILLED, NO},
	{"exec", try_exec, KILLED, KILLED, KILLED, KILLED, KILLED},
	{"ptrace", try_ptrace, KILLED, KILLED, KILLED, KILLED, KILLED},
	{"fork", try_fork, NO, NO, YES, KILLED, NO},
	{"signal to the parent", try_kill_parent, NO, NO, NO, NO, NO},
	{"executable memory", try_exec_memory, NO, NO, NO, NO, NO},
	{"memory", try_memory, YES, YES, YES, YES, YES},
	{"2 GiB at once", try_gibibytes, YES, YES, NO, NO, YES},
	{"pread of a passed descriptor", try_pread, YES, YES, YES, YES, YES},
	{"fstat of a passed descriptor", try_fstat, YES, YES, YES, YES, YES},
	{"message with a descriptor", try_message, YES, YES, YES, NO, YES},
	{"thread", try_thread, YES, YES, NO, KILLED, YES},
	{"openat2", try_openat2, NO, YES, NO, NO, YES},
	{"stat of a path", try_stat, NO, YES, NO, NO, YES},
	{"set a limit", try_raise_limit, NO, NO, YES, NO, NO},
	{"signals by F_SETOWN", try_signal_by_io, NO, NO, NO, NO, NO},
	{"memory as a descriptor", try_memfd, NO, YES, NO, NO, YES},
	{"dumpable again", try_become_dumpable, NO, NO, NO, NO, NO},
	{"no core", try_core, YES, YES, YES, YES, YES},
	{"put off the alarm", try_put_off_alarm, NO, NO, YES, NO, NO},
	{"hold signals back", try_hold_signals, YES, YES, YES, NO, YES},
	{"ignore a signal", try_ignore_signals, YES, YES, YES, NO, YES},
	{"stop itself", try_stop, YES, YES, YES, NO, YES},
	{"outlive the parent", try_outlive, NO, NO, YES, NO, NO},
	{"pipe", try_pipe, NO, NO, YES, NO, NO},
	{"write by a passed descriptor", try_write_file, NO, YES, NO, NO, YES},
};

static void
add_file(struct role *r, const char *name, int fd)
{
	struct role_file *f = &r->files[r->n_files++];
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	(void)snprintf(f->path, sizeof(f->path), "%s", name);
	f->fd = fd;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	(void)snprintf(w->folder, sizeof(w->folder), "/tmp/test_sandbox.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	w->top = open(w->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(w->top, "root", 0755), 0);
	assert_int_equal(mkdirat(w->top, "catalogue", 0755), 0);
	w->root = openat(w->top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->catalogue = openat(w->top, "catalogue", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int other = openat(w->top, "other", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_true(other >= 0);
	(void)close(other);
	w->file = openat(w->root, "raw.h5", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(w->file, "raw", 3), 3);
	assert_true(fdpass_pair(w->pair, false, NULL));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	(void)unlinkat(w->root, "raw.h5", 0);
	(void)unlinkat(w->catalogue, "c-shm", 0);
	(void)unlinkat(w->catalogue, "c-wal", 0);
	(void)unlinkat(w->top, "other", 0);
	(void)unlinkat(w->top, "root", AT_REMOVEDIR);
	(void)unlinkat(w->top, "catalogue", AT_REMOVEDIR);
	(void)rmdir(w->folder);
	free(w);
	return 0;
}

/* The second stage of a reader, beside the roles. */
#define OF_READER PROCESS_COUNT

/* In a child: confine as `what`, attempt.  Exit status 0 to 199 is errno, 250 and up a failure. */
static void
child(const struct world *w, enum process what, int (*run)(const struct world *w))
{
	static struct role r; /* too large for some stacks; the child ends soon */
	struct settings s = {.sandbox_required = true, .landlock = true};
	struct err e = {0};
	char missing[256];

	(void)signal(SIGILL, SIG_DFL); /* abort(), where it may not signal; else cmocka goes on */
	r = (struct role){.what = what == OF_READER ? PROCESS_READER : what, .settings = &s};
	if (what == PROCESS_GATE || what == PROCESS_INDEXER) {
		add_file(&r, "root.0", w->root);
		add_file(&r, "catalogue.dir", w->catalogue);
	}
	if (!sandbox_enter(&r, missing, sizeof(missing), &e) ||
		(what == OF_READER && !sandbox_enter_child(&r, &e))) {
		(void)fprintf(stderr, "%s\n", e.msg);
		_exit(250);
	}
	_exit(missing[0] != '\0' ? 251 : run(w));
}

static int
outcome(const struct world *w, enum process what, int (*run)(const struct world *w))
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(w, what, run);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
check_attempt(const struct world *w, enum process what, const struct attempt *a, enum want want)
{
	int wal = openat(w->catalogue, "c-wal", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(wal >= 0);
	(void)close(wal);
	int status = outcome(w, what, a->run);
	if (SANITIZED && a->run == try_gibibytes)
		return;
	/* ThreadSanitizer ends a process that may not hold signals back to make a thread. */
	if (SANITIZED && a->run == try_thread && want == KILLED && WIFSIGNALED(status))
		return;
	if (want == KILLED && !SANITIZED) {
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return;
	}
	assert_true(WIFEXITED(status));
	int got = WEXITSTATUS(status);
	if (want == YES)
		assert_int_equal(got, 0);
	else if (a->run == try_gibibytes)
		assert_int_equal(got, ENOMEM);
	else if (got != EPERM && got != EACCES)
		fail_msg("%s: errno %d, want a refusal", a->name, got);
}

static void
role_table(const struct world *w, enum process what)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];
		enum want want = what == PROCESS_FRONT    ? a->front
				 : what == PROCESS_GATE   ? a->gate
				 : what == PROCESS_READER ? a->reader
				 : what == OF_READER      ? a->child
							  : a->indexer;
		CHECK_ROW(a->name);
		check_attempt(w, what, a, want);
	}
}

static void
front(void **state)
{
	role_table(*state, PROCESS_FRONT);
}

static void
gate(void **state)
{
	role_table(*state, PROCESS_GATE);
}

static void
reader(void **state)
{
	role_table(*state, PROCESS_READER);
}

static void
child_of_reader(void **state)
{
	role_table(*state, OF_READER);
}

static void
indexer(void **state)
{
	role_table(*state, PROCESS_INDEXER);
}

/* What a missing part does: 1 refused with its name, 2 noted with its name, 0 neither. */
static int
without_landlock(bool required)
{
	static struct role r;
	struct settings s = {.sandbox_required = required, .landlock = false};
	struct err e = {0};
	char missing[256];

	r = (struct role){.what = PROCESS_READER, .settings = &s};
	if (!sandbox_enter(&r, missing, sizeof(missing), &e))
		return e.code == ERR_SYSTEM && strstr(e.msg, "Landlock") != NULL ? 1 : 0;
	return strstr(missing, "Landlock") != NULL ? 2 : 0;
}

static void
catalogue(void **state)
{
	struct world *w = *state;

	assert_int_equal(outcome(w, PROCESS_INDEXER, try_write_catalogue), 0);
	assert_int_equal(outcome(w, PROCESS_INDEXER, try_write_catalogue), 0); /* there already */
	assert_int_equal(outcome(w, PROCESS_GATE, try_read_catalogue), 0);
	assert_int_not_equal(outcome(w, PROCESS_FRONT, try_read_catalogue), 0);
	assert_int_equal(unlinkat(w->catalogue, "c.sqlite", 0), 0);
	(void)unlinkat(w->catalogue, "c.sqlite-wal", 0);
	(void)unlinkat(w->catalogue, "c.sqlite-shm", 0);
}

static void
a_part_is_missing(void **state)
{
	(void)state;
	for (int required = 0; required < 2; required++) {
		int status = 0;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(without_landlock(required == 1));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), required == 1 ? 1 : 2);
	}
}

static void
supervisor_has_no_table(void **state)
{
	static struct role r = {.what = PROCESS_SUPERVISOR};
	struct err e = {0};
	char missing[16];
	(void)state;
	assert_false(sandbox_enter(&r, missing, sizeof(missing), &e));
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(front),
		cmocka_unit_test(gate),
		cmocka_unit_test(reader),
		cmocka_unit_test(child_of_reader),
		cmocka_unit_test(indexer),
		cmocka_unit_test(catalogue),
		cmocka_unit_test(a_part_is_missing),
		cmocka_unit_test(supervisor_has_no_table),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
