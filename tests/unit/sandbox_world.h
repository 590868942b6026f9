/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A process that confines itself as one of the roles, and then attempts something. */
#include "agent/sandbox.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A data root with a file, a catalogue folder, a file of neither, all opened before. */
struct world {
	char folder[64];
	int root, ingest, catalogue, top, file, pair[2]; /* ingest: a root that is writable */
};

static inline void
add_file(struct role *r, const char *name, int fd)
{
	struct role_file *f = &r->files[r->n_files++];
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	(void)snprintf(f->path, sizeof(f->path), "%s", name);
	f->fd = fd;
}

static inline int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	(void)snprintf(w->folder, sizeof(w->folder), "/tmp/test_sandbox.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	w->top = open(w->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(w->top, "root", 0755), 0);
	assert_int_equal(mkdirat(w->top, "catalogue", 0755), 0);
	assert_int_equal(mkdirat(w->top, "ingest", 0755), 0);
	w->ingest = openat(w->top, "ingest", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(w->ingest, "deep", 0755), 0);
	w->root = openat(w->top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->catalogue = openat(w->top, "catalogue", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int other = openat(w->top, "other", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_true(other >= 0);
	(void)close(other);
	w->file = openat(w->root, "raw.h5", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(w->file, "raw", 3), 3);
	assert_true(fdpass_pair(w->pair, false, NULL));
	*state = w;
	return 0;
}

static inline int
teardown(void **state)
{
	struct world *w = *state;
	(void)unlinkat(w->root, "raw.h5", 0);
	(void)unlinkat(w->catalogue, "c-shm", 0);
	(void)unlinkat(w->catalogue, "c-wal", 0);
	(void)unlinkat(w->ingest, "deep/new", 0);
	(void)unlinkat(w->ingest, "deep", AT_REMOVEDIR);
	(void)unlinkat(w->ingest, "made", AT_REMOVEDIR);
	(void)unlinkat(w->top, "ingest", AT_REMOVEDIR);
	(void)unlinkat(w->top, "other", 0);
	(void)unlinkat(w->top, "root", AT_REMOVEDIR);
	(void)unlinkat(w->top, "catalogue", AT_REMOVEDIR);
	(void)rmdir(w->folder);
	free(w);
	return 0;
}

/* The second stage of a reader, beside the roles. */
#define OF_READER PROCESS_COUNT

/* In a child: confine as `what`, attempt.  Exit status 0 to 199 is errno, 250 and up a failure. */
static inline void
child(const struct world *w, enum process what, int (*run)(const struct world *w))
{
	static struct role r; /* too large for some stacks; the child ends soon */
	struct settings_root roots[2] = {{.name = "root"}, {.name = "ingest", .writable = true}};
	struct settings s = {
		.sandbox_required = true, .landlock = true, .roots = roots, .n_roots = 2};
	struct err e = {0};
	char missing[256];

	(void)signal(SIGILL, SIG_DFL); /* abort(), where it may not signal; else cmocka goes on */
	r = (struct role){.what = what == OF_READER ? PROCESS_READER : what, .settings = &s};
	if (what == PROCESS_COURIER)
		add_file(&r, "courier.dir", w->catalogue);
	if (what == PROCESS_GATE || what == PROCESS_INDEXER) {
		add_file(&r, "root.0", w->root);
		add_file(&r, "root.1", w->ingest);
		add_file(&r, "catalogue.dir", w->catalogue);
	}
	if (!sandbox_enter(&r, missing, sizeof(missing), &e) ||
		(what == OF_READER && !sandbox_enter_child(&r, &e))) {
		(void)fprintf(stderr, "%s\n", e.msg);
		_exit(250);
	}
	_exit(missing[0] != '\0' ? 251 : run(w));
}

static inline int
outcome(const struct world *w, enum process what, int (*run)(const struct world *w))
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(w, what, run);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}
