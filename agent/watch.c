/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/watch.h"

#include "agent/base/arena.h"
#include "agent/base/scope.h"
#include "agent/base/span.h"

#include <limits.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define NAMES_MAX ((size_t)4 << 20)
#define EVENTS                                                                                     \
	(IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |   \
		IN_MOVE_SELF | IN_ONLYDIR)

/* One file in its folder; files of one folder share the number of its watch. */
struct place {
	const char *path;
	struct span folder; /* of path; "/" and "" alike are the root */
	const char *name;
	int wd; /* -1: the folder is not there */
	dev_t dev;
	ino_t ino;
	bool writing; /* somebody has written to it, and not closed it */
};

struct watch {
	int fd;
	struct arena names; /* places and their paths */
	struct place *place;
	size_t n;
	struct watch_rest rest;
	long long looked;
};

/* ---- when ---- */

void
watch_rest_touch(struct watch_rest *r, long long now)
{
	if (!r->due)
		r->first = now;
	r->due = true;
	r->last = now;
}

int
watch_rest_wait(const struct watch_rest *r, long long now)
{
	if (!r->due)
		return -1;
	long long rest = r->last + WATCH_REST_MS - now;
	long long most = r->first + WATCH_LONG_MS - now;
	long long wait = rest < most ? rest : most;
	return wait > 0 ? (int)wait : 0;
}

bool
watch_rest_over(struct watch_rest *r, long long now)
{
	if (watch_rest_wait(r, now) != 0)
		return false;
	r->due = false;
	return true;
}

/* ---- folders ---- */

static bool
folder_path(const struct place *p, char out[PATH_MAX])
{
	return span_cstr(p->folder.n > 0 ? p->folder : SPAN("/"), out, PATH_MAX);
}

/* Is its folder the one that is watched? */
static bool
same_folder(const struct place *p)
{
	char path[PATH_MAX];
	struct stat st;

	if (!folder_path(p, path) || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return p->wd < 0;
	return p->wd >= 0 && st.st_dev == p->dev && st.st_ino == p->ino;
}

/* Adding a watch to a folder that has one gives the same number. */
static void
add_folder(struct watch *w, struct place *p)
{
	char path[PATH_MAX];
	struct stat st = {0};

	p->writing = false;
	p->wd = folder_path(p, path) ? inotify_add_watch(w->fd, path, EVENTS) : -1;
	if (p->wd >= 0 && stat(path, &st) == 0) {
		p->dev = st.st_dev;
		p->ino = st.st_ino;
	}
}

/* Watches that no file needs any more. */
static void
drop_watch(struct watch *w, int wd)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->place[i].wd == wd)
			return;
	if (wd >= 0)
		(void)inotify_rm_watch(w->fd, wd);
}

static void
look(struct watch *w, long long now)
{
	for (size_t i = 0; i < w->n; i++) {
		struct place *p = &w->place[i];
		int old = p->wd;
		if (same_folder(p))
			continue;
		add_folder(w, p);
		if (old != p->wd)
			drop_watch(w, old);
		watch_rest_touch(&w->rest, now);
	}
	w->looked = now;
}

/* ---- events ---- */

static void
note_file(struct watch *w, struct place *p, uint32_t mask, long long now)
{
	if ((mask & IN_CLOSE_WRITE) != 0 && p->writing)
		w->rest.due = false; /* the rest of a file that took long begins now */
	if ((mask & IN_MODIFY) != 0)
		p->writing = true;
	if ((mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) != 0)
		p->writing = false;
	if ((mask & IN_CLOSE_WRITE) != 0)
		watch_rest_touch(&w->rest, now);
}

