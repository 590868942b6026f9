/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit.h"

#include "agent/base/buf.h"
#include "agent/base/civil.h"
#include "agent/base/crypto.h"
#include "agent/base/jsonw.h"
#include "agent/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define AUDIT_BATCH_MAX (64 * AUDIT_LINE_MAX)
#define AUDIT_KEY_LEN   32U
#define AUDIT_NODE_MAX  512U

struct audit {
	pthread_mutex_t lock; /* between threads; flock() is between processes */
	int fd, dir;
	enum audit_sync sync;
	bool dirty;
	bool torn;       /* a half-written last line was found when it was opened */
	struct buf node; /* JSON text */
	uint64_t size;   /* of the file when `seq` and `prev` were true */
	uint64_t seq;    /* of the last line; 0: none */
	int64_t last_ms;
	uint8_t prev[32];
	char month[8]; /* of `key`: "2026-06"; "": none yet */
	uint8_t key[AUDIT_KEY_LEN];
	struct buf batch;
};

/* ---- the tail: where the chain stands ---- */

/* Bytes after the last line end are what a crash left: to FILE.torn, and off the log. */
static bool
move_torn(struct audit *a, struct span torn, uint64_t keep, struct err *e)
{
	if (a->dir >= 0) {
		AUTO_FD out = openat(
			a->dir, "audit.torn", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
		if (out < 0 || write(out, torn.p, torn.n) != (ssize_t)torn.n ||
			write(out, "\n", 1) != 1)
			return err_set(e, ERR_SYSTEM, NULL, "could not save the torn audit line");
	}
	if (ftruncate(a->fd, (off_t)keep) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not cut the torn audit line");
	return true;
}

/* Read number and hash of the last whole line.  The flock is held. */
static bool
read_tail(struct audit *a, struct err *e)
{
	AUTO_FREE char *text = malloc(2 * AUDIT_LINE_MAX);
	struct stat st;

	if (text == NULL || fstat(a->fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not look at the audit log");
	uint64_t size = (uint64_t)st.st_size;
	uint64_t from = size > 2 * AUDIT_LINE_MAX ? size - 2 * AUDIT_LINE_MAX : 0;
	ssize_t n = pread(a->fd, text, (size_t)(size - from), (off_t)from);
	if (n != (ssize_t)(size - from))
		return err_set(e, ERR_SYSTEM, NULL, "could not read the audit log's tail");
	struct span tail = {text, (size_t)n};
	size_t end = tail.n;
	while (end > 0 && tail.p[end - 1] != '\n')
		end--;
	if (end < tail.n) {
		if (!move_torn(a, span_skip(tail, end), from + end, e))
			return false;
		a->torn = true;
		size = from + end;
	}
	a->size = size;
	if (end == 0 && from > 0)
		return err_set(e, ERR_LIMIT, NULL, "the last audit line is longer than %lu bytes",
			AUDIT_LINE_MAX);
	if (end == 0) {
		a->seq = 0;
		memset(a->prev, 0, sizeof(a->prev));
		return true;
	}
	size_t begin = end - 1;
	while (begin > 0 && tail.p[begin - 1] != '\n')
		begin--;
	struct span line = {tail.p + begin, end - 1 - begin};
	struct audit_line l;
	if (!audit_line_head(line, &l, e))
		return false;
	crypto_sha256(line, a->prev);
	a->seq = l.seq;
	a->last_ms = l.ms;
	return true;
}

/* flock, and the tail read again when another process wrote since. */
static bool
lock_file(struct audit *a, struct err *e)
{
	struct stat st;

	while (flock(a->fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, ERR_SYSTEM, NULL, "could not lock the audit log");
	if (fstat(a->fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not look at the audit log");
	return (uint64_t)st.st_size == a->size || read_tail(a, e);
}

bool
audit_open(
	int *fd, int dir, const char *node, enum audit_sync sync, struct audit **ret, struct err *e)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the audit log");
	(void)pthread_mutex_init(&a->lock, NULL);
	a->fd = *fd;
	a->dir = dir;
	a->sync = sync;
	a->batch.max = AUDIT_BATCH_MAX;
	a->node.max = AUDIT_NODE_MAX;
	jsonw_quote(&a->node, span_of(node));
	bool ok = flock(a->fd, LOCK_EX) == 0 ||
		  err_set(e, ERR_SYSTEM, NULL, "could not lock the audit log");
	ok = ok && read_tail(a, e);
	(void)flock(a->fd, LOCK_UN);
	if (!ok) {
		a->fd = -1;
		audit_free(a);
		return false;
	}
	*fd = -1;
	*ret = a;
	return true;
}

bool
audit_was_torn(const struct audit *a)
{
	return a->torn;
}

void
audit_free(struct audit *a)
{
	if (a == NULL)
		return;
	if (a->fd >= 0)
		(void)close(a->fd);
	explicit_bzero(a->key, sizeof(a->key));
	buf_fini(&a->batch);
	buf_fini(&a->node);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- appending ---- */

/* The batch leaves in one write, or not at all. */
static bool
write_batch(struct audit *a, struct err *e)
{
	size_t done = 0;

	while (done < a->batch.n) {
		ssize_t n = write(a->fd, a->batch.p + done, a->batch.n - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			(void)err_set(e, ERR_SYSTEM, NULL, "could not write the audit log");
			if (done > 0 && ftruncate(a->fd, (off_t)a->size) < 0)
				a->size = UINT64_MAX; /* have the tail read again, the torn part cut
						       */
			return false;
		}
		done += (size_t)n;
	}
	if (a->sync == AUDIT_SYNC_ALWAYS && fdatasync(a->fd) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not flush the audit log");
	a->dirty = true;
	return true;
}

static bool
append_locked(struct audit *a, struct audit_item *items, size_t n, int64_t now_ms, struct err *e)
{
	if (!lock_file(a, e))
		return false;
	uint64_t seq = a->seq;
	uint8_t prev[32];
	int64_t ms = now_ms > a->last_ms ? now_ms : a->last_ms;
	memcpy(prev, a->prev, sizeof(prev));
	buf_reset(&a->batch);
	for (size_t i = 0; i < n; i++) {
		size_t from = a->batch.n;
		struct audit_line l = {.seq = ++seq,
			.ms = ms,
			.kind = span_of(items[i].kind),
			.node = buf_span(&a->node),
			.rest = items[i].rest};
		memcpy(l.prev, prev, sizeof(prev));
		audit_line_write(&a->batch, &l);
		if (!buf_ok(&a->batch) || a->batch.n - from > AUDIT_LINE_MAX)
			return err_set(
				e, ERR_LIMIT, NULL, "audit record above %lu bytes", AUDIT_LINE_MAX);
		crypto_sha256((struct span){a->batch.p + from, a->batch.n - from - 1}, prev);
		items[i].ret_seq = seq;
	}
	if (!write_batch(a, e))
		return false;
	a->size += a->batch.n;
	a->seq = seq;
	a->last_ms = ms;
	memcpy(a->prev, prev, sizeof(prev));
	return true;
}

bool
audit_append(struct audit *a, struct audit_item *items, size_t n, int64_t now_ms, struct err *e)
{
	(void)pthread_mutex_lock(&a->lock);
	bool ok = append_locked(a, items, n, now_ms, e);
	(void)flock(a->fd, LOCK_UN);
	(void)pthread_mutex_unlock(&a->lock);
	return ok;
}

bool
audit_flush(struct audit *a, struct err *e)
{
	(void)pthread_mutex_lock(&a->lock);
	bool due = a->sync == AUDIT_SYNC_SECOND && a->dirty;
	a->dirty = false;
	(void)pthread_mutex_unlock(&a->lock);
	if (due && fdatasync(a->fd) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not flush the audit log");
	return true;
}

/* ---- names of persons ---- */

/* The month's key: 32 random bytes in a file of their own, made by whoever comes first. */
static bool
load_key(struct audit *a, const char month[8], struct err *e)
{
	char name[32];

	if (a->dir < 0) {
		if (!crypto_random(a->key, AUDIT_KEY_LEN, e))
			return false;
		memcpy(a->month, month, sizeof(a->month));
		return true;
	}
	(void)snprintf(name, sizeof(name), "audit-key-%.7s", month);
	AUTO_FD fd = openat(a->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not open %s", name);
	ssize_t n = pread(fd, a->key, AUDIT_KEY_LEN, 0);
	if (n < (ssize_t)AUDIT_KEY_LEN) {
		if (!crypto_random(a->key, AUDIT_KEY_LEN, e))
			return false;
		if (pwrite(fd, a->key, AUDIT_KEY_LEN, 0) != (ssize_t)AUDIT_KEY_LEN ||
			fdatasync(fd) < 0)
			return err_set(e, ERR_SYSTEM, NULL, "could not write %s", name);
	}
	memcpy(a->month, month, sizeof(a->month));
	return true;
}

bool
audit_subject_id(struct audit *a, struct span iss, struct span sub, int64_t now,
	char out[AUDIT_ID_LEN], struct err *e)
{
	AUTO_BUF text = BUF_INIT(4096);
	AUTO_BUF id = BUF_INIT(AUDIT_ID_LEN);
	uint8_t mac[32];
	char month[8] = {0};

	civil_write_iso(&text, now);
	(void)span_cstr(span_first(buf_span(&text), 7), month, sizeof(month));
	buf_reset(&text);
	buf_add(&text, iss);
	buf_addc(&text, '\0');
	buf_add(&text, sub);
	(void)pthread_mutex_lock(&a->lock);
	bool ok = memcmp(a->month, month, sizeof(month)) == 0 || load_key(a, month, e);
	if (ok)
		crypto_hmac_sha256(
			(struct span){(const char *)a->key, AUDIT_KEY_LEN}, buf_span(&text), mac);
	(void)pthread_mutex_unlock(&a->lock);
	if (!ok || !buf_ok(&text))
		return ok ? err_set(e, ERR_LIMIT, NULL, "issuer and subject above 4 KiB") : false;
	buf_adds(&id, month);
	buf_addc(&id, ':');
	buf_add_hex(&id, mac, 16);
	return span_cstr(buf_span(&id), out, AUDIT_ID_LEN);
}
