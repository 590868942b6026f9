/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_ingest.h"

#include "agent/base/log.h"
#include "agent/base/metric.h"
#include "agent/base/scope.h"
#include "agent/catalog/limits.h"
#include "agent/gate_grant.h"
#include "agent/gate_record.h"
#include "policy/audit_record.h"
#include "transfer/announced.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
/* What is added never leads through a link, nor onto another file system. */
#define OWN_TREE (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)

/* What the system said, as an answer; the operator hears of what is his to mend. */
static bool
say_system(const struct gate_case *c, const char *what, struct gate_ingest_no *no)
{
	struct err e = {0};
	int why = errno;

	switch (why) {
	case ENOSPC:
	case EDQUOT:
		return gate_ingest_say(
			no, 507, "no-room", "There is no room for it; tell the contact.");
	case ENOTDIR:
	case ELOOP:
	case EXDEV:
	case ENAMETOOLONG:
		return gate_ingest_say(no, 409, "not-a-folder",
			"A part of the path is not a folder of this dataset: it is a file, a link, "
			"or "
			"lies on another file system.");
	default:
		break;
	}
	errno = why;
	(void)err_set(&e, ERR_SYSTEM, NULL, "root %.*s: %s", SPAN_ARG(c->dataset.root_name), what);
	log_err(LOG_ERROR, "ingest", &e);
	return gate_ingest_say(no, 503, "not-now",
		"The agent cannot write there now, which its log explains; try again later.");
}

/* ---- folders ---- */

static int
open_in(int at, struct span name, uint64_t flags, uint64_t mode)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = OWN_TREE};
	char path[LIMIT_PATH + 1];

	if (!span_cstr(name.n > 0 ? name : SPAN("."), path, sizeof(path))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
}

/* "a/b" of "a/b/c"; "" of "a". */
static struct span
parent(struct span path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return span_first(path, n > 0 ? n - 1 : 0);
}

static struct span
last_of(struct span path)
{
	struct span up = parent(path);

	return up.n > 0 ? span_skip(path, up.n + 1) : path;
}

/* The deepest folder on the way to `path` that is there. */
static int
open_deepest(int root, struct span path)
{
	struct span up = parent(path);

	for (;;) {
		int fd = open_in(root, up, O_PATH | O_DIRECTORY, 0);
		if (fd >= 0 || errno != ENOENT || up.n == 0)
			return fd;
		up = parent(up);
	}
}

static bool
is_private(const struct gate *g)
{
	return g->settings->ingest.mode == INGEST_PRIVATE;
}

/*
 * A folder `name` in the folder `at`, which is there afterwards and on disk; *at becomes it.
 */
static bool
step_into(const struct gate *g, int *at, struct span name)
{
	char text[NAME_MAX + 1];

	if (!span_cstr(name, text, sizeof(text))) {
		errno = ENAMETOOLONG;
		return false;
	}
	bool made = mkdirat(*at, text, is_private(g) ? 0700 : 0750) == 0;
	if ((!made && errno != EEXIST) || (made && fsync(*at) != 0))
		return false;
	int next = open_in(*at, name, O_RDONLY | O_DIRECTORY, 0);
	if (next < 0)
		return false;
	(void)close(*at);
	*at = next;
	return true;
}

/* The folder `path`, made where it is missing; -1 with errno. */
static int
make_folders(const struct gate *g, int root, struct span path)
{
	AUTO_FD at = open_in(root, SPAN(""), O_RDONLY | O_DIRECTORY, 0);
	struct span rest = path.n > 0 ? path : SPAN_NONE;

	while (at >= 0 && rest.p != NULL)
		if (!step_into(g, &at, span_cut(&rest, '/')))
			return -1;
	return take_fd(&at);
}

/* Is there something with this name?  Else errno says what is wrong, or ENOENT. */
static bool
look(int root, struct span path, struct stat *ret)
{
	AUTO_FD fd = open_in(root, path, O_PATH | O_NOFOLLOW, 0);

	return fd >= 0 && fstat(fd, ret) == 0;
}

static bool
say_exists(const struct gate_ingest_file *f, struct gate_ingest_no *no)
{
	return gate_ingest_say(no, f->fresh ? 412 : 409, "exists",
		"There is something with this name, and what is published is never replaced. "
		"Choose "
		"another name.");
}

/* ---- an unnamed file ---- */

static bool
check_room(const struct gate_desk *d, const struct gate_case *c, int at, uint64_t bytes,
	struct gate_ingest_no *no)
{
	const struct settings_ingest *s = &d->gate->settings->ingest;
	struct statvfs v;

