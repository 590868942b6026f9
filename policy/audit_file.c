/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_file.h"

#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/scope.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_TRIES   16
#define HEAD_NUMBERS 4U
#define HEAD_BYTES                                                                                 \
	(HEAD_NUMBERS * 21 + 65) /* numbers of 20 digits, hash, blanks and a line end              \
				  */
#define TURN_WAIT_MS 60000
#define SUFFIX_TORN  ".torn"
#define SUFFIX_HEAD  ".head"

static bool
beside(const struct audit_file *f, const char *suffix, char ret[AUDIT_NAME_MAX])
{
	int n = snprintf(ret, AUDIT_NAME_MAX, "%s%s", f->name, suffix);

	return n > 0 && n < (int)AUDIT_NAME_MAX;
}

/* ---- where the chain stands ---- */

bool
audit_file_tail(int fd, struct audit_tail *ret, struct err *e)
{
	AUTO_FREE char *text = malloc(2 * AUDIT_LINE_MAX);
	struct audit_tail t = {0};
	struct audit_line l;
	struct stat st;

	if (text == NULL || fstat(fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not look at the audit log");
	t.size = (uint64_t)st.st_size;
	uint64_t from = t.size > 2 * AUDIT_LINE_MAX ? t.size - 2 * AUDIT_LINE_MAX : 0;
	ssize_t n = pread(fd, text, (size_t)(t.size - from), (off_t)from);
	if (n != (ssize_t)(t.size - from))
		return err_set(e, ERR_SYSTEM, NULL, "could not read the audit log's tail");
	size_t end = (size_t)n;
	while (end > 0 && text[end - 1] != '\n')
		end--;
	t.whole = from + end;
	if (end == 0 && from > 0)
		return err_set(e, ERR_LIMIT, "POL-20",
			"the last audit line is longer than %lu bytes", AUDIT_LINE_MAX);
	if (end > 0) {
		size_t begin = end - 1;
		while (begin > 0 && text[begin - 1] != '\n')
			begin--;
		struct span line = {text + begin, end - 1 - begin};
		if (!audit_line_head(line, &l, e))
			return false;
		t.seq = l.seq;
		t.ms = l.ms;
		(void)crypto_sha256(line, t.hash);
	}
	*ret = t;
	return true;
}

/* Bytes after the last line end are what a crash left: to NAME.torn, and off the log. */
static bool
move_torn(struct audit_file *f, const struct audit_tail *t, struct err *e)
{
	size_t n = (size_t)(t->size - t->whole); /* below two lines, or the tail was refused */
	AUTO_FREE char *text = malloc(n + 1);
	char name[AUDIT_NAME_MAX];

	if (text == NULL || pread(f->fd, text, n, (off_t)t->whole) != (ssize_t)n)
		return err_set(e, ERR_SYSTEM, NULL, "could not read the torn audit line");
	text[n] = '\n';
	if (f->dir >= 0) {
		AUTO_FD out = beside(f, SUFFIX_TORN, name)
				      ? openat(f->dir, name,
						O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)
				      : -1;
		if (out < 0 || write(out, text, n + 1) != (ssize_t)n + 1)
			return err_set(e, ERR_SYSTEM, NULL, "could not save the torn audit line");
	}
	if (ftruncate(f->fd, (off_t)t->whole) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not cut the torn audit line");
	f->torn = true;
	return true;
}

/* The last line of the older files, for a new file that nobody has written to yet. */
static void
last_of_older(const struct audit_file *f, struct audit_tail *best)
{
	int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR d = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd >= 0 && d == NULL)
		(void)close(fd);
	for (struct dirent *x = d != NULL ? readdir(d) : NULL; // NOLINT(concurrency-mt-unsafe): own
		x != NULL; x = readdir(d)) {                   // NOLINT(concurrency-mt-unsafe): own
		struct audit_tail t = {0};
		if (!audit_names_is_older(f->name, span_of(x->d_name)))
			continue;
		AUTO_FD old = openat(f->dir, x->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (old >= 0 && audit_file_tail(old, &t, NULL) && t.seq > best->seq)
			*best = t;
	}
}

static void
stand_at(struct audit_file *f, uint64_t seq, int64_t ms, const uint8_t hash[32])
{
	f->seq = seq;
	f->ms = ms > f->ms ? ms : f->ms;
	memcpy(f->hash, hash, sizeof(f->hash));
}

/*
 * What is known of the chain beside this file: by the older files, and by NAME.head.  A file that
 * ends before that was cut: the chain goes on behind what is missing, so that everybody sees the
 * hole.
 */
static void
look_beside(struct audit_file *f, bool empty)
{
	struct audit_tail older = {0};
	struct audit_head h = {0};

	if (f->dir < 0)
		return;
	/* Also for who wrote before: others may have begun several files while it waited. */
	if (empty)
		last_of_older(f, &older);
	if (older.seq > f->seq)
		stand_at(f, older.seq, older.ms, older.hash);
	if (!audit_file_read_head(f, &h))
		return;
	if (h.signed_at >= f->signed_at) {
		f->signed_at = h.signed_at;
		f->signed_ms = h.signed_ms;
	}
	if (h.seq <= f->seq)
		return;
	f->lost_from = f->seq + 1;
	f->lost_to = h.seq;
	stand_at(f, h.seq, h.ms, h.hash);
}

static bool
no_tail(const struct audit_file *f, const struct err *why, struct err *e)
{
	if (why->code == ERR_SYNTAX)
		return err_set(e, ERR_SYNTAX, "POL-20",
			"the last line of %s is no audit record: move that file away, and the "
			"chain "
			"goes on in a new one",
			f->name[0] != '\0' ? f->name : "the audit log");
	if (e != NULL)
		*e = *why;
	return false;
}

/* The lock is held. */
static bool
read_tail(struct audit_file *f, struct err *e)
{
	struct audit_tail t = {0};
	struct audit_tail older = {0};
	struct err why = {0};
	bool emptied = f->size != UINT64_MAX && f->size > 0;

	if (!audit_file_tail(f->fd, &t, &why))
		return no_tail(f, &why, e);
	if (t.whole < t.size && !move_torn(f, &t, e))
		return false;
	f->size = t.whole;
	if (t.seq >= f->seq) {
		stand_at(f, t.seq, t.ms, t.hash);
	} else if (t.seq > 0 || emptied) { /* shorter than when we last looked */
		if (t.seq == 0)
			last_of_older(f, &older);
		f->lost_from = (t.seq > 0 ? t.seq : older.seq) + 1;
		f->lost_to = f->seq;
	}
	look_beside(f, t.seq == 0);
	return true;
}

/* ---- the lock ---- */

static bool
lock_fd(int fd, struct err *e)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, ERR_SYSTEM, NULL, "could not lock the audit log");
	return true;
}

static bool
refresh(struct audit_file *f, struct err *e)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not look at the audit log");
	f->device = (uint64_t)st.st_dev;
	f->inode = (uint64_t)st.st_ino;
	return (uint64_t)st.st_size == f->size || read_tail(f, e);
}

