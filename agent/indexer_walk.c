/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/indexer_walk.h"

#include "agent/base/buf.h"
#include "agent/base/scope.h"
#include "agent/catalog/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#define WALK_NAMES_MAX ((size_t)256 * 1024 * 1024) /* bytes of names in one folder */
#define WALK_READ      32768U

struct name {
	const char *p;
	uint16_t n;
	uint8_t type; /* DT_DIR, DT_REG, DT_LNK, or what else there is */
};

struct frame {
	int fd;
	size_t path_n; /* of w->path that is this folder */
	char *text;    /* the names, NUL-terminated */
	struct name *name;
	size_t n, at;
};

struct indexer_walk {
	size_t levels;
	struct frame frame[LIMIT_DEPTH + 1];
	size_t n;        /* frames */
	struct buf path; /* of the entry of the last step, beneath the root */
	struct buf shown;
	int root;     /* given; -1 once it was entered */
	bool into;    /* the last step gave a folder that is entered by the next */
	bool end_due; /* the dataset could not be entered: it ends with the next step */
	const struct name *last;
};

static int
beneath(int dir, const char *name, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

bool
indexer_walk_new(int root_fd, size_t levels, struct indexer_walk **ret, struct err *e)
{
	struct indexer_walk *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "walk");
	w->levels = levels;
	w->root = root_fd;
	w->path = (struct buf)BUF_INIT(LIMIT_PATH + 512);
	w->shown = (struct buf)BUF_INIT(4 * LIMIT_PATH + 2048);
	*ret = w;
	return true;
}

static void
leave(struct indexer_walk *w)
{
	struct frame *f = &w->frame[--w->n];

	scope_close(&f->fd);
	free(f->text);
	free(f->name);
	*f = (struct frame){.fd = -1};
}

void
indexer_walk_free(struct indexer_walk *w)
{
	if (w == NULL)
		return;
	while (w->n > 0)
		leave(w);
	buf_fini(&w->path);
	buf_fini(&w->shown);
	free(w);
}

/* ---- one folder's names ---- */

/* A folder sorts as its name with the slash that follows in the paths of its files. */
static unsigned char
byte_at(const struct name *x, size_t i)
{
	if (i < x->n)
		return (unsigned char)x->p[i];
	return i == x->n && x->type == DT_DIR ? '/' : 0;
}

static int
by_path(const void *x, const void *y)
{
	const struct name *a = x;
	const struct name *b = y;
	size_t n = a->n < b->n ? a->n : b->n;
	int c = memcmp(a->p, b->p, n);

	if (c != 0)
		return c;
	return (int)byte_at(a, n) - (int)byte_at(b, n);
}

static uint8_t
type_of(int dir, const struct dirent64 *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type;
	if (fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return DT_REG; /* the caller's own look at it will say what is wrong */
	return (uint8_t)IFTODT(st.st_mode);
}

/* Names of a folder, one after the other: a byte of type, the text, NUL. */
static bool
read_names(int dir, struct buf *out, size_t *ret_n)
{
	_Alignas(struct dirent64) char block[WALK_READ];
	size_t n = 0;

	for (;;) {
		ssize_t got = getdents64(dir, block, sizeof(block));
		if (got <= 0) {
			*ret_n = n;
			return got == 0;
		}
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *d = (const void *)(block + at);
			at += d->d_reclen;
			if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
				continue;
			buf_addc(out, (char)type_of(dir, d));
			buf_add(out, (struct span){d->d_name, strlen(d->d_name) + 1});
			n++;
		}
		if (!buf_ok(out)) {
			errno = E2BIG;
			return false;
		}
	}
}

static bool
load(struct frame *f)
{
	struct buf text = BUF_INIT(WALK_NAMES_MAX);
	size_t n = 0;

	if (!read_names(f->fd, &text, &n)) {
		int why = errno;
		buf_fini(&text);
		errno = why;
		return false;
	}
	f->text = text.p;
	f->name = calloc(n + 1, sizeof(*f->name));
	if (f->name == NULL)
		return false;
	for (const char *p = text.p; p != NULL && f->n < n; f->n++) {
		size_t len = strlen(p + 1);
		f->name[f->n] = (struct name){p + 1, (uint16_t)len, (uint8_t)p[0]};
		p += len + 2;
	}
	if (f->name != NULL && f->n > 1)
		qsort(f->name, f->n, sizeof(*f->name), by_path);
	return true;
}