	if (bytes > s->max_file * MIB)
		return gate_ingest_say(no, 413, "too-large",
			"A file has at most %u MiB here (ingest.max_file).", s->max_file);
	AUTO_FD real = open_in(at, SPAN(""), O_RDONLY | O_DIRECTORY, 0);
	if (real < 0 || fstatvfs(real, &v) != 0)
		return say_system(c, "its file system cannot be asked for room", no);
	uint64_t left = 0;
	if (__builtin_mul_overflow((uint64_t)v.f_bavail, (uint64_t)v.f_frsize, &left))
		left = UINT64_MAX;
	uint64_t keep = s->keep_free * MIB;
	if (left < keep || left - keep < bytes)
		return gate_ingest_say(no, 507, "no-room",
			"There is no room for a file of so many bytes; tell the contact.");
	return true;
}

bool
gate_ingest_begin(struct gate_desk *d, const struct gate_case *c, const struct gate_ingest_file *f,
	int *ret_fd, struct gate_ingest_no *no)
{
	int root = gate_root(d->gate, c->dataset.root_name);
	struct span path = SPAN_NONE;
	struct stat st;

	if (!c->decision.permit || c->rest.n == 0)
		return gate_ingest_say(
			no, 403, "not-a-file", "A file needs a name below its dataset.");
	if (!gate_ingest_path(d, c, c->rest, &path, no))
		return false;
	if (look(root, path, &st))
		return say_exists(f, no);
	if (errno != ENOENT)
		return say_system(c, "the place of a new file cannot be looked at", no);
	AUTO_FD at = open_deepest(root, path);
	if (at < 0)
		return say_system(c, "the folder of a new file cannot be opened", no);
	if (!check_room(d, c, at, f->bytes, no))
		return false;
	int fd = open_in(at, SPAN(""), O_TMPFILE | O_WRONLY, is_private(d->gate) ? 0600 : 0640);
	if (fd < 0)
		return say_system(c, "no unnamed file (O_TMPFILE) can be made", no);
	*ret_fd = fd;
	return true;
}

/* ---- the log ---- */

static bool
append(struct gate_desk *d, struct gate_case *c, const struct audit_landing *l)
{
	AUTO_BUF text = BUF_INIT(AUDIT_REST_MAX);
	struct audit_item item = {.kind = l->why != NULL ? "unlanded" : "landed"};
	struct audit_who who;
	char id[AUDIT_ID_LEN];
	struct err e = {0};

	if (!gate_record_who(d, c, id, &who))
		return false;
	audit_record_landing(&text, c->ask->trace, who, &c->facts, l);
	item.rest = buf_span(&text);
	bool ok = buf_ok(&text) ? audit_append(d->gate->audit, &item, 1, c->now_ms, &e)
				: err_set(&e, ERR_LIMIT, NULL, "audit record too long");
	if (!ok)
		gate_tell(d, c->now_ms, &e);
	metric_add(d->metrics, ok ? METRIC_AUDIT_RECORDS : METRIC_AUDIT_FAILED, 1);
	return ok;
}

static bool
say_unrecorded(struct gate_ingest_no *no)
{
	return gate_ingest_say(
		no, 503, "not-now", "The audit log cannot be written, so nothing is added.");
}

/* The log says that it landed, and it did not. */
static bool
take_back(struct gate_desk *d, struct gate_case *c, struct audit_landing *l,
	const struct gate_ingest_file *f, struct gate_ingest_no *no)
{
	int why = errno;

	l->why = why == EEXIST ? "exists" : why == ENOSPC || why == EDQUOT ? "no-room" : "error";
	(void)append(d, c, l);
	errno = why;
	return why == EEXIST ? say_exists(f, no) : say_system(c, "a name cannot be given", no);
}

/* ---- its name ---- */

static bool
check_written(const struct gate_case *c, const struct gate_ingest_file *f, int root, int fd,
	const struct digest_values *found, struct gate_ingest_no *no)
{
	struct stat st;
	struct stat top;

	if (fd < 0 || fstat(fd, &st) != 0 || fstat(root, &top) != 0)
		return say_system(c, "what was written cannot be looked at", no);
	if (!S_ISREG(st.st_mode) || st.st_dev != top.st_dev || st.st_uid != geteuid())
		return gate_ingest_say(
			no, 400, "not-ours", "This is no file that the agent gave out.");
	if ((uint64_t)st.st_size != f->bytes)
		return gate_ingest_say(no, 400, "incomplete",
			"%llu bytes came where Content-Length announced %llu, so nothing was "
			"added; "
			"send the file again.",
			(unsigned long long)st.st_size, (unsigned long long)f->bytes);
	const char *which = announced_differs(&f->said, found);
	if (which != NULL)
		return gate_ingest_say(no, 400, "digest-mismatch",
			"The %s of what came is another one than was announced, so nothing was "
			"added; send the file again.",
			which);
	return true;
}

/* By a commit whose answer was lost. */
static bool
is_named(int root, struct span path, int fd)
{
	struct stat named;
	struct stat st;

	return look(root, path, &named) && fstat(fd, &st) == 0 && named.st_dev == st.st_dev &&
	       named.st_ino == st.st_ino;
}

