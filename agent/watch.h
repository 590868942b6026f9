/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Files that somebody may change, watched through their folders (inotify): when one was closed
 * after writing, or something was moved into its folder, and nothing has happened for
 * WATCH_REST_MS, it is time to look at them.  A file that is being written holds this up until it
 * is closed.  Also time: when a folder is another one than before (renamed, replaced, reached
 * through another link), which is looked for once a second.  Times are milliseconds of a clock that
 * only goes on.
 */
#define WATCH_REST_MS 200
#define WATCH_LONG_MS 5000 /* a folder that is never at rest is looked at so often */
#define WATCH_LOOK_MS 1000 /* between two looks at the folders */

/* ---- when: pure ---- */

struct watch_rest {
	bool due;
	long long first, last; /* what happened, since it was not due */
};
void watch_rest_touch(struct watch_rest *r, long long now); /* something happened */
/* Milliseconds until watch_rest_over could say yes; -1: nothing happened. */
int watch_rest_wait(const struct watch_rest *r, long long now);
/* True once for what happened, when it is over. */
bool watch_rest_over(struct watch_rest *r, long long now);

/* ---- what ---- */

struct watch;
bool watch_new(struct watch **ret, struct err *e);
void watch_free(struct watch *w); /* NULL is allowed */
/*
 * Watch these files (absolute paths, copied; a file need not be there, nor its folder) instead of
 * those before.  What happened to files that stay in the list is not forgotten.
 */
bool watch_files(struct watch *w, const char *const *path, size_t n, long long now, struct err *e);
int watch_fd(const struct watch *w); /* readable: something happened */
/* Milliseconds until watch_due should be asked at the latest; -1: nothing is watched. */
int watch_wait(const struct watch *w, long long now);
/* Take note of what happened.  True: it is time to look at the files.  Never blocks. */
bool watch_due(struct watch *w, long long now);
/* Not yet: as if something had happened now. */
void watch_again(struct watch *w, long long now);
