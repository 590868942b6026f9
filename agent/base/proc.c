/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_FD 3

/* Between fork and exec: system calls only.  Never returns. */
static _Noreturn void
child(char *const argv[], int fd, pid_t parent)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it died before we asked */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)sigaction(ignored[i], &ignore, NULL);
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null >= 0)
		(void)dup2(null, STDIN_FILENO);
	/* dup2 onto itself would leave close-on-exec set. */
	int up = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_FD + 1);
	if (up < 0 || dup2(up, CHILD_FD) < 0)
		_exit(1);
	(void)close_range(CHILD_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	(void)execv("/proc/self/exe", argv);
	_exit(127);
}

bool
proc_spawn(char *const argv[], int fd, pid_t *ret, struct err *e)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return err_set(e, ERR_SYSTEM, NULL, "start a process");
	if (pid == 0)
		child(argv, fd, parent);
	*ret = pid;
	return true;
}

bool
proc_ended(pid_t pid, int *status)
{
	pid_t got = 0;

	do {
		got = waitpid(pid, status, WNOHANG);
	} while (got < 0 && errno == EINTR);
	return got == pid;
}

const char *
proc_status_text(int status, char *out, unsigned long n)
{
	if (WIFSIGNALED(status))
		(void)snprintf(out, n, "signal %d (%s)", WTERMSIG(status),
			sigdescr_np(WTERMSIG(status)) != NULL ? sigdescr_np(WTERMSIG(status))
							      : "unknown");
	else
		(void)snprintf(out, n, "exit status %d", WEXITSTATUS(status));
	return out;
}

long long
proc_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
