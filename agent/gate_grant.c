/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_grant.h"

#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "agent/base/scope.h"
#include "agent/catalog/limits.h"
#include "agent/gate_oblige.h"
#include "agent/gate_problem.h"
#include "agent/gate_stream.h"
#include "agent/wire.h"
#include "policy/grant_issue.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GATE_PATH_MAX 4096U
#define GATE_HORIZON  (30 * 86400L) /* seconds: no grant is longer, whatever the policy says */

/* ---- opening: the one place where a path becomes bytes ---- */

/* Is the file what the catalogue has digests of?  Setting mtime back does not help: ctime tells. */
static bool
is_recorded(const struct catalog_file *f, const struct stat *st)
{
	return (uint64_t)st->st_size == f->bytes && st->st_mtim.tv_sec == f->mtime_s &&
	       st->st_mtim.tv_nsec == f->mtime_ns &&
	       st->st_ctim.tv_sec * LIMIT_NS + st->st_ctim.tv_nsec == f->ctime;
}

void
gate_etag(const struct gate_case *c, const struct catalog_file *f, const struct stat *st,
	char out[48])
{
	uint64_t size = st != NULL ? (uint64_t)st->st_size : f->bytes;
	struct timespec modified = {f->mtime_s, f->mtime_ns};
	AUTO_BUF text = BUF_INIT(8192);
	AUTO_BUF tag = BUF_INIT(48);
	uint8_t hash[CRYPTO_SHA256_SIZE] = {0};

	if (st != NULL)
		modified = st->st_mtim;
	if (f->has_digests && (st == NULL || is_recorded(f, st))) {
		memcpy(hash, f->sha256, sizeof(hash));
	} else {
		buf_add(&text, c->dataset.pid);
		buf_addc(&text, '\0');
		buf_add(&text, f->path);
		buf_addf(&text, "%c%llu %lld.%09ld", 0, (unsigned long long)size,
			(long long)modified.tv_sec, modified.tv_nsec);
		(void)crypto_sha256(buf_span(&text), hash);
	}
	buf_addc(&tag, '"');
	base64_url_encode(&tag, hash, 16);
	buf_addc(&tag, '"');
	if (!span_cstr(buf_span(&tag), out, 48))
		out[0] = '\0';
}

/* The next change lies in trusted time: as far ahead of that as it will be of the wall clock. */
int64_t
gate_expiry(const struct gate_case *c)
{
	int64_t until = c->wall + GATE_HORIZON;

	if (c->decision.has_next_change && c->decision.next_change - c->now < until - c->wall)
		until = c->wall + (c->decision.next_change - c->now);
	if (c->next_event != 0 && c->next_event - c->now < until - c->wall)
		until = c->wall + (c->next_event - c->now);
	if (c->subject.authenticated && c->subject.expires < until)
		until = c->subject.expires;
	return until;
}

int
gate_root(const struct gate *g, struct span name)
{
	for (size_t i = 0; i < g->settings->n_roots; i++)
		if (span_is(name, g->settings->roots[i].name))
			return g->roots[i];
	return -1;
}

