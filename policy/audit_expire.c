/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_expire.h"

#include "agent/base/scope.h"
#include "policy/calendar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY ((int64_t)86400)

struct older {
	char name[AUDIT_NAME_MAX];
	uint64_t seq; /* of its last line */
	int64_t ms;
};

struct search {
	const struct audit_place *at;
	struct older *files;
	size_t n_files;
	struct audit_expired_names keys; /* n_files is not used */
};

/* The first midnight (UTC) that is `p` behind the day of `at` (seconds). */
static int64_t
ends(int64_t at, struct period p)
{
	return (int64_t)calendar_add((int32_t)((at + DAY - 1) / DAY), p) * DAY;
}

static void
note_file(struct search *s, const char *name)
{
	struct audit_tail t = {0};
	AUTO_FD fd = openat(s->at->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (s->n_files >= AUDIT_EXPIRE_MAX || fd < 0 || !audit_file_tail(fd, &t, NULL) ||
		t.seq == 0 || t.whole != t.size)
		return;
	struct older *o = &s->files[s->n_files++];
	(void)snprintf(o->name, sizeof(o->name), "%s", name);
	o->seq = t.seq;
	o->ms = t.ms;
}

static void
note_key(struct search *s, const char *name)
{
	char month[AUDIT_MONTH_LEN];

	if (s->keys.n_keys < AUDIT_EXPIRE_MAX && audit_names_is_key(span_of(name), month))
		(void)snprintf(s->keys.keys[s->keys.n_keys++], AUDIT_NAME_MAX, "%s", name);
}

static bool
search(struct search *s, struct err *e)
{
	int fd = openat(s->at->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return err_set(e, ERR_SYSTEM, NULL, "cannot list the audit log's folder");
	}
	struct dirent *x = readdir(d);      // NOLINT(concurrency-mt-unsafe): of its own
	for (; x != NULL; x = readdir(d)) { // NOLINT(concurrency-mt-unsafe): of its own
		if (audit_names_is_older(s->at->name, span_of(x->d_name)))
			note_file(s, x->d_name);
		else
			note_key(s, x->d_name);
	}
	return true;
}

static int
by_seq(const void *a, const void *b)
{
	const struct older *x = a;
	const struct older *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool
gone(int dir, const char *name, char (*ret)[AUDIT_NAME_MAX], size_t *n, struct err *e)
{
	if (unlinkat(dir, name, 0) == 0)
		(void)snprintf(ret[(*n)++], AUDIT_NAME_MAX, "%s", name);
	else if (errno != ENOENT) /* else another gate was faster */
		return err_set(e, ERR_SYSTEM, NULL, "cannot delete %s", name);
	return true;
}

/* A key is overwritten first: its name alone is no secret, its bytes are. */
static bool
end_key(int dir, const char *name, struct audit_expired_names *ret, struct err *e)
{
	static const uint8_t zeros[AUDIT_KEY_LEN];
	AUTO_FD fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && pwrite(fd, zeros, sizeof(zeros), 0) == (ssize_t)sizeof(zeros))
		(void)fdatasync(fd);
	return gone(dir, name, ret->keys, &ret->n_keys, e);
}

static bool
end_keys(struct search *s, struct period after, int64_t now, struct audit_expired_names *ret,
	struct err *e)
{
	char month[AUDIT_MONTH_LEN];
	int64_t end = 0;

	for (size_t i = 0; i < s->keys.n_keys; i++)
		if (audit_names_is_key(span_of(s->keys.keys[i]), month) &&
			audit_names_month_end(month, &end) && ends(end, after) <= now &&
			!end_key(s->at->dir, s->keys.keys[i], ret, e))
			return false;
	return true;
}

static bool
end_files(struct search *s, struct period retention, int64_t now, struct audit_expired_names *ret,
	struct err *e)
{
	qsort(s->files, s->n_files, sizeof(*s->files), by_seq);
	for (size_t i = 0; i < s->n_files; i++) {
		const struct older *o = &s->files[i];
		if (ends(o->ms / 1000 + 1, retention) > now)
			break;
		if (!gone(s->at->dir, o->name, ret->files, &ret->n_files, e))
			return false;
	}
	return true;
}

bool
audit_expire(const struct audit_place *at, const struct policy_audit *rules, int64_t now,
	struct audit_expired_names *ret, struct err *e)
{
	AUTO_FREE struct search *s = calloc(1, sizeof(*s));
	AUTO_FREE struct older *files = calloc(AUDIT_EXPIRE_MAX, sizeof(*files));

	ret->n_files = 0;
	ret->n_keys = 0;
	if (s == NULL || files == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	s->at = at;
	s->files = files;
	return search(s, e) && end_files(s, rules->retention, now, ret, e) &&
	       end_keys(s, rules->pseudonymise_after, now, ret, e);
}
