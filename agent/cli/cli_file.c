/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_file.h"

#include "agent/base/crypto.h"
#include "agent/base/fdwrite.h"
#include "agent/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool
cli_file_read(const char *path, struct buf *ret, struct err *e)
{
	char piece[65536];
	bool standard = strcmp(path, "-") == 0;
	AUTO_FD own = standard ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	int fd = standard ? STDIN_FILENO : own;

	if (fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "%s", path);
	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_SYSTEM, NULL, "%s", path);
		if (n == 0)
			return true;
		buf_add(ret, (struct span){piece, (size_t)n});
		if (!buf_ok(ret))
			return err_set(
				e, ERR_LIMIT, NULL, "%s: more than %zu bytes", path, ret->max);
	}
}

static bool
replace(int folder, const char *name, struct span text, mode_t mode, struct err *e)
{
	unsigned char id[8];
	char other[320];

	if (!crypto_random(id, sizeof(id), e))
		return false;
	AUTO_BUF hex = BUF_INIT(64);
	buf_add_hex(&hex, id, sizeof(id));
	(void)snprintf(other, sizeof(other), ".%s.%.*s", name, SPAN_ARG(buf_span(&hex)));
	AUTO_FD fd =
		openat(folder, other, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "cannot write %s", name);
	if (fdwrite_all(fd, text) && fchmod(fd, mode) == 0 && fsync(fd) == 0 &&
		renameat(folder, other, folder, name) == 0)
		return true;
	(void)err_set(e, ERR_SYSTEM, NULL, "cannot write %s", name);
	(void)unlinkat(folder, other, 0);
	return false;
}

static bool
replace_undisturbed(int folder, const char *name, struct span text, mode_t mode, struct err *e)
{
	sigset_t ends;
	sigset_t before;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &ends, &before);
	bool ok = replace(folder, name, text, mode, e);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

bool
cli_file_replace(int folder, const char *name, struct span text, struct err *e)
{
	return replace_undisturbed(folder, name, text, 0600, e);
}

bool
cli_file_publish(int folder, const char *name, struct span text, struct err *e)
{
	return replace_undisturbed(folder, name, text, 0644, e);
}
