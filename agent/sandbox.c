/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox.h"

#include "agent/sandbox_landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "transfer/reading.h"

/*
 * Under a sanitizer an attempt at a deadly call is refused instead of deadly, for its reporter
 * makes some, and address space is not limited, for its shadow takes terabytes.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/*
 * C is the child of a reader: it alone reads a stranger's file.  It stands under the filter of R
 * and its own, so a call is open to it where both rows are.  N is the courier and M the mover: they
 * alone make sockets of the network, and X is both.
 */
enum { F = 1, G = 2, R = 4, I = 8, C = 16, N = 32, M = 64, X = N | M, ALL = F | G | R | I | X };

static unsigned
role_bit(enum process what)
{
	switch (what) {
	case PROCESS_FRONT:
		return F;
	case PROCESS_GATE:
		return G;
	case PROCESS_READER:
		return R;
	case PROCESS_INDEXER:
		return I;
	case PROCESS_COURIER:
		return N;
	case PROCESS_MOVER:
		return M;
	case PROCESS_SUPERVISOR:
	case PROCESS_COUNT:
		break;
	}
	return 0;
}

/* ---- seccomp: a call that stands in no row fails with EPERM ---- */

/* Which arguments a call may have.  seccomp sees numbers, never what a pointer points to. */
enum rule {
	ANY,
	NO_EXEC,  /* argument 2, protection: never executable memory */
	BY_FD,    /* argument 3, flags: AT_EMPTY_PATH, which is how glibc asks about a descriptor */
	BY_LINK,  /* argument 4, flags: AT_SYMLINK_FOLLOW alone */
	OWN,      /* argument 0 is this process */
	THREAD,   /* argument 0, flags: a thread of this process, in its name spaces */
	READ_ARG, /* argument 2 is NULL: asks, does not set */
	FCNTL,    /* argument 1 is one of fcntls */
	IOCTL,    /* argument 1 is one of ioctls */
	PRCTL,    /* argument 0 names the thread */
	FORK,     /* argument 0, flags: those of glibc's fork(), so no other name space */
	FILTER,   /* argument 0: one more seccomp filter, which can only take away */
	LOWER,    /* argument 0 is 0, this process; without capabilities no limit goes up */
	ORPHAN,   /* argument 0: to end with the parent */
	INET,     /* arguments 0 and 1: a TCP or UDP socket */
	PAIR,     /* the same: two ends that belong together for good, unlike datagrams */
};

struct call {
	int nr;
	unsigned roles;
	enum rule rule;
};

