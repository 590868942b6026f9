/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit.h"

#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/jsonw.h"
#include "agent/base/scope.h"
#include "policy/audit_record.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_BATCH_MAX  (64 * AUDIT_LINE_MAX)
#define AUDIT_NODE_MAX   512U
#define AUDIT_PERSON_MAX 4096U

struct audit {
	pthread_mutex_t lock; /* between threads; flock() is between processes */
	struct audit_file file;
	enum audit_sync sync;
	bool dirty, failing;
	struct buf node;             /* JSON text */
	uint8_t secret[32];          /* checkpoints are signed with; only with a folder */
	char month[AUDIT_MONTH_LEN]; /* of `key`: "2026-06"; "": none yet */
	uint8_t key[AUDIT_KEY_LEN];
	struct buf person; /* issuer, NUL and subject of `id`, the last one named in that month */
	char id[AUDIT_ID_LEN];
	struct crypto_digest *sha256;
	struct buf batch;
};

bool
audit_open(int *fd, const struct audit_place *at, const char *node, enum audit_sync sync,
	struct audit **ret, struct err *e)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the audit log");
	(void)pthread_mutex_init(&a->lock, NULL);
	a->file.fd = -1;
	a->sync = sync;
	a->batch.max = AUDIT_BATCH_MAX;
	a->node.max = AUDIT_NODE_MAX;
	a->person.max = AUDIT_PERSON_MAX;
	jsonw_quote(&a->node, span_of(node));
	if (!crypto_digest_new(CRYPTO_HASH_SHA256, &a->sha256, e) ||
		(at->dir >= 0 && !audit_keys_signing(at->dir, a->secret, e)) ||
		!audit_file_open(fd, at, &a->file, e)) {
		audit_free(a);
		return false;
	}
	*ret = a;
	return true;
}