int
gate_open_beneath(int at, struct span name, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	char path[GATE_PATH_MAX];

	if (!span_cstr(name, path, sizeof(path)))
		return -1;
	return (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
}

void
gate_grant_end(struct gate_desk *d)
{
	if (d->folder.open)
		(void)close(d->folder.fd);
	d->folder.open = false;
}

/* Of all files of one dataset in one turn, once.  Still the desk's; -1: none. */
static int
open_folder(struct gate_desk *d, const struct gate_case *c)
{
	struct gate_folder *at = &d->folder;
	struct span name = c->dataset.folder.n > 0 ? c->dataset.folder : SPAN(".");
	int root = gate_root(d->gate, c->dataset.root_name);

	if (at->open && at->root == root && span_eq(name, buf_span(&at->name)))
		return at->fd;
	gate_grant_end(d);
	if (root < 0)
		return -1;
	buf_reset(&at->name);
	buf_add(&at->name, name);
	at->fd = gate_open_beneath(root, name, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	at->open = at->fd >= 0;
	if (!buf_ok(&at->name))
		buf_reset(&at->name); /* it is no folder's name: looked up anew */
	at->root = root;
	return at->fd;
}

/*
 * First the dataset's folder without following any link, then the file beneath that folder: a link
 * that was put there after indexing can lead to files of the same dataset alone, which the same
 * decision covers.
 */
static int
open_file(struct gate_desk *d, const struct gate_case *c, const struct catalog_file *f)
{
	int at = open_folder(d, c);

	return at < 0 ? -1 : gate_open_beneath(at, f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

bool
gate_open(struct gate_desk *d, const struct gate_case *c, const struct catalog_file *f,
	struct grant **ret, struct err *e)
{
	struct grant_info info = {
		.expires = gate_expiry(c),
		.epoch = c->epoch,
		.decision = c->record,
		.audit_from = gate_stream_audit(c),
		.max_age = gate_oblige_age(d, c),
	};
	struct stat st;

	if (!c->decision.permit)
		return err_set(e, ERR_DENIED, NULL, "no permit, no file");
	AUTO_FD fd = open_file(d, c, f);
	if (fd < 0)
		return err_set(e, ERR_ABSENT, NULL, "no such file");
	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "fstat");
	gate_etag(c, f, &st, info.etag);
	info.modified = st.st_mtim.tv_sec;
	gate_stream_rate(d->gate, c, &info.rate);
	return grant_issue(&fd, &info, ret, e);
}

int
gate_descriptor(const struct http_answer *a)
{
	return a->grant != NULL ? grant_issue_fd(a->grant) : -1;
}

/* ---- bodies that the gate wrote ---- */

/* A sealed file in memory with these bytes: nobody can change it any more. */
static int
sealed_file(struct span bytes, struct err *e)
{
	AUTO_FD fd = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	while (fd >= 0 && done < bytes.n) {
		ssize_t n = write(fd, bytes.p + done, bytes.n - done);
		if (n <= 0) {
			(void)err_set(e, ERR_SYSTEM, NULL, "write to a memory file");
			return -1;
		}
		done += (size_t)n;
	}
	if (fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
		(void)err_set(e, ERR_SYSTEM, NULL, "memory file");
		return -1;
	}
	return take_fd(&fd);
}

static bool
memory_file(struct gate_desk *d, const struct gate_case *c, const struct grant_rate *rate,
	struct grant **ret, struct err *e)
{
	struct grant_info info = {
		.expires =
			INT64_MAX, /* it holds no data, only what was decided for this one answer */
		.epoch = c->epoch,
		.decision = c->record,
		.generated = true,
		.rate = *rate,
	};
	AUTO_FD fd = sealed_file(buf_span(&d->body), e);

	return fd >= 0 && grant_issue(&fd, &info, ret, e);
}

void
gate_body(struct gate_desk *d, const struct gate_case *c, struct http_answer *ret)
{
	struct err e = {0};

	if (!buf_ok(&d->body)) {
		gate_problem_later(d, c, "This listing is too long to be written.", 60, ret);
		return;
	}
	ret->fields = buf_span(&d->fields);
	ret->body = HTTP_INLINE;
	ret->text = buf_span(&d->body);
	if (c->found == GATE_DECIDED)
		gate_stream_rate(d->gate, c, &ret->rate);
	if (d->body.n <= WIRE_INLINE_MAX)
		return;
	if (!memory_file(d, c, &ret->rate, &ret->grant, &e)) {
		buf_reset(&d->fields);
		gate_problem_later(d, c, "The agent is short of memory.", 10, ret);
		return;
	}
	ret->body = HTTP_FILE;
	ret->text = SPAN_NONE;
}

/* ---- plans, pipes and files to be written ---- */

static struct grant_info
begun(struct gate_desk *d, const struct gate_case *c)
{
	struct grant_info info = {
		.expires = gate_expiry(c),
		.epoch = c->epoch,
		.decision = c->record,
	};

	gate_stream_rate(d->gate, c, &info.rate);
	return info;
}

bool
gate_grant_plan(struct gate_desk *d, const struct gate_case *c, const struct gate_plan *plan,
	struct grant **ret, struct err *e)
{
	struct grant_info info = begun(d, c);

	if (!c->decision.permit)
		return err_set(e, ERR_DENIED, NULL, "no permit, no archive");
	if (!span_cstr(plan->etag, info.etag, sizeof(info.etag)))
		return err_set(e, ERR_LIMIT, NULL, "etag");
	info.generated = true;
	info.modified = plan->modified;
	AUTO_FD fd = sealed_file(plan->bytes, e);
	return fd >= 0 && grant_issue(&fd, &info, ret, e);
}

bool
gate_grant_pipe(
	struct gate_desk *d, const struct gate_case *c, int *fd, struct grant **ret, struct err *e)
{
	struct grant_info info = begun(d, c);

	if (!c->decision.permit)
		return err_set(e, ERR_DENIED, NULL, "no permit, no transfer");
	info.kind = GRANT_PIPE;
	info.generated = true;
	return grant_issue(fd, &info, ret, e);
}

bool
gate_grant_write(struct gate_desk *d, const struct gate_case *c, int *fd, uint64_t size,
	struct grant **ret, struct err *e)
{
	struct grant_info info = begun(d, c);

	if (!c->decision.permit)
		return err_set(e, ERR_DENIED, NULL, "no permit, no file");
	info.kind = GRANT_WRITE;
	info.size = size;
	return grant_issue(fd, &info, ret, e);
}
