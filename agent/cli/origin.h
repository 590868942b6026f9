/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>

/*
 * The URLs that the client sends a token to, or that others name to it (RFC 3986).  A URL is taken
 * only when it is https, or plain http to a loopback address (CLI-6), of printable ASCII without
 * blanks, quotes and backslashes (it is shown on terminals), and without user information and
 * fragment.  Pure.
 */
#define ORIGIN_URL_MAX  2048U
#define ORIGIN_TEXT_MAX 288U

struct origin {
	char text[ORIGIN_TEXT_MAX]; /* "https://host[:port]", lower case, without a default port */
	bool loopback;              /* localhost, 127.0.0.1 or [::1] */
	struct span rest; /* of the URL: path and query, from its first byte; may be empty */
};

/* ERR_SYNTAX; its message can be shown behind the name of what the URL was for. */
bool origin_parse(struct span url, struct origin *ret, struct err *e);
/* One of that form, and of the same origin as `o`. */
bool origin_same(const struct origin *o, struct span url);