static const struct call calls[] = {
	/* bytes over descriptors that are there */
	{SCMP_SYS(read), ALL | C, ANY},
	{SCMP_SYS(write), ALL | C, ANY},
	{SCMP_SYS(readv), ALL, ANY},
	{SCMP_SYS(writev), ALL, ANY},
	{SCMP_SYS(pread64), ALL | C, ANY},
	{SCMP_SYS(preadv), ALL, ANY},
	{SCMP_SYS(pwrite64), F | G | I | N, ANY}, /* F: an unnamed file that was granted */
	{SCMP_SYS(lseek), ALL | C, ANY},
	{SCMP_SYS(sendmsg), ALL, ANY},
	{SCMP_SYS(recvmsg), ALL, ANY},
	{SCMP_SYS(sendto), F | G | I | X, ANY}, /* glibc's send(); a socket that is connected */
	{SCMP_SYS(recvfrom), F | G | I | X, ANY},
	{SCMP_SYS(sendmmsg), F | G | X, ANY},
	{SCMP_SYS(recvmmsg), F | G | X, ANY},
	{SCMP_SYS(close), ALL | C, ANY},
	{SCMP_SYS(fcntl), ALL, FCNTL},
	{SCMP_SYS(ioctl), ALL, IOCTL},
	{SCMP_SYS(dup), F | G | I | X, ANY},
	{SCMP_SYS(dup2), F | G | I | X, ANY},
	{SCMP_SYS(dup3), F | G | I | X, ANY},
	{SCMP_SYS(fstat), ALL | C, ANY},
	{SCMP_SYS(fstatfs), G | I, ANY},
	/* the network, on sockets that others made */
	{SCMP_SYS(accept4), F, ANY},
	{SCMP_SYS(shutdown), F | G | I | X, ANY},
	{SCMP_SYS(setsockopt), F | X, ANY},
	{SCMP_SYS(getsockopt), F | G | X, ANY},
	{SCMP_SYS(getpeername), F | X, ANY},
	{SCMP_SYS(getsockname), F | X, ANY},
	/* and on its own.  Name service asks by UDP or TCP; no path of a socket leads out. */
	{SCMP_SYS(socket), X, INET},
	{SCMP_SYS(connect), X, ANY},
	{SCMP_SYS(socketpair), X, PAIR}, /* libcurl wakes itself up with one */
	/* waiting */
	{SCMP_SYS(poll), ALL, ANY},
	{SCMP_SYS(ppoll), ALL, ANY},
	{SCMP_SYS(epoll_create1), F | G | I | X, ANY},
	{SCMP_SYS(epoll_ctl), F | G | I | X, ANY},
	{SCMP_SYS(epoll_wait), F | G | I | X, ANY},
	{SCMP_SYS(epoll_pwait), F | G | I | X, ANY},
	{SCMP_SYS(eventfd2), F | G | I | X, ANY},
	{SCMP_SYS(timerfd_create), F | G | I | X, ANY},
	{SCMP_SYS(timerfd_settime), F | G | I | X, ANY},
	{SCMP_SYS(signalfd4), F | G | I | X, ANY},
	{SCMP_SYS(futex), ALL | C, ANY},
	{SCMP_SYS(sched_yield), ALL | C, ANY},
	{SCMP_SYS(restart_syscall), ALL | C, ANY},
	/* time */
	{SCMP_SYS(clock_gettime), ALL | C, ANY},
	{SCMP_SYS(clock_getres), ALL | C, ANY},
	{SCMP_SYS(clock_nanosleep), ALL, ANY},
	{SCMP_SYS(nanosleep), ALL, ANY},
	{SCMP_SYS(gettimeofday), ALL | C, ANY},
	{SCMP_SYS(time), ALL | C, ANY},
	/* C has no timer, handler, mask or wait with a mask: its alarm cannot be put off. */
	{SCMP_SYS(alarm), R, ANY},
	{SCMP_SYS(setitimer), R, ANY},
	/* memory */
	{SCMP_SYS(brk), ALL | C, ANY},
	{SCMP_SYS(mmap), ALL | C, NO_EXEC},
	{SCMP_SYS(mprotect), ALL | C, NO_EXEC},
	{SCMP_SYS(munmap), ALL | C, ANY},
	{SCMP_SYS(mremap), ALL | C, ANY},
	{SCMP_SYS(madvise), ALL | C, ANY},
	{SCMP_SYS(mlock), ALL, ANY},
	{SCMP_SYS(munlock), ALL, ANY},
	{SCMP_SYS(msync), G | I, ANY},
	{SCMP_SYS(memfd_create), G | I, ANY},
	{SCMP_SYS(getrandom), ALL | C, ANY},
	/* threads, signals, ends */
	{SCMP_SYS(clone), F | G | I | X, THREAD},
	{SCMP_SYS(set_robust_list), ALL, ANY},
	{SCMP_SYS(rseq), ALL, ANY},
	{SCMP_SYS(sched_getaffinity), ALL, ANY},
	{SCMP_SYS(sched_setaffinity), F | G, ANY},
	{SCMP_SYS(rt_sigaction), ALL, ANY},
	{SCMP_SYS(rt_sigprocmask), ALL, ANY},
	{SCMP_SYS(rt_sigreturn), ALL, ANY},
	{SCMP_SYS(rt_sigtimedwait), F | G | I | X, ANY},
	{SCMP_SYS(sigaltstack), ALL | C, ANY}, /* a sanitizer asks, before it lets go of a stack */
	{SCMP_SYS(kill), ALL, OWN},
	/* abort(); in C, where it is refused, abort() ends by an instruction that faults. */
	{SCMP_SYS(tgkill), ALL, OWN},
	{SCMP_SYS(exit), ALL | C, ANY},
	{SCMP_SYS(exit_group), ALL | C, ANY},
	/* questions about itself */
	{SCMP_SYS(getpid), ALL | C, ANY},
	{SCMP_SYS(getppid), ALL, ANY},
	{SCMP_SYS(gettid), ALL | C, ANY},
	{SCMP_SYS(getuid), ALL | C, ANY},
	{SCMP_SYS(geteuid), ALL | C, ANY},
	{SCMP_SYS(getgid), ALL | C, ANY},
	{SCMP_SYS(getegid), ALL | C, ANY},
	{SCMP_SYS(getrusage), ALL | C, ANY},
	{SCMP_SYS(times), ALL | C, ANY},
	{SCMP_SYS(sysinfo), ALL | C, ANY}, /* qsort() asks how much memory there is */
	{SCMP_SYS(uname), ALL | C, ANY},
	{SCMP_SYS(prlimit64), F | G | I | X | C, READ_ARG},
	{SCMP_SYS(getrlimit), ALL, ANY},
	{SCMP_SYS(prctl), ALL, PRCTL},
	/* a reader's child: made, confined, waited for */
	{SCMP_SYS(pipe2), G | R | X, ANY},
	{SCMP_SYS(clone), R, FORK},
	{SCMP_SYS(close_range), R, ANY},
	{SCMP_SYS(prctl), R, ORPHAN},
	{SCMP_SYS(prlimit64), R, LOWER},
	{SCMP_SYS(seccomp), R, FILTER},
	{SCMP_SYS(wait4), R, ANY},
	/* paths: beneath what Landlock leaves open */
	{SCMP_SYS(newfstatat), F | R | C, BY_FD},
	{SCMP_SYS(newfstatat), G | I | X, ANY},
	{SCMP_SYS(statx), G | I | X, ANY},
	{SCMP_SYS(openat2), G | I | N, ANY},
	{SCMP_SYS(openat), G | I | X, ANY}, /* SQLite and the C library */
	{SCMP_SYS(open), G | I | X, ANY},
	{SCMP_SYS(access), G | I | X, ANY},
	{SCMP_SYS(faccessat), G | I | X, ANY},
	{SCMP_SYS(faccessat2), G | I | X, ANY},
	{SCMP_SYS(stat), G | I | X, ANY},
	{SCMP_SYS(lstat), G | I | X, ANY},
	{SCMP_SYS(readlink), G | I | X, ANY},
	{SCMP_SYS(readlinkat), G | I | X, ANY},
	{SCMP_SYS(getcwd), G | I, ANY},
	{SCMP_SYS(getdents64), G | I, ANY}, /* G: older files of the audit log */
	/* SQLite: locks, its log, the index of its log */
	{SCMP_SYS(ftruncate), G | I | N, ANY},
	{SCMP_SYS(fallocate), G | I, ANY},
	{SCMP_SYS(fsync), G | I | N, ANY},
	{SCMP_SYS(sync_file_range), F, ANY}, /* what it wrote, see pwrite64 */
	{SCMP_SYS(fdatasync), G | I | N, ANY},
	{SCMP_SYS(flock), G, ANY}, /* the audit log, which two gates share during a reload */
	{SCMP_SYS(fchmod), I, ANY},
	{SCMP_SYS(fchown), I, ANY},
	{SCMP_SYS(unlink), I, ANY},
	{SCMP_SYS(unlinkat), G | I | N, ANY},
	/* What contributors add: a folder; a name for an unnamed file, by its place in /proc/self */
	{SCMP_SYS(mkdirat), G, ANY},
	{SCMP_SYS(linkat), G, BY_LINK},
	{SCMP_SYS(renameat), N, ANY}, /* keys that were fetched: written beside, then moved */
	{SCMP_SYS(renameat2), G | N, ANY}, /* G: a new file of the audit log */
};

