/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Scopes that carry a path (WLCG profile 1.3, SciTokens 2.0): `storage.read:/path`, `write:/path`.
 * They restrict; what they cover, policy still has to grant.  Pure.
 */

struct path_scopes {
	const struct span *path;
	size_t n;
};

/*
 * The paths of all `WORD:PATH` in `scope` (space-separated) whose WORD is one of `words` ("read",
 * "storage.create storage.modify"), each percent-decoded once and put behind `base` ("" or "/data",
 * no slash at its end).  A PATH with `.`, `..`, an empty or an ambiguous component gives nothing.
 * ERR_UNAUTH when such a WORD stands without an absolute PATH: that token is to be rejected as a
 * whole (WLCG profile 1.3, 2.2.1).
 */
bool path_scope_read(struct span scope, struct span words, struct span base, struct arena *mem,
	struct path_scopes *ret, struct err *e);
/*
 * By whole components and case-sensitively: /data/foo covers itself and what lies below it, not
 * /data/foobar.  A granted path with a slash at its end is a directory: what lies below it, and
 * itself when written with the slash.  `path` is absolute, decoded and without dot components.
 */
bool path_scope_covers(struct span granted, struct span path);
