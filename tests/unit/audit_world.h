/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/scope.h"
#include "policy/audit.h"
#include "policy/audit_verify.h"
#include "tests/unit/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder with an audit log, and what a reader makes of it. */
#define AUDIT_JUNE 1780300800000 /* 2026-06-01T08:00:00Z in ms */
#define AUDIT_DAY  86400000LL

struct place {
	char dir[64];
	int dirfd;
	uint64_t max; /* bytes of a file */
};

static inline int
audit_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/pan-audit-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->dirfd = open(p->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return 0;
}

static inline int
audit_teardown(void **state)
{
	struct place *p = *state;
	AUTO_DIR d = opendir(p->dir);

	for (struct dirent *x = readdir(d); x != NULL;
		x = readdir(d)) // NOLINT(concurrency-mt-unsafe): one thread
		(void)unlinkat(p->dirfd, x->d_name, 0);
	(void)rmdir(p->dir);
	(void)close(p->dirfd);
	free(p);
	return 0;
}

static inline struct audit *
open_log(const struct place *p, struct audit_news *news)
{
	struct audit *a = NULL;
	struct err e = {0};
	int fd = openat(p->dirfd, "audit.jsonl", O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	const struct audit_place at = {.dir = p->dirfd, .name = "audit.jsonl", .max = p->max};
	struct audit_news unused;

	if (!audit_open(&fd, &at, "gate-1", AUDIT_SYNC_SECOND, &a, &e))
		fail_msg("%s", e.msg);
	assert_int_equal(fd, -1);
	audit_news(a, news != NULL ? news : &unused);
	return a;
}

/* So many records of a kind of nobody's, at one instant. */
static inline bool
append(struct audit *a, size_t n, int64_t ms)
{
	struct audit_item items[64];

	assert_true(n <= 64);
	for (size_t i = 0; i < n; i++)
		items[i] = (struct audit_item){.kind = "own", .rest = SPAN("\"a\":1")};
	return audit_append(a, items, n, ms, NULL);
}

static inline struct span
whole(const struct place *p, struct buf *b, const char *name)
{
	AUTO_FD fd = openat(p->dirfd, name, O_RDONLY | O_CLOEXEC);
	struct stat st = {0};

	if (fd < 0 || fstat(fd, &st) < 0)
		fail_msg("no %s", name);
	buf_reset(b);
	assert_true(buf_reserve(b, (size_t)st.st_size + 1));
	assert_int_equal(read(fd, b->p, (size_t)st.st_size), st.st_size);
	b->n = (size_t)st.st_size;
	return buf_span(b);
}

static inline bool
exists(const struct place *p, const char *name)
{
	return faccessat(p->dirfd, name, F_OK, 0) == 0;
}

/* The files one after the other, as one chain, with the key that lies beside them; "" or the fault.
 */
static inline struct audit_verified
verify(const struct place *p, const char *const *names, struct err *e)
{
	uint8_t key[1][32];
	struct audit_verify *v = NULL;
	AUTO_BUF text = BUF_INIT(64UL << 20);
	bool ok = true;

	*e = (struct err){0};
	assert_true(crypto_ed25519_read_public(whole(p, &text, "audit-sign.pub"), key[0], NULL));
	assert_true(audit_verify_new((const uint8_t(*)[32])key, 1, &v, NULL));
	for (size_t i = 0; names[i] != NULL && ok; i++) {
		struct span rest = whole(p, &text, names[i]);
		assert_true(rest.n == 0 || rest.p[rest.n - 1] == '\n');
		while (ok && rest.n > 0)
			ok = audit_verify_line(v, span_cut(&rest, '\n'), NULL, e);
	}
	if (ok)
		(void)audit_verify_end(v, e);
	struct audit_verified found = *audit_verify_found(v);
	audit_verify_free(v);
	return found;
}

/* They are one whole chain, signed nearly to its end; the number of records. */
static inline size_t
check_files(const struct place *p, const char *const *names)
{
	struct err e;
	struct audit_verified found = verify(p, names, &e);

	if (e.code != ERR_NONE)
		fail_msg("after record %zu: %s", (size_t)found.last_seq, e.msg);
	assert_int_equal(found.unchecked, 0);
	assert_true(found.last_seq < found.signed_upto + AUDIT_CHECKPOINT);
	return (size_t)found.records;
}

static inline size_t
check_log(const struct place *p)
{
	static const char *const names[] = {"audit.jsonl", NULL};

	return check_files(p, names);
}