static const unsigned fcntls[] = {F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK,
	F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_ADD_SEALS, F_GET_SEALS};
static const unsigned ioctls[] = {FIONREAD, FIONBIO, TCGETS};

/*
 * Calls that no code of ours and no library makes by mistake: who tries one has taken the process
 * over, and the process ends before the next try.  The reader, whose library has a record of such
 * holes, and the gate, which holds tokens and data, may not even ask for a socket; opening a file
 * stays a plain refusal in the reader, for a file with external raw storage makes libhdf5 try it.
 */
static const struct call deadly[] = {
	{SCMP_SYS(execve), ALL | C, ANY},
	{SCMP_SYS(execveat), ALL | C, ANY},
	{SCMP_SYS(ptrace), ALL | C, ANY},
	{SCMP_SYS(process_vm_readv), ALL | C, ANY},
	{SCMP_SYS(process_vm_writev), ALL | C, ANY},
	{SCMP_SYS(pidfd_getfd), ALL | C, ANY},
	{SCMP_SYS(bpf), ALL | C, ANY},
	{SCMP_SYS(userfaultfd), ALL | C, ANY},
	{SCMP_SYS(io_uring_setup), ALL | C, ANY},
	{SCMP_SYS(perf_event_open), ALL | C, ANY},
	{SCMP_SYS(add_key), ALL | C, ANY},
	{SCMP_SYS(keyctl), ALL | C, ANY},
	{SCMP_SYS(mount), ALL | C, ANY},
	{SCMP_SYS(setns), ALL | C, ANY},
	{SCMP_SYS(unshare), ALL | C, ANY},
	{SCMP_SYS(init_module), ALL | C, ANY},
	{SCMP_SYS(finit_module), ALL | C, ANY},
	{SCMP_SYS(fork), ALL | C, ANY},
	{SCMP_SYS(vfork), ALL | C, ANY},
	{SCMP_SYS(socket), G | R | C, ANY},
	{SCMP_SYS(connect), G | R | C, ANY},
	{SCMP_SYS(clone), C, ANY},
};