static void
note(struct watch *w, const struct inotify_event *ev, const char *name, long long now)
{
	if ((ev->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
		w->looked = now - WATCH_LOOK_MS; /* look at the folders now */
		if ((ev->mask & IN_Q_OVERFLOW) != 0)
			watch_rest_touch(&w->rest, now);
	}
	for (size_t i = 0; i < w->n; i++) {
		struct place *p = &w->place[i];
		if (p->wd != ev->wd)
			continue;
		if ((ev->mask & IN_IGNORED) != 0)
			p->wd = -1; /* the kernel's watch has ended */
		/* Of any name: a file may be a link to what is moved here. */
		if ((ev->mask & IN_MOVED_TO) != 0)
			watch_rest_touch(&w->rest, now);
		if (ev->len > 0 && strcmp(name, p->name) == 0)
			note_file(w, p, ev->mask, now);
	}
}

static void
read_events(struct watch *w, long long now)
{
	alignas(struct inotify_event) char block[16384];
	ssize_t n = 0;

	while ((n = read(w->fd, block, sizeof(block))) > 0) {
		for (size_t at = 0; at < (size_t)n;) {
			struct inotify_event ev;
			memcpy(&ev, block + at, sizeof(ev));
			note(w, &ev, block + at + sizeof(ev), now);
			at += sizeof(ev) + ev.len;
		}
	}
}

static bool
anybody_writes(const struct watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->place[i].writing)
			return true;
	return false;
}

/* ---- the whole ---- */

bool
watch_new(struct watch **ret, struct err *e)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		(void)err_set(e, ERR_SYSTEM, NULL, "no inotify");
		free(w);
		return false;
	}
	*ret = w;
	return true;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	arena_fini(&w->names);
	(void)close(w->fd);
	free(w);
}

static bool
same_list(const struct watch *w, const char *const *path, size_t n)
{
	bool same = w->n == n;

	for (size_t i = 0; same && i < n; i++)
		same = strcmp(w->place[i].path, path[i]) == 0;
	return same;
}

static bool
make_places(struct arena *a, const char *const *path, size_t n, struct place **ret)
{
	struct place *place = arena_array(a, n + 1, sizeof(*place));

	for (size_t i = 0; place != NULL && i < n; i++) {
		const char *slash = strrchr(path[i], '/');
		place[i].path = arena_str(a, span_of(path[i]));
		if (place[i].path == NULL || slash == NULL)
			return false;
		place[i].folder = (struct span){place[i].path, (size_t)(slash - path[i])};
		place[i].name = place[i].path + place[i].folder.n + 1;
	}
	*ret = place;
	return place != NULL;
}

bool
watch_files(struct watch *w, const char *const *path, size_t n, long long now, struct err *e)
{
	struct place *old = w->place;
	size_t n_old = w->n;
	struct arena before = w->names;
	struct arena names = {0};
	struct place *place = NULL;

	if (same_list(w, path, n))
		return true;
	if (!arena_init(&names, NAMES_MAX) || !make_places(&names, path, n, &place)) {
		arena_fini(&names);
		return err_set(e, ERR_LIMIT, NULL, "so many files cannot be watched");
	}
	w->names = names;
	w->place = place;
	w->n = n;
	for (size_t i = 0; i < n; i++)
		add_folder(w, &place[i]);
	for (size_t i = 0; i < n_old; i++)
		drop_watch(w, old[i].wd);
	arena_fini(&before);
	w->looked = now;
	return true;
}

int
watch_fd(const struct watch *w)
{
	return w->fd;
}

int
watch_wait(const struct watch *w, long long now)
{
	int rest = watch_rest_wait(&w->rest, now);
	long long look = w->looked + WATCH_LOOK_MS - now;

	if (w->n == 0)
		return -1;
	if (rest >= 0 && rest < look && !anybody_writes(w))
		return rest;
	return look > 0 ? (int)look : 0;
}

bool
watch_due(struct watch *w, long long now)
{
	read_events(w, now);
	if (w->n > 0 && now - w->looked >= WATCH_LOOK_MS)
		look(w, now);
	return !anybody_writes(w) && watch_rest_over(&w->rest, now);
}

void
watch_again(struct watch *w, long long now)
{
	watch_rest_touch(&w->rest, now);
}
