/* SPDX-License-Identifier: Apache-2.0 */
/* What each role may do, attempted in a process of that role. */
#include "tests/unit/sandbox_world.h"
#include "tests/unit/sanitized.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

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
	int got = answer(connect(w->pair[0], &none, sizeof(none)));
	return got == EINVAL ? 0 : got; /* the kernel's own answer: it was asked */
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

static int
try_udp(const struct world *w)
{
	(void)w;
	return answer(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/* The admin socket, the system's bus and the like. */
static int
try_unix(const struct world *w)
{
	(void)w;
	return answer(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
try_netlink(const struct world *w)
{
	(void)w;
	return answer(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int
try_raw(const struct world *w)
{
	(void)w;
	return answer(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
}

static int
try_bind(const struct world *w)
{
	const struct sockaddr_un a = {.sun_family = AF_UNIX};
	return answer(bind(w->pair[0], (const struct sockaddr *)&a, sizeof(a.sun_family)));
}

static int
try_listen(const struct world *w)
{
	return answer(listen(w->pair[0], 1));
}

static int
try_pair(const struct world *w)
{
	int ends[2];
	(void)w;
	return answer(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
}

/* One of datagrams could be turned to another address later. */
static int
try_datagram_pair(const struct world *w)
{
	int ends[2];
	(void)w;
	return answer(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
}

static int
try_hosts(const struct world *w)
{
	(void)w;
	return answer(open("/etc/hosts", O_RDONLY | O_CLOEXEC));
}

static int
try_write_hosts(const struct world *w)
{
	(void)w;
	return answer(open("/etc/hosts", O_WRONLY | O_CLOEXEC));
}

static int
try_rename(const struct world *w)
{
	return answer(syscall(SYS_renameat2, w->catalogue, "c-wal", w->catalogue, "c-shm", 0));
}

/* ---- a writable root: an unnamed file, a folder, a name for the file ---- */

static int
try_unnamed(const struct world *w)
{
	return answer(openat(w->ingest, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0640));
}

static int
try_unnamed_elsewhere(const struct world *w)
{
	return answer(openat(w->root, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0640));
}

static int
try_folder(const struct world *w)
{
	int got = answer(mkdirat(w->ingest, "made", 0750));
	return got == EEXIST ? 0 : got; /* by the role before */
}

static int
try_folder_elsewhere(const struct world *w)
{
	return answer(mkdirat(w->root, "made", 0750));
}

static int
link_to(const struct world *w, int folder, const char *name)
{
	char path[64];
	int fd = openat(w->ingest, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0640);
	if (fd < 0)
		return errno;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return answer(linkat(AT_FDCWD, path, folder, name, AT_SYMLINK_FOLLOW));
}

static int
try_name(const struct world *w)
{
	return link_to(w, w->ingest, "deep/new");
}

static int
try_name_elsewhere(const struct world *w)
{
	return link_to(w, w->root, "new");
}

static int
try_name_in_catalogue(const struct world *w)
{
	return link_to(w, w->catalogue, "new");
}

/* Data that are there get no second name. */
static int
try_second_name(const struct world *w)
{
	return answer(linkat(w->root, "raw.h5", w->ingest, "raw.h5", 0));
}

static int
try_remove(const struct world *w)
{
	return answer(unlinkat(w->ingest, "deep", AT_REMOVEDIR));
}

static int
try_move(const struct world *w)
{
	return answer(syscall(SYS_renameat2, w->ingest, "deep", w->ingest, "other", 0));
}

static int
try_link_out(const struct world *w)
{
	return answer(symlinkat("/etc", w->ingest, "out"));
}

enum want { NO, YES, KILLED };

/* A wish for each role, in the order of the columns; child: of a reader. */
static const struct attempt {
	const char *name;
	int (*run)(const struct world *w);
	enum want front, gate, reader, child, indexer, courier;
} attempts[] = {
	{"open /etc/passwd", try_passwd, NO, NO, NO, NO, NO, NO},
	{"open a file of the root", try_inside, NO, YES, NO, NO, YES, NO},
	{"write to a file of the root", try_write_inside, NO, NO, NO, NO, NO, NO},
	{"open a file beside the root", try_outside, NO, NO, NO, NO, NO, NO},
	{"lock file in the catalogue", try_catalogue, NO, YES, NO, NO, YES, YES},
	{"remove from the catalogue", try_unlink, NO, NO, NO, NO, YES, YES},
	{"list the root", try_list, NO, NO, NO, NO, YES, NO},
	{"socket", try_socket, NO, KILLED, KILLED, KILLED, NO, YES},
	{"connect", try_connect, NO, KILLED, KILLED, KILLED, NO, YES},
	{"exec", try_exec, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED},
	{"ptrace", try_ptrace, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED},
	{"fork", try_fork, NO, NO, YES, KILLED, NO, NO},
	{"signal to the parent", try_kill_parent, NO, NO, NO, NO, NO, NO},
	{"executable memory", try_exec_memory, NO, NO, NO, NO, NO, NO},
	{"memory", try_memory, YES, YES, YES, YES, YES, YES},
	{"2 GiB at once", try_gibibytes, YES, YES, NO, NO, YES, YES},
	{"pread of a passed descriptor", try_pread, YES, YES, YES, YES, YES, YES},
	{"fstat of a passed descriptor", try_fstat, YES, YES, YES, YES, YES, YES},
	{"message with a descriptor", try_message, YES, YES, YES, NO, YES, YES},
	{"thread", try_thread, YES, YES, NO, KILLED, YES, YES},
	{"openat2", try_openat2, NO, YES, NO, NO, YES, NO},
	{"stat of a path", try_stat, NO, YES, NO, NO, YES, YES},
	{"set a limit", try_raise_limit, NO, NO, YES, NO, NO, NO},
	{"signals by F_SETOWN", try_signal_by_io, NO, NO, NO, NO, NO, NO},
	{"memory as a descriptor", try_memfd, NO, YES, NO, NO, YES, NO},
	{"dumpable again", try_become_dumpable, NO, NO, NO, NO, NO, NO},
	{"no core", try_core, YES, YES, YES, YES, YES, YES},
	{"put off the alarm", try_put_off_alarm, NO, NO, YES, NO, NO, NO},
	{"hold signals back", try_hold_signals, YES, YES, YES, NO, YES, YES},
	{"ignore a signal", try_ignore_signals, YES, YES, YES, NO, YES, YES},
	{"stop itself", try_stop, YES, YES, YES, NO, YES, YES},
	{"outlive the parent", try_outlive, NO, NO, YES, NO, NO, NO},
	{"pipe", try_pipe, NO, YES, YES, NO, NO, YES},
	{"write by a passed descriptor", try_write_file, YES, YES, NO, NO, YES, YES},
	{"unnamed file beneath a writable root", try_unnamed, NO, YES, NO, NO, NO, NO},
	{"unnamed file beneath another root", try_unnamed_elsewhere, NO, NO, NO, NO, NO, NO},
	{"folder beneath a writable root", try_folder, NO, YES, NO, NO, NO, NO},
	{"folder beneath another root", try_folder_elsewhere, NO, NO, NO, NO, NO, NO},
	{"a name for an unnamed file", try_name, NO, YES, NO, NO, NO, NO},
	{"a name beneath another root", try_name_elsewhere, NO, NO, NO, NO, NO, NO},
	{"a name in the catalogue", try_name_in_catalogue, NO, NO, NO, NO, NO, NO},
	{"a second name for data", try_second_name, NO, NO, NO, NO, NO, NO},
	{"remove from a writable root", try_remove, NO, NO, NO, NO, NO, NO},
	{"move in a writable root", try_move, NO, NO, NO, NO, NO, NO},
	{"symbolic link in a writable root", try_link_out, NO, NO, NO, NO, NO, NO},
	{"UDP", try_udp, NO, KILLED, KILLED, KILLED, NO, YES},
	{"socket of a path", try_unix, NO, KILLED, KILLED, KILLED, NO, NO},
	{"netlink", try_netlink, NO, KILLED, KILLED, KILLED, NO, NO},
	{"raw socket", try_raw, NO, KILLED, KILLED, KILLED, NO, NO},
	{"bind", try_bind, NO, NO, NO, NO, NO, NO},
	{"listen", try_listen, NO, NO, NO, NO, NO, NO},
	{"pair of sockets", try_pair, NO, NO, NO, NO, NO, YES},
	{"pair of datagram sockets", try_datagram_pair, NO, NO, NO, NO, NO, NO},
	{"open /etc/hosts", try_hosts, NO, NO, NO, NO, NO, YES},
	{"write to /etc/hosts", try_write_hosts, NO, NO, NO, NO, NO, NO},
	{"rename in its folder", try_rename, NO, NO, NO, NO, NO, YES},
};

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
	else if (got != EPERM && got != EACCES &&
		 got != EXDEV) /* Landlock's word for a link to another folder */
		fail_msg("%s: errno %d, want a refusal", a->name, got);
}

static void
role_table(const struct world *w, enum process what)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];
		enum want want = what == PROCESS_FRONT     ? a->front
				 : what == PROCESS_GATE    ? a->gate
				 : what == PROCESS_READER  ? a->reader
				 : what == OF_READER       ? a->child
				 : what == PROCESS_COURIER ? a->courier
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

static void
courier(void **state)
{
	role_table(*state, PROCESS_COURIER);
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
		cmocka_unit_test(courier),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