#define NEW_SPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE)
#define OF_THREAD (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
#define OF_FORK   (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)

static int
allow_each(scmp_filter_ctx ctx, int nr, const unsigned *values, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n && bad == 0; i++)
		bad = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, nr, 1, SCMP_A1_32(SCMP_CMP_EQ, values[i], 0));
	return bad;
}

static int
allow_first(scmp_filter_ctx ctx, int nr, uint32_t value)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 1, SCMP_A0_32(SCMP_CMP_EQ, value, 0));
}

/* The low four bits of the type; flags stand above them. */
static int
allow_socket(scmp_filter_ctx ctx, int nr, unsigned family, unsigned type)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 2, SCMP_A0_32(SCMP_CMP_EQ, family, 0),
		SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, type));
}

static int
allow_inet(scmp_filter_ctx ctx, int nr)
{
	static const unsigned families[] = {AF_INET, AF_INET6};
	int bad = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && bad == 0; i++) {
		bad = allow_socket(ctx, nr, families[i], SOCK_STREAM);
		if (bad == 0)
			bad = allow_socket(ctx, nr, families[i], SOCK_DGRAM);
	}
	return bad;
}

/* 0, or a negative errno. */
static int
allow(scmp_filter_ctx ctx, const struct call *c)
{
	switch (c->rule) {
	case ANY:
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, c->nr, 0);
	case NO_EXEC:
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, c->nr, 1,
			SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	case BY_FD:
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, c->nr, 1,
			SCMP_A3_32(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
	case BY_LINK:
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, c->nr, 1,
			SCMP_A4_32(SCMP_CMP_EQ, AT_SYMLINK_FOLLOW, 0));
	case OWN:
		return allow_first(ctx, c->nr, (uint32_t)getpid());
	case THREAD:
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, c->nr, 1,
			SCMP_A0_64(SCMP_CMP_MASKED_EQ, OF_THREAD | NEW_SPACES, OF_THREAD));
	case READ_ARG:
		return seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, c->nr, 1, SCMP_A2_64(SCMP_CMP_EQ, 0, 0));
	case FCNTL:
		return allow_each(ctx, c->nr, fcntls, sizeof(fcntls) / sizeof(fcntls[0]));
	case IOCTL:
		return allow_each(ctx, c->nr, ioctls, sizeof(ioctls) / sizeof(ioctls[0]));
	case PRCTL:
		return allow_first(ctx, c->nr, PR_SET_NAME);
	case FORK:
		return seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, c->nr, 1, SCMP_A0_64(SCMP_CMP_EQ, OF_FORK, 0));
	case FILTER:
		return allow_first(ctx, c->nr, SECCOMP_SET_MODE_FILTER);
	case LOWER:
		return allow_first(ctx, c->nr, 0);
	case ORPHAN:
		return allow_first(ctx, c->nr, PR_SET_PDEATHSIG);
	case INET:
		return allow_inet(ctx, c->nr);
	case PAIR:
		return allow_socket(ctx, c->nr, AF_UNIX, SOCK_STREAM);
	}
	return -EINVAL;
}