/* A file that has a name already would get a second one, where other rules may hold. */
static bool
check_unnamed(const struct gate_case *c, int fd, struct gate_ingest_no *no)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return say_system(c, "what was written cannot be looked at", no);
	return st.st_nlink == 0 ||
	       gate_ingest_say(no, 400, "not-ours", "This is no file that the agent gave out.");
}

/* AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH. */
static bool
give_name(int folder, struct span name, int fd)
{
	char from[64];
	char to[NAME_MAX + 1];

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (!span_cstr(name, to, sizeof(to))) {
		errno = ENAMETOOLONG;
		return false;
	}
	return linkat(AT_FDCWD, from, folder, to, AT_SYMLINK_FOLLOW) == 0 && fsync(folder) == 0;
}

/*
 * The order decides what a crash leaves: first the bytes, then the record, then the name.  A record
 * without the file that it names is a crash between the two, and no sender was told of success.
 */
bool
gate_ingest_commit(struct gate_desk *d, struct gate_case *c, const struct gate_ingest_file *f,
	int fd, const struct digest_values *found, struct gate_ingest_no *no)
{
	bool summed = (found->have >> DIGEST_SHA256 & 1U) != 0;
	struct audit_landing l = {.decision = c->record,
		.file = c->rest,
		.bytes = f->bytes,
		.sha256 = summed ? found->sha256 : NULL};
	int root = gate_root(d->gate, c->dataset.root_name);
	struct span path = SPAN_NONE;
	struct stat st;

	if (!c->decision.permit || c->rest.n == 0)
		return gate_ingest_say(
			no, 403, "not-a-file", "A file needs a name below its dataset.");
	if (!gate_ingest_path(d, c, c->rest, &path, no) ||
		!check_written(c, f, root, fd, found, no))
		return false;
	if (is_named(root, path, fd))
		return true;
	if (look(root, path, &st))
		return say_exists(f, no);
	if (!check_unnamed(c, fd, no))
		return false;
	if (fsync(fd) != 0)
		return say_system(c, "what was written does not reach the disk", no);
	AUTO_FD folder = make_folders(d->gate, root, parent(path));
	if (folder < 0)
		return say_system(c, "a folder cannot be made", no);
	if (!append(d, c, &l))
		return say_unrecorded(no);
	return give_name(folder, last_of(path), fd) || take_back(d, c, &l, f, no);
}

/* ---- MKCOL ---- */

static bool
parent_is_there(int root, const struct gate_case *c, struct span inside, struct span path)
{
	struct stat st;

	/* The folders that lead to a dataset are the agent's to make. */
	return (inside.n == 0 && c->dataset.id == 0) ||
	       (look(root, parent(path), &st) && S_ISDIR(st.st_mode));
}

bool
gate_ingest_folder(struct gate_desk *d, struct gate_case *c, struct gate_ingest_no *no)
{
	struct audit_landing l = {.decision = c->record};
	struct span inside = c->rest.n > 0 && span_ends(c->rest, SPAN("/"))
				     ? span_first(c->rest, c->rest.n - 1)
				     : c->rest;
	int root = gate_root(d->gate, c->dataset.root_name);
	struct span path = SPAN_NONE;
	struct stat st;

	if (!c->decision.permit)
		return gate_ingest_say(no, 403, "not-allowed", "No permit, no folder.");
	if (!gate_ingest_path(d, c, inside, &path, no))
		return false;
	if (look(root, path, &st)) {
		if (c->wished && S_ISDIR(st.st_mode)) /* made by this very question */
			return true;
		return gate_ingest_say(
			no, 405, "exists", "There is something with this name already.");
	}
	if (!parent_is_there(root, c, inside, path))
		return gate_ingest_say(no, 409, "no-parent",
			"The folder above it is not there: make that first (RFC 4918 9.3.1).");
	l.file = arena_printf(&d->mem, "%.*s/", SPAN_ARG(inside));
	if (!append(d, c, &l))
		return say_unrecorded(no);
	AUTO_FD made = make_folders(d->gate, root, path);
	if (made >= 0)
		return true;
	int why = errno;
	l.why = why == ENOSPC || why == EDQUOT ? "no-room" : "error";
	(void)append(d, c, &l);
	errno = why;
	return say_system(c, "a folder cannot be made", no);
}

bool
gate_ingest_is_folder(const struct gate_desk *d, const struct gate_case *c, struct span name)
{
	struct span folder = c->dataset.folder;
	char path[LIMIT_PATH + 1];
	struct stat st;

	int n = snprintf(path, sizeof(path), "%.*s%s%.*s", SPAN_ARG(folder),
		folder.n > 0 && name.n > 0 ? "/" : "", SPAN_ARG(name));
	return n >= 0 && n < (int)sizeof(path) && gate_ingest_writable(d->gate, &c->dataset) &&
	       look(gate_root(d->gate, c->dataset.root_name), (struct span){path, (size_t)n},
		       &st) &&
	       S_ISDIR(st.st_mode);
}
