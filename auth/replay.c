/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/scope.h"
#include "agent/base/siphash.h"

#define MAGIC  0x7265706c61793031U /* also the version of this layout */
#define SETS   (REPLAY_ENTRIES / REPLAY_WAYS)
#define LOCKS  64U
#define NAMING 1024U /* bytes of a thumbprint and a jti */

struct slot {
	uint64_t tag;
	int64_t until; /* 0: empty; past: free */
};

/* The shared memory. */
struct table {
	uint64_t magic;
	int64_t born;
	uint64_t key[2];
	pthread_mutex_t lock[LOCKS]; /* of sets i, i + LOCKS, ... */
	struct slot slot[REPLAY_ENTRIES];
};

struct replay {
	struct table *table;
};

/* ---- making and mapping ---- */

static bool
table_init(struct table *t, int64_t now, struct err *e)
{
	pthread_mutexattr_t how;
	bool ok = pthread_mutexattr_init(&how) == 0;

	ok = ok && pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED) == 0 &&
	     pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST) == 0;
	for (size_t i = 0; ok && i < LOCKS; i++)
		ok = pthread_mutex_init(&t->lock[i], &how) == 0;
	(void)pthread_mutexattr_destroy(&how);
	if (!ok)
		return err_set(e, ERR_SYSTEM, NULL, "locks of the replay table");
	if (!crypto_random(t->key, sizeof(t->key), e))
		return false;
	t->born = now;
	t->magic = MAGIC;
	return true;
}

int
replay_create(int64_t now, struct err *e)
{
	AUTO_FD fd = memfd_create("pan-replay", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, sizeof(struct table)) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
		(void)err_set(e, ERR_SYSTEM, NULL, "replay table");
		return -1;
	}
	struct table *t =
		mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (t == MAP_FAILED) {
		(void)err_set(e, ERR_SYSTEM, NULL, "replay table");
		return -1;
	}
	bool ok = table_init(t, now, e);
	(void)munmap(t, sizeof(struct table));
	return ok ? take_fd(&fd) : -1;
}

bool
replay_map(int fd, struct replay **ret, struct err *e)
{
	AUTO_FREE struct replay *r = calloc(1, sizeof(*r));
	struct stat st;

	if (r == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the replay table");
	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "replay table");
	if (st.st_size != (off_t)sizeof(struct table))
		return err_set(e, ERR_SYNTAX, NULL, "replay table: of another size");
	r->table = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r->table == MAP_FAILED)
		return err_set(e, ERR_SYSTEM, NULL, "replay table");
	if (r->table->magic != MAGIC) {
		(void)munmap(r->table, sizeof(struct table));
		return err_set(e, ERR_SYNTAX, NULL, "replay table: not made by this version");
	}
	*ret = take_ptr(&r);
	return true;
}

bool
replay_new(int64_t now, struct replay **ret, struct err *e)
{
	AUTO_FD fd = replay_create(now, e);

	return fd >= 0 && replay_map(fd, ret, e);
}

void
replay_free(struct replay *r)
{
	if (r == NULL)
		return;
	(void)munmap(r->table, sizeof(struct table));
	free(r);
}

int64_t
replay_born(const struct replay *r)
{
	return r->table->born;
}

/* ---- looking ---- */

static uint64_t
hash(const struct table *t, struct span jkt, struct span jti)
{
	char text[NAMING];
	uint64_t sizes[2] = {jkt.n, jti.n};

	/* Longer ones never come: proof.c refuses them. */
	jkt = span_first(jkt, (NAMING - sizeof(sizes)) / 2);
	jti = span_first(jti, (NAMING - sizeof(sizes)) / 2);
	memcpy(text, sizes, sizeof(sizes));
	if (jkt.n > 0)
		memcpy(text + sizeof(sizes), jkt.p, jkt.n);
	if (jti.n > 0)
		memcpy(text + sizeof(sizes) + jkt.n, jti.p, jti.n);
	return siphash(t->key, (struct span){text, sizeof(sizes) + jkt.n + jti.n});
}

static void
lock(pthread_mutex_t *m)
{
	/* A process died with it: at worst one slot is half written, which does no harm. */
	if (pthread_mutex_lock(m) == EOWNERDEAD)
		(void)pthread_mutex_consistent(m);
}

static enum replay_answer
look(struct slot *set, uint64_t tag, int64_t until, int64_t now)
{
	struct slot *room = NULL;

	for (size_t i = 0; i < REPLAY_WAYS; i++) {
		if (set[i].tag == tag && set[i].until > now)
			return REPLAY_SEEN;
		if (room == NULL && set[i].until <= now)
			room = &set[i];
	}
	if (room == NULL)
		return REPLAY_FULL;
	*room = (struct slot){tag, until};
	return REPLAY_NEW;
}

enum replay_answer
replay_add(struct replay *r, struct span jkt, struct span jti, int64_t until, int64_t now)
{
	struct table *t = r->table;
	uint64_t tag = hash(t, jkt, jti);
	size_t share = hash(t, jkt, SPAN("")) % REPLAY_SHARES;
	size_t set = share * (SETS / REPLAY_SHARES) + tag % (SETS / REPLAY_SHARES);

	lock(&t->lock[set % LOCKS]);
	enum replay_answer a = look(&t->slot[set * REPLAY_WAYS], tag, until, now);
	(void)pthread_mutex_unlock(&t->lock[set % LOCKS]);
	return a;
}
