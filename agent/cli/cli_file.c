/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_file.h"

#include "agent/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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