void
audit_free(struct audit *a)
{
	if (a == NULL)
		return;
	audit_file_close(&a->file);
	explicit_bzero(a->key, sizeof(a->key));
	explicit_bzero(a->secret, sizeof(a->secret));
	buf_fini(&a->batch);
	buf_fini(&a->node);
	buf_fini(&a->person);
	crypto_digest_free(a->sha256);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- appending ---- */

/* The chain as it will stand when the batch is written. */
struct chain {
	uint64_t seq;
	int64_t ms;
	uint8_t hash[32];
	uint64_t signed_at;
	int64_t signed_ms;
};

static bool
hash_line(struct audit *a, size_t from, uint8_t ret[32])
{
	uint8_t hash[CRYPTO_DIGEST_MAX];
	size_t n = 0;

	if (!crypto_digest_add(a->sha256, a->batch.p + from, a->batch.n - from - 1) ||
		!crypto_digest_end(a->sha256, hash, &n) || n != CRYPTO_SHA256_SIZE)
		return false;
	memcpy(ret, hash, CRYPTO_SHA256_SIZE);
	return true;
}

static bool
put_line(struct audit *a, struct chain *c, const char *kind, struct span rest, struct err *e)
{
	struct audit_line l = {.seq = c->seq + 1,
		.ms = c->ms,
		.kind = span_of(kind),
		.node = buf_span(&a->node),
		.rest = rest};
	size_t from = a->batch.n;

	memcpy(l.prev, c->hash, sizeof(l.prev));
	audit_line_write(&a->batch, &l);
	if (!buf_ok(&a->batch) || a->batch.n - from > AUDIT_LINE_MAX)
		return err_set(e, ERR_LIMIT, NULL, "audit record above %lu bytes", AUDIT_LINE_MAX);
	c->seq = l.seq;
	return hash_line(a, from, c->hash) ||
	       err_set(e, ERR_SYSTEM, NULL, "SHA-256: libcrypto failed");
}

static bool
put_checkpoint(struct audit *a, struct chain *c, struct err *e)
{
	struct audit_signing s = {.upto = c->seq};
	AUTO_BUF text = BUF_INIT(1024);

	memcpy(s.head, c->hash, sizeof(s.head));
	if (!audit_keys_sign(a->secret, &s, e))
		return false;
	audit_record_checkpoint(&text, &s);
	if (!put_line(a, c, "checkpoint", buf_span(&text), e))
		return false;
	c->signed_at = c->seq;
	c->signed_ms = c->ms;
	return true;
}

/* Before the first record of the batch. */
static bool
is_checkpoint_due(const struct audit *a, const struct chain *c)
{
	if (a->file.dir < 0 || c->seq == 0)
		return false;
	return a->file.size == 0 ||
	       (c->seq > c->signed_at && c->ms - c->signed_ms >= AUDIT_CHECKPOINT_MS);
}

static bool
put_items(struct audit *a, struct audit_item *items, size_t n, struct chain *c, struct err *e)
{
	if (is_checkpoint_due(a, c) && !put_checkpoint(a, c, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!put_line(a, c, items[i].kind, items[i].rest, e))
			return false;
		items[i].ret_seq = c->seq;
		if (a->file.dir >= 0 && c->seq - c->signed_at >= AUDIT_CHECKPOINT - 1 &&
			!put_checkpoint(a, c, e))
			return false;
	}
	return true;
}

static void
begin_chain(const struct audit *a, int64_t now_ms, struct chain *ret)
{
	const struct audit_file *f = &a->file;

	*ret = (struct chain){.seq = f->seq,
		.ms = now_ms > f->ms ? now_ms : f->ms,
		.signed_at = f->signed_at,
		.signed_ms = f->signed_ms};
	if (f->seq == 0) /* the first hour begins with the log */
		ret->signed_ms = ret->ms;
	memcpy(ret->hash, f->hash, sizeof(ret->hash));
}

static void
end_chain(struct audit *a, const struct chain *c)
{
	struct audit_file *f = &a->file;

	f->seq = c->seq;
	f->ms = c->ms;
	memcpy(f->hash, c->hash, sizeof(f->hash));
	f->signed_at = c->signed_at;
	f->signed_ms = c->signed_ms;
	a->dirty = true;
}

/* The lock is held. */
static bool
write_items(struct audit *a, struct audit_item *items, size_t n, int64_t now_ms, struct err *e)
{
	struct chain c;

	begin_chain(a, now_ms, &c);
	buf_reset(&a->batch);
	if (!put_items(a, items, n, &c, e) || !audit_file_write(&a->file, buf_span(&a->batch), e))
		return false;
	end_chain(a, &c);
	if (a->sync == AUDIT_SYNC_ALWAYS && fdatasync(a->file.fd) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not flush the audit log");
	return true;
}

static bool
append_locked(struct audit *a, struct audit_item *items, size_t n, int64_t now_ms, struct err *e)
{
	if (!audit_file_lock(&a->file, e) || !audit_file_turn(&a->file, now_ms, e))
		return false;
	bool ok = write_items(a, items, n, now_ms, e);
	audit_file_unlock(&a->file);
	return ok;
}

bool
audit_append(struct audit *a, struct audit_item *items, size_t n, int64_t now_ms, struct err *e)
{
	(void)pthread_mutex_lock(&a->lock);
	bool ok = append_locked(a, items, n, now_ms, e);
	a->failing = !ok;
	(void)pthread_mutex_unlock(&a->lock);
	return ok;
}

/* The lock is held.  Behind a checkpoint alone there is nothing to
 * sign; but a log that failed is tried. */
static bool
sign_locked(struct audit *a, int64_t now_ms, bool all, struct err *e)
{
	struct chain c;

	begin_chain(a, now_ms, &c);
	bool due = c.seq > c.signed_at || (a->failing && c.seq > 0);
	if (!due || (!all && c.ms - c.signed_ms < AUDIT_CHECKPOINT_MS))
		return true;
	buf_reset(&a->batch);
	if (a->failing && !audit_file_room(&a->file, e))
		return false;
	if (!put_checkpoint(a, &c, e) || !audit_file_write(&a->file, buf_span(&a->batch), e))
		return false;
	end_chain(a, &c);
	a->failing = false;
	return true;
}

bool
audit_checkpoint(struct audit *a, int64_t now_ms, bool all, struct err *e)
{
	bool ok = true;

	(void)pthread_mutex_lock(&a->lock);
	if (a->file.dir >= 0) {
		ok = audit_file_lock(&a->file, e);
		if (ok) {
			ok = sign_locked(a, now_ms, all, e);
			audit_file_unlock(&a->file);
		}
		a->failing = a->failing || !ok;
	}
	(void)pthread_mutex_unlock(&a->lock);
	return ok;
}

bool
audit_flush(struct audit *a, struct err *e)
{
	const struct audit_file *f = &a->file;
	struct audit_head h;

	(void)pthread_mutex_lock(&a->lock);
	bool due = a->dirty;
	a->dirty = false;
	/* A descriptor of its own: the file may be another one before it is flushed. */
	AUTO_FD fd = due && a->sync == AUDIT_SYNC_SECOND ? fcntl(f->fd, F_DUPFD_CLOEXEC, 0) : -1;
	h = (struct audit_head){
		.seq = f->seq, .ms = f->ms, .signed_at = f->signed_at, .signed_ms = f->signed_ms};
	memcpy(h.hash, f->hash, sizeof(h.hash));
	(void)pthread_mutex_unlock(&a->lock);
	if (!due)
		return true;
	if (a->sync == AUDIT_SYNC_SECOND && (fd < 0 || fdatasync(fd) < 0))
		return err_set(e, ERR_SYSTEM, NULL, "could not flush the audit log");
	return f->dir < 0 || audit_file_write_head(f, &h, e);
}

void
audit_news(struct audit *a, struct audit_news *ret)
{
	struct audit_file *f = &a->file;

	(void)pthread_mutex_lock(&a->lock);
	*ret = (struct audit_news){.torn = f->torn,
		.lost_from = f->lost_from,
		.lost_to = f->lost_to,
		.stuck = f->stuck,
		.failing = a->failing};
	memcpy(ret->turned, f->turned, sizeof(ret->turned));
	f->torn = false;
	f->stuck = false;
	f->lost_to = 0;
	f->turned[0] = '\0';
	(void)pthread_mutex_unlock(&a->lock);
}

/* ---- names of persons ---- */

/* Without a folder: a key of this process alone. */
static bool
load_key(struct audit *a, const char month[AUDIT_MONTH_LEN], struct err *e)
{
	uint8_t key[AUDIT_KEY_LEN];
	bool ok = a->file.dir >= 0 ? audit_keys_month(a->file.dir, month, true, key, e)
				   : crypto_random(key, AUDIT_KEY_LEN, e);

	if (ok) {
		memcpy(a->key, key, sizeof(a->key));
		memcpy(a->month, month, sizeof(a->month));
		buf_reset(&a->person);
	}
	explicit_bzero(key, sizeof(key));
	return ok;
}

/* Is `id` this one's?  The next question is mostly of the same person as the last. */
static bool
is_last(const struct audit *a, struct span iss, struct span sub)
{
	struct span last = buf_span(&a->person);

	return last.n == iss.n + 1 + sub.n && span_eq(span_first(last, iss.n), iss) &&
	       last.p[iss.n] == '\0' && span_eq(span_skip(last, iss.n + 1), sub);
}

static bool
name_person(struct audit *a, struct span iss, struct span sub, struct err *e)
{
	if (is_last(a, iss, sub))
		return true;
	buf_reset(&a->person);
	if (!audit_keys_person(a->key, a->month, iss, sub, a->id, e))
		return false;
	buf_add(&a->person, iss);
	buf_addc(&a->person, '\0');
	buf_add(&a->person, sub);
	if (!buf_ok(&a->person))
		buf_reset(&a->person); /* made anew each time */
	return true;
}

bool
audit_subject_id(struct audit *a, struct span iss, struct span sub, int64_t now,
	char out[AUDIT_ID_LEN], struct err *e)
{
	char month[AUDIT_MONTH_LEN];

	audit_names_month(now * 1000, month);
	(void)pthread_mutex_lock(&a->lock);
	bool ok = (strcmp(a->month, month) == 0 || load_key(a, month, e)) &&
		  name_person(a, iss, sub, e);
	if (ok)
		memcpy(out, a->id, AUDIT_ID_LEN);
	(void)pthread_mutex_unlock(&a->lock);
	return ok;
}
