/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The folders of a data root as datasets: `layout` names the leading folders, one pattern each, for
 * example "{proposal}/{dataset}"; `pid` and `proposal` are templates over those names.  A pattern
 * is one {name} with fixed text around it, or fixed text alone; names are [a-z][a-z0-9_]*.  Two
 * more names stand for themselves in templates: {root}, the name of the root, and {folder}, the
 * whole folder beneath it.  A folder named {kind} that is one of the policy's kinds (raw,
 * processed, report, log, preview) gives the dataset that kind.  Pure.
 */
#define LAYOUT_LEVELS 8U /* folders that lead to a dataset */

struct layout_level {
	struct span before, name, after; /* name absent: fixed text in `before` alone */
};

struct layout {
	struct span root; /* name of the root */
	struct layout_level level[LAYOUT_LEVELS];
	size_t n;                  /* 0: the root is one dataset */
	struct span pid, proposal; /* templates; proposal absent: none */
};

/*
 * Borrows the strings of the root.  ERR_SYNTAX names the fault.  Without `pid` it is
 * "{root}/{folder}"; without `layout` the root is one dataset.
 */
bool layout_parse(const struct settings_root *root, struct layout *ret, struct err *e);

/* May a folder at level `at` (from 0) with this name lead to a dataset? */
bool layout_fits(const struct layout *l, size_t at, struct span name);

struct layout_dataset {
	struct span pid;
	struct span proposal; /* absent: none */
	enum kind kind;
};

/*
 * What the folder (exactly layout.n levels, "" for 0) is.  ERR_SYNTAX when a name does not fit or
 * when the pid that comes out is not fit to stand in a URL path: 1 to LIMIT_PID bytes of UTF-8
 * without control characters, no empty, "." or ".." segment, at most LIMIT_PID_SEGMENTS segments.
 * Strings are made in the arena.
 */
bool layout_match(const struct layout *l, struct span folder, struct arena *a,
	struct layout_dataset *ret, struct err *e);
/* The rule for pids by itself. */
bool layout_is_pid(struct span pid);
/*
 * Take text up to a "{name}" off the front of *rest: *text what stands before, *name the name
 * (absent: no brace follows, *rest is empty then).  False: a brace that does not fit.
 */
bool layout_piece(struct span *rest, struct span *text, struct span *name);