static int
add_rules(scmp_filter_ctx ctx, unsigned bit)
{
	uint32_t kill = SANITIZED ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS;
	int bad = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && bad == 0; i++)
		if ((calls[i].roles & bit) != 0)
			bad = allow(ctx, &calls[i]);
	/* Not deadly under a sanitizer: the rule would be the default action then, which libseccomp
	 * refuses as a mistake. */
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]) && bad == 0 && !SANITIZED; i++)
		if ((deadly[i].roles & bit) != 0)
			bad = seccomp_rule_add(ctx, kill, deadly[i].nr, 0);
	/* glibc asks for clone3 first, whose flags lie in memory, and takes ENOSYS as "use clone".
	 */
	if (bad == 0)
		bad = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return bad;
}

static bool
enter_seccomp(unsigned bit, struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (ctx == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "seccomp: no memory for the filter");
	int bad = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (bad == 0) /* set before, where the filter of R is not yet in the way */
		bad = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	if (bad == 0)
		bad = add_rules(ctx, bit);
	if (bad == 0)
		bad = seccomp_load(ctx);
	seccomp_release(ctx);
	if (bad == 0)
		return true;
	errno = -bad;
	return err_set(e, ERR_SYSTEM, NULL,
		"seccomp: the kernel takes no filter (CONFIG_SECCOMP_FILTER, or a system call list "
		"of "
		"the service without `seccomp`)");
}

/* ---- rlimits and privileges ---- */

#define KEEP UINT64_MAX

static const struct limit_row {
	const char *name;
	uint64_t value; /* at most; a lower hard limit stays */
	int what;
	unsigned roles;
} limits[] = {
	{"RLIMIT_CORE", 0, RLIMIT_CORE, ALL}, /* memory holds keys and tokens */
	/* Not for R: the kernel counts all processes of the user, and it has to start one. */
	{"RLIMIT_NPROC", 0, RLIMIT_NPROC, C},
	{"RLIMIT_NOFILE", 65536, RLIMIT_NOFILE, F}, /* a socket and a file for each connection */
	{"RLIMIT_NOFILE", 16384, RLIMIT_NOFILE, G}, /* kept grants of all workers */
	{"RLIMIT_NOFILE", 1024, RLIMIT_NOFILE, I | X}, {"RLIMIT_NOFILE", 64, RLIMIT_NOFILE, R},
	{"RLIMIT_NOFILE", 0, RLIMIT_NOFILE, C}, /* what is open stays open */
	/* One file's metadata takes some MiB; a file that asks for more gets an error. */
	{"RLIMIT_AS", SANITIZED ? KEEP : 1ULL << 30, RLIMIT_AS, R},
	{"RLIMIT_CPU", READING_DEADLINE + 1U, RLIMIT_CPU, C}, /* its alarm comes first */
};

