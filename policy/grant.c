/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/grant.h"

#include "agent/base/scope.h"
#include "policy/grant_adopt.h"
#include "policy/grant_issue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct grant {
	atomic_uint refs;
	int fd;
	int64_t until_boot; /* ms of the boot clock; INT64_MAX: info.expires alone counts */
	struct grant_info info;
};

static int64_t
clock_ms(clockid_t which)
{
	struct timespec t = {0};

	(void)clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * A wall clock that is set back must not lengthen a grant: what is left of it now is also counted
 * by the clock that cannot be set.
 */
static int64_t
until_boot(const struct grant_info *info)
{
	int64_t now = clock_ms(CLOCK_REALTIME);

	if (info->expires <= now / 1000 || info->expires >= INT64_MAX / 1000)
		return INT64_MAX;
	return clock_ms(CLOCK_BOOTTIME) + info->expires * 1000 - now;
}

static bool
grant_make(int *fd, const struct grant_info *info, struct grant **ret, struct err *e)
{
	struct grant *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for a grant");
	atomic_init(&g->refs, 1);
	g->info = *info;
	g->until_boot = until_boot(info);
	g->fd = take_fd(fd);
	*ret = g;
	return true;
}

bool
grant_issue(int *fd, const struct grant_info *info, struct grant **ret, struct err *e)
{
	struct grant_info full = *info;
	struct stat st;

	if (fstat(*fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "fstat");
	if (info->kind == GRANT_PIPE ? !S_ISFIFO(st.st_mode) : !S_ISREG(st.st_mode))
		return err_set(e, ERR_ABSENT, NULL, "not a regular file");
	if (info->kind != GRANT_WRITE)
		full.size = (uint64_t)st.st_size;
	full.mtime_s = st.st_mtim.tv_sec;
	full.mtime_ns = st.st_mtim.tv_nsec;
	full.ctime_s = st.st_ctim.tv_sec;
	full.ctime_ns = st.st_ctim.tv_nsec;
	return grant_make(fd, &full, ret, e);
}

int
grant_issue_fd(const struct grant *g)
{
	return g->fd;
}

bool
grant_adopt(int *fd, const struct grant_info *info, struct grant **ret, struct err *e)
{
	if (*fd < 0)
		return err_set(e, ERR_SYNTAX, NULL, "a grant came without its descriptor");
	return grant_make(fd, info, ret, e);
}

int
grant_adopt_fd(const struct grant *g)
{
	return g->info.kind == GRANT_WRITE ? g->fd : -1;
}

const struct grant_info *
grant_info(const struct grant *g)
{
	return &g->info;
}

struct grant *
grant_ref(struct grant *g)
{
	atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
	return g;
}

void
grant_unref(struct grant *g)
{
	if (g == NULL || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
		return;
	(void)close(g->fd);
	free(g);
}

ssize_t
grant_pread(const struct grant *g, void *buf, size_t n, uint64_t offset)
{
	ssize_t r = -1;

	do {
		r = pread(g->fd, buf, n, (off_t)offset);
	} while (r < 0 && errno == EINTR);
	return r;
}

ssize_t
grant_pwrite(const struct grant *g, const void *buf, size_t n, uint64_t offset)
{
	ssize_t r = -1;

	if (g->info.kind != GRANT_WRITE) {
		errno = EBADF;
		return -1;
	}
	if (offset > g->info.size || n > g->info.size - offset) {
		errno = EFBIG;
		return -1;
	}
	do {
		r = pwrite(g->fd, buf, n, (off_t)offset);
	} while (r < 0 && errno == EINTR);
	return r;
}

void
grant_flush(const struct grant *g, uint64_t offset, uint64_t n)
{
	if (g->info.kind == GRANT_WRITE && n > 0)
		(void)sync_file_range(g->fd, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
}

int
grant_pipe(const struct grant *g)
{
	return g->info.kind == GRANT_PIPE ? g->fd : -1;
}

bool
grant_unchanged(const struct grant *g)
{
	const struct grant_info *i = &g->info;
	struct stat st;

	if (i->generated)
		return true;
	return fstat(g->fd, &st) == 0 && (uint64_t)st.st_size == i->size &&
	       st.st_mtim.tv_sec == i->mtime_s && st.st_mtim.tv_nsec == i->mtime_ns &&
	       st.st_ctim.tv_sec == i->ctime_s && st.st_ctim.tv_nsec == i->ctime_ns;
}

bool
grant_valid(const struct grant *g, int64_t now, uint64_t epoch)
{
	return now < g->info.expires && epoch == g->info.epoch &&
	       (g->until_boot == INT64_MAX || clock_ms(CLOCK_BOOTTIME) < g->until_boot);
}