/* Is the open file still the one of that name?  After refresh. */
static bool
in_place(const struct audit_file *f)
{
	struct stat named;

	if (f->dir < 0)
		return true;
	return fstatat(f->dir, f->name, &named, 0) == 0 && (uint64_t)named.st_ino == f->inode &&
	       (uint64_t)named.st_dev == f->device;
}

/* To the file that has the name now, or a new one; the old one is closed, and with it its lock. */
static bool
follow(struct audit_file *f, struct err *e)
{
	int fd = openat(f->dir, f->name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not open %s again", f->name);
	(void)flock(f->fd, LOCK_UN); /* others may hold this description, too */
	(void)close(f->fd);
	f->fd = fd;
	f->size = UINT64_MAX;
	return true;
}

bool
audit_file_lock(struct audit_file *f, struct err *e)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!lock_fd(f->fd, e))
			return false;
		/* A file that cannot be read any more is left behind when it was moved away. */
		bool good = refresh(f, e);
		bool here = in_place(f);
		if (good && here)
			return true;
		if (!good && here)
			break;
		if (!follow(f, e))
			break;
		if (i == LOCK_TRIES - 1)
			(void)err_set(e, ERR_LIMIT, NULL, "the audit log is replaced all the time");
	}
	audit_file_unlock(f);
	return false;
}

void
audit_file_unlock(struct audit_file *f)
{
	(void)flock(f->fd, LOCK_UN);
}

bool
audit_file_open(int *fd, const struct audit_place *at, struct audit_file *ret, struct err *e)
{
	struct audit_file f = {
		.fd = *fd, .dir = at->dir, .max = at->max, .size = UINT64_MAX, .turned = ""};

	if (at->dir >= 0 && !span_cstr(span_of(at->name), f.name, sizeof(f.name)))
		return err_set(e, ERR_LIMIT, NULL, "the audit log's name is too long");
	/*
	 * A description of our own, so that our death ends its lock: that of *fd is held by whoever
	 * handed it over, too.
	 */
	f.fd = at->dir >= 0 ? openat(at->dir, f.name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY)
			    : -1;
	if (f.fd < 0)
		f.fd = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
	if (f.fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "audit log");
	if (!audit_file_lock(&f, e)) {
		(void)close(f.fd);
		return false;
	}
	audit_file_unlock(&f);
	(void)close(take_fd(fd));
	*ret = f;
	return true;
}

void
audit_file_close(struct audit_file *f)
{
	if (f->fd >= 0)
		(void)close(take_fd(&f->fd));
}

/* ---- writing ---- */