static bool
enter_limits(unsigned bit, struct err *e)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit v;
		if ((limits[i].roles & bit) == 0 || limits[i].value == KEEP)
			continue;
		/* glibc's prototype wants its own enum. */
		if (getrlimit((__rlimit_resource_t)limits[i].what, &v) != 0)
			return err_set(e, ERR_SYSTEM, NULL, "%s cannot be read", limits[i].name);
		if (v.rlim_max > limits[i].value)
			v.rlim_max = limits[i].value;
		v.rlim_cur = v.rlim_max;
		if (setrlimit((__rlimit_resource_t)limits[i].what, &v) != 0)
			return err_set(e, ERR_SYSTEM, NULL, "%s cannot be lowered", limits[i].name);
	}
	return true;
}

/*
 * No role needs a capability, also where the daemon was started as root: what the gate and the
 * indexer read must be readable to their user.
 */
static bool
drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

	struct __user_cap_data_struct have[2] = {{0, 0, 0}, {0, 0, 0}};
	/* Under the unit's own filter capset is forbidden, and there is nothing to drop. */
	if (syscall(SYS_capget, &head, have) == 0 && memcmp(have, none, sizeof(none)) == 0)
		return true;
	if (syscall(SYS_capset, &head, none) != 0)
		return err_set(e, ERR_SYSTEM, NULL, "capabilities cannot be dropped");
	return true;
}

static bool
enter_privileges(unsigned bit, struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(e, ERR_SYSTEM, NULL, "no_new_privs is not taken");
	/* No core, no ptrace, no /proc/PID/mem by another process of the same user. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set(e, ERR_SYSTEM, NULL, "PR_SET_DUMPABLE is not taken");
	return enter_limits(bit, e) && drop_capabilities(e);
}

/* ---- all of it ---- */

/* A part could not be set up: false when the sandbox is required, else it is noted. */
static bool
note_missing(
	const struct role *r, char *missing, unsigned long n, const struct err *part, struct err *e)
{
	if (r->settings == NULL || r->settings->sandbox_required) {
		errno = 0; /* part->msg holds its text already */
		err_set(e, ERR_SYSTEM, NULL,
			"sandbox: required, but %s; mend it, or set `sandbox: best-effort`",
			part->msg);
		if (e != NULL)
			e->sys = part->sys;
		return false;
	}
	size_t used = strlen(missing);
	if (used < n)
		(void)snprintf(missing + used, n - used, "%s%s", used > 0 ? ", " : "", part->msg);
	return true;
}

bool
sandbox_enter(struct role *r, char *missing, unsigned long n, struct err *e)
{
	unsigned bit = role_bit(r->what);
	struct err part = {0};

	if (n > 0)
		missing[0] = '\0';
	if (bit == 0)
		return err_set(e, ERR_SYSTEM, NULL, "sandbox: no table for this role");
	if (!enter_privileges(bit, &part) && !note_missing(r, missing, n, &part, e))
		return false;
	if (!sandbox_landlock(r, &part) && !note_missing(r, missing, n, &part, e))
		return false;
	/* Last, since it takes away the calls that the others need. */
	if (!enter_seccomp(bit, &part) && !note_missing(r, missing, n, &part, e))
		return false;
	return true;
}

bool
sandbox_enter_child(const struct role *r, struct err *e)
{
	struct err part = {0};
	char missing[256] = {0};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		(void)err_set(&part, ERR_SYSTEM, NULL, "PR_SET_PDEATHSIG is not taken");
	if ((part.code != ERR_NONE || !enter_limits(C, &part)) &&
		!note_missing(r, missing, sizeof(missing), &part, e))
		return false;
	return enter_seccomp(C, &part) || note_missing(r, missing, sizeof(missing), &part, e);
}
