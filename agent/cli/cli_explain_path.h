/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What policy says to a request for a path below /data/, by the policy files and the catalogue of
 * these settings and as the gate asks it: GET by HTTPS, listing where the path ends with a slash or
 * at the dataset, else reading.
 */
struct cli_explain_path {
	struct span path; /* decoded */
	const struct subject *subject;
	const char *network; /* NULL: internet */
	int64_t now;         /* seconds UTC */
	bool json;           /* one JSON object; else the words of `pan-agent policy explain` */
};

/*
 * Adds the explanation to `out`.  A path that is no dataset's is explained too (*permit false).
 * False: the files could not be read (said on standard error), or *e.
 */
bool cli_explain_path(const struct settings *s, const struct cli_explain_path *q, struct arena *mem,
	struct buf *out, bool *permit, struct err *e);
/*
 * The path of a URL (with its query), decoded once (RFC 3986 2.1), as agents take it: ERR_SYNTAX
 * for dot segments, empty ones, encoded slashes, control characters, and what is not UTF-8.  Pure.
 */
bool cli_explain_path_decode(struct span rest, struct arena *mem, struct span *ret, struct err *e);