bool
audit_file_write(struct audit_file *f, struct span text, struct err *e)
{
	size_t done = 0;

	while (done < text.n) {
		ssize_t n = write(f->fd, text.p + done, text.n - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			(void)err_set(e, ERR_SYSTEM, NULL, "could not write the audit log");
			if (done > 0 && ftruncate(f->fd, (off_t)f->size) < 0)
				f->size =
					UINT64_MAX; /* the tail is read again, the torn part cut */
			return false;
		}
		done += (size_t)n;
	}
	f->size += text.n;
	return true;
}

bool
audit_file_room(const struct audit_file *f, struct err *e)
{
	if (fallocate(f->fd, FALLOC_FL_KEEP_SIZE, (off_t)f->size, (off_t)AUDIT_LINE_MAX) == 0 ||
		(errno != ENOSPC && errno != EDQUOT && errno != EFBIG && errno != EROFS))
		return true;
	return err_set(e, ERR_SYSTEM, NULL, "no room for the audit log");
}

/* ---- a new file ---- */

static bool
is_due(const struct audit_file *f, int64_t ms)
{
	char last[AUDIT_MONTH_LEN];
	char next[AUDIT_MONTH_LEN];

	if (f->dir < 0 || f->size == 0 || ms < f->turn_after)
		return false;
	if (f->max > 0 && f->size >= f->max)
		return true;
	audit_names_month(f->ms, last);
	audit_names_month(ms, next);
	return strcmp(last, next) < 0;
}

/* The first name that is free.  False with errno. */
static bool
rename_away(const struct audit_file *f, char ret[AUDIT_NAME_MAX])
{
	char month[AUDIT_MONTH_LEN];

	audit_names_month(f->ms, month);
	for (unsigned n = 1; n <= AUDIT_TURNS; n++) {
		if (!audit_names_older(f->name, month, n, ret)) {
			errno = ENAMETOOLONG;
			return false;
		}
		if (renameat2(f->dir, f->name, f->dir, ret, RENAME_NOREPLACE) == 0)
			return true;
		if (errno != EEXIST)
			return false;
	}
	return false;
}

static bool
begin_new(struct audit_file *f, struct err *e)
{
	char old[AUDIT_NAME_MAX];

	(void)fdatasync(f->fd);
	if (!rename_away(f, old))
		return err_set(e, ERR_SYSTEM, NULL, "could not rename %s", f->name);
	if (!follow(f, e)) {
		(void)renameat2(f->dir, old, f->dir, f->name, RENAME_NOREPLACE);
		return false;
	}
	memcpy(f->turned, old, sizeof(f->turned));
	AUTO_FD dir = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		(void)fsync(dir);
	return true;
}

bool
audit_file_turn(struct audit_file *f, int64_t ms, struct err *e)
{
	if (!is_due(f, ms))
		return true;
	if (begin_new(f, NULL))
		return audit_file_lock(f, e);
	f->stuck = true;
	f->turn_after = ms + TURN_WAIT_MS;
	return true;
}

/* ---- how far it had come ---- */

static int
open_head(const struct audit_file *f, int flags)
{
	char name[AUDIT_NAME_MAX];

	if (f->dir < 0 || !beside(f, SUFFIX_HEAD, name))
		return -1;
	return openat(f->dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0640);
}

bool
audit_file_read_head(const struct audit_file *f, struct audit_head *ret)
{
	char text[HEAD_BYTES];
	struct audit_head h;
	uint64_t v[HEAD_NUMBERS];
	uint64_t byte = 0;
	AUTO_FD fd = open_head(f, O_RDONLY);

	if (fd < 0 || pread(fd, text, HEAD_BYTES, 0) != (ssize_t)HEAD_BYTES)
		return false;
	for (size_t i = 0; i < HEAD_NUMBERS; i++)
		if (!span_u64((struct span){text + 21 * i, 20}, INT64_MAX, &v[i]))
			return false;
	for (size_t i = 0; i < 32; i++) {
		if (!span_hex_u64((struct span){text + 21UL * HEAD_NUMBERS + 2 * i, 2}, 255, &byte))
			return false;
		h.hash[i] = (uint8_t)byte;
	}
	h.seq = v[0];
	h.ms = (int64_t)v[1];
	h.signed_at = v[2];
	h.signed_ms = (int64_t)v[3];
	*ret = h;
	return true;
}

bool
audit_file_write_head(const struct audit_file *f, const struct audit_head *h, struct err *e)
{
	AUTO_BUF text = BUF_INIT(256);

	buf_addf(&text, "%020llu %020llu %020llu %020llu ", (unsigned long long)h->seq,
		(unsigned long long)h->ms, (unsigned long long)h->signed_at,
		(unsigned long long)h->signed_ms);
	buf_add_hex(&text, h->hash, sizeof(h->hash));
	buf_addc(&text, '\n');
	AUTO_FD fd = open_head(f, O_WRONLY | O_CREAT);
	if (fd < 0 || pwrite(fd, text.p, text.n, 0) != (ssize_t)text.n)
		return err_set(e, ERR_SYSTEM, NULL, "could not write %s%s", f->name, SUFFIX_HEAD);
	return true;
}
