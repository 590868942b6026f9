/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor_shared.h"

#include "agent/base/scope.h"
#include "agent/session.h"
#include "auth/replay.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EPOCH_SIZE 4096

/* Zeroed memory whose size is its last word; -1 with *e. */
static int
make(const char *name, size_t n, struct err *e)
{
	AUTO_FD fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)n) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		(void)err_set(e, ERR_SYSTEM, NULL, "shared memory %s of %zu bytes", name, n);
		return -1;
	}
	return take_fd(&fd);
}

static bool
open_epoch(struct supervisor *s, struct err *e)
{
	char path[64];

	s->shared.epoch_write = make("pan-epoch", EPOCH_SIZE, e);
	if (s->shared.epoch_write < 0)
		return false;
	/* Opened anew: a role that has only this descriptor can never write. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", s->shared.epoch_write);
	s->shared.epoch_read = open(path, O_RDONLY | O_CLOEXEC);
	void *p = mmap(
		NULL, EPOCH_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->shared.epoch_write, 0);
	if (s->shared.epoch_read < 0 || p == MAP_FAILED)
		return err_set(e, ERR_SYSTEM, NULL, "shared memory");
	s->epoch = p;
	__atomic_store_n(s->epoch, 1, __ATOMIC_SEQ_CST);
	return true;
}

bool
supervisor_shared_open(struct supervisor *s, struct err *e)
{
	if (!open_epoch(s, e))
		return false;
	s->shared.metrics = metric_create(e);
	if (s->shared.metrics < 0)
		return false;
	s->metrics = metric_map(s->shared.metrics, role_stripe(PROCESS_SUPERVISOR, 0), e);
	if (s->metrics == NULL)
		return false;
	/* No page of it exists until a gate writes there. */
	s->shared.sessions = s->once ? -1 : make("pan-sessions", SESSION_BYTES, e);
	s->shared.replay = s->once ? -1 : replay_create((int64_t)time(NULL), e);
	return s->once || (s->shared.sessions >= 0 && s->shared.replay >= 0);
}

void
supervisor_shared_close(struct supervisor *s)
{
	const int fds[] = {s->shared.epoch_read, s->shared.epoch_write, s->shared.metrics,
		s->shared.sessions, s->shared.replay};

	metric_unmap(s->metrics);
	if (s->epoch != NULL)
		(void)munmap(s->epoch, EPOCH_SIZE);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}