/* ---- the steps ---- */

static size_t
base_of(const struct indexer_walk *w)
{
	size_t n = w->n > w->levels ? w->frame[w->levels].path_n : 0;

	return n > 0 ? n + 1 : 0;
}

static struct span
relative(const struct indexer_walk *w)
{
	return span_skip(buf_span(&w->path), base_of(w));
}

/* A path for people and for JSON, also where a name is not UTF-8. */
static struct span
shown(struct indexer_walk *w, struct span path)
{
	if (span_utf8(path))
		return path;
	buf_reset(&w->shown);
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		if (c >= 0x20 && c < 0x7f && c != '\\')
			buf_addc(&w->shown, path.p[i]);
		else
			buf_addf(&w->shown, "\\x%02x", c);
	}
	return buf_span(&w->shown);
}

static void
problem(struct indexer_walk *w, struct indexer_walk_entry *ret, const char *text, int sys)
{
	bool inside = w->n > w->levels;

	*ret = (struct indexer_walk_entry){
		.kind = WALK_PROBLEM,
		.path = shown(w, inside ? relative(w) : buf_span(&w->path)),
		.text = text,
		.sys = sys,
		.in_dataset = inside,
	};
}

/* Open the folder of the last step (or the root) as the top frame. */
static bool
enter(struct indexer_walk *w, struct indexer_walk_entry *ret)
{
	struct frame *f = &w->frame[w->n];
	bool first = w->root >= 0;

	*f = (struct frame){.path_n = w->path.n};
	f->fd = first ? beneath(w->root, ".", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH)
		      : beneath(w->frame[w->n - 1].fd, w->last->p,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
				RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
	w->root = -1;
	if (f->fd < 0 || !load(f)) {
		problem(w, ret, "folder cannot be read", errno);
		ret->lost = true;
		ret->uncatalogued = true;
		w->n++; /* leave() frees what there is */
		leave(w);
		return false;
	}
	w->n++;
	return true;
}

static void
set_path(struct indexer_walk *w, const struct frame *f, const struct name *name)
{
	w->path.n = f->path_n;
	w->path.bad = false;
	if (f->path_n > 0)
		buf_addc(&w->path, '/');
	buf_add(&w->path, (struct span){name->p, name->n});
	buf_addc(&w->path, '\0'); /* also a C string */
	if (buf_ok(&w->path))
		w->path.n--;
}

/* Why a symbolic link is not a file of the dataset; NULL: it is. */
static const char *
link_problem(struct indexer_walk *w, int *sys)
{
	struct stat st;

	*sys = 0;
	if (indexer_walk_stat(w, &st, NULL))
		return S_ISDIR(st.st_mode) ? "symbolic link to a folder: not followed" : NULL;
	if (errno == EXDEV)
		return "symbolic link leads out of its dataset: not followed";
	*sys = errno;
	return "symbolic link leads nowhere";
}

/* What stands between the levels of the layout. */
static void
outside(struct indexer_walk *w, const struct name *name, struct indexer_walk_entry *ret)
{
	if (name->type != DT_DIR) {
		problem(w, ret, "lies outside every dataset of the layout", 0);
		return;
	}
	*ret = (struct indexer_walk_entry){
		.kind = w->n == w->levels ? WALK_DATASET : WALK_FOLDER,
		.path = buf_span(&w->path),
		.level = w->n - 1,
	};
	w->into = true;
}

static void
inside(struct indexer_walk *w, const struct name *name, struct indexer_walk_entry *ret)
{
	int sys = 0;
	const char *wrong = NULL;

	*ret = (struct indexer_walk_entry){.kind = WALK_FILE, .path = relative(w)};
	switch (name->type) {
	case DT_DIR:
		w->into = true;
		ret->kind = WALK_FOLDER;
		if (w->n <= LIMIT_DEPTH)
			return;
		w->into = false;
		problem(w, ret, "folders lie too deep: not looked into", 0);
		ret->uncatalogued = true;
		return;
	case DT_REG:
		return;
	case DT_LNK:
		wrong = link_problem(w, &sys);
		break;
	default:
		wrong = "neither a file nor a folder (device, pipe or socket)";
		break;
	}
	if (wrong != NULL)
		problem(w, ret, wrong, sys);
}

static void
step(struct indexer_walk *w, const struct name *name, struct indexer_walk_entry *ret)
{
	w->last = name;
	if (!buf_ok(&w->path) || w->path.n > LIMIT_PATH) {
		w->path.n = w->frame[w->n - 1].path_n;
		w->path.bad = false;
		problem(w, ret, "holds a name whose path is too long", 0);
	} else if (!span_utf8((struct span){name->p, name->n})) {
		problem(w, ret, "name is not UTF-8: rename it", 0);
	} else if (span_control((struct span){name->p, name->n})) {
		/* no request can name it: agent/http/target.c refuses such a path */
		problem(w, ret, "name holds a control character (tab, line break): rename it", 0);
	} else {
		if (w->n <= w->levels)
			outside(w, name, ret);
		else
			inside(w, name, ret);
		return;
	}
	ret->uncatalogued = true;
}

/* Into the folder that is due; false: what went wrong is in *ret. */
static bool
enter_due(struct indexer_walk *w, struct indexer_walk_entry *ret)
{
	bool dataset = w->n == w->levels;

	w->into = false;
	if (enter(w, ret))
		return true;
	if (dataset) {
		ret->path = SPAN("");
		ret->in_dataset = true;
		w->end_due = true;
	}
	return false;
}

/* One name of the top folder, or its end.  False: nothing to tell of, go on. */
static bool
advance(struct indexer_walk *w, struct indexer_walk_entry *ret)
{
	struct frame *f = &w->frame[w->n - 1];

	if (f->at == f->n) {
		bool dataset = w->n - 1 == w->levels;
		w->path.n = f->path_n;
		leave(w);
		ret->kind = WALK_DATASET_END;
		return dataset;
	}
	const struct name *name = &f->name[f->at++];
	set_path(w, f, name);
	step(w, name, ret);
	if (ret->kind != WALK_FOLDER || w->n <= w->levels)
		return true;
	return !enter_due(w, ret); /* folders of a dataset are entered without a word */
}

bool
indexer_walk_next(struct indexer_walk *w, struct indexer_walk_entry *ret, struct err *e)
{
	*ret = (struct indexer_walk_entry){.kind = WALK_END};
	if (w->end_due) {
		w->end_due = false;
		ret->kind = WALK_DATASET_END;
		return true;
	}
	if (w->root >= 0 && w->levels == 0 && !w->into) {
		/* The root itself is the dataset: said before it is entered. */
		*ret = (struct indexer_walk_entry){.kind = WALK_DATASET, .path = SPAN("")};
		w->into = true;
		return true;
	}
	if ((w->into || w->root >= 0) && !enter_due(w, ret))
		return true;
	while (w->n > 0)
		if (advance(w, ret))
			return true;
	*ret = (struct indexer_walk_entry){.kind = WALK_END};
	return w->path.bad ? err_set(e, ERR_LIMIT, NULL, "no memory for paths") : true;
}

void
indexer_walk_skip(struct indexer_walk *w)
{
	w->into = false;
	if (w->n == 0)
		w->root = -1;
}

/* ---- the file of the last step ---- */

/* A link is resolved beneath its dataset's folder, so that it cannot name another one's file. */
static int
open_link(struct indexer_walk *w, uint64_t flags)
{
	return beneath(w->frame[w->levels].fd, w->path.p + base_of(w), flags,
		RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

bool
indexer_walk_stat(struct indexer_walk *w, struct stat *ret, struct err *e)
{
	int top = w->frame[w->n - 1].fd;

	if (w->last->type != DT_LNK) {
		if (fstatat(top, w->last->p, ret, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
		return err_set(e, ERR_SYSTEM, NULL, "file cannot be looked at");
	}
	AUTO_FD fd = open_link(w, O_PATH);
	if (fd >= 0 && fstat(fd, ret) == 0)
		return true;
	return err_set(e, ERR_SYSTEM, NULL, "symbolic link cannot be followed");
}

int
indexer_walk_open(struct indexer_walk *w, struct err *e)
{
	const uint64_t flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	int fd = w->last->type == DT_LNK
			 ? open_link(w, flags)
			 : beneath(w->frame[w->n - 1].fd, w->last->p, flags | O_NOFOLLOW,
				   RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);

	if (fd < 0)
		(void)err_set(e, ERR_SYSTEM, NULL, "file cannot be opened");
	return fd;
}
