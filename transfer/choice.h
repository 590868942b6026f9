/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which members of a dataset an archive is to hold: the query of /archive/PID.zip.
 *
 *   file=raw/a.h5     that file         file=raw/     all that is below the folder
 *   glob=raw/a?.h5    by a pattern: '*' any run of characters but '/', '?' one character but '/',
 *                     "**" any run at all; where "**" begins a segment and a slash follows, any
 *                     folders or none
 *
 * Both may stand again and again, at most CHOICE_FILES and CHOICE_GLOBS times; a member that one of
 * them means is taken.  Values are percent-decoded once, '+' is a blank.  A pattern is a set of
 * states that is moved over the path, so that no pattern takes more than its length times that of
 * the path.  Pure.  Results live in the arena.
 */
#define CHOICE_FILES  1000U
#define CHOICE_GLOBS  16U
#define CHOICE_STATES 256U /* of one pattern: about its length */

struct choice_file {
	struct span path; /* a folder ends with '/' */
	bool met;         /* something was found that it means */
};
struct choice_glob;

struct choice {
	struct choice_file *file; /* in byte order, none twice, none inside of another's folder */
	size_t n_file;
	struct choice_glob *glob;
	size_t n_glob;
	uint64_t work; /* steps that choice_takes may still take */
};

/* An absent query takes everything.  ERR_SYNTAX, ERR_LIMIT: what is wrong, in a sentence. */
bool choice_parse(struct span query, struct arena *a, struct choice *ret, struct err *e);
static inline bool
choice_all(const struct choice *c)
{
	return c->n_file == 0 && c->n_glob == 0;
}
/* Is this member taken?  Notes what was met.  False with c->work 0: it is not known, give up. */
bool choice_takes(struct choice *c, struct span path);
/* The first word of the query that nothing was found for; absent: none. */
struct span choice_unmet(const struct choice *c);
/* Number i of the patterns, as it was written. */
struct span choice_pattern(const struct choice *c, size_t i);
