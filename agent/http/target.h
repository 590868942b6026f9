/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/http/exchange.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A request target (RFC 9112 3.2) and its rules for paths: decoded once, never normalised, one
 * resource has one name.
 */
struct target {
	enum target_form { TARGET_ORIGIN, TARGET_ABSOLUTE, TARGET_ASTERISK } form;
	struct span authority; /* absolute form only; decides over Host */
	struct span raw;       /* path as sent, "/" where the absolute form has none */
	struct span path;      /* decoded, in the caller's out; "*" for the asterisk */
	struct span query;     /* as sent, without the question mark; absent: none; visible ASCII */
};

/*
 * `out` takes the decoded path: raw.n bytes (at least 1) are always enough.  Every failure is a 400
 * (ERR_SYNTAX). `path` of a success begins with '/', is UTF-8, has no control character, no
 * "." or ".." segment and no empty one but the last (a final slash).  Under /data and /archive
 * "%2F" is refused.
 */
bool target_parse(struct span raw, enum http_method m, char *out, size_t cap, struct target *ret,
	struct err *e);

/* Host field or authority: uri-host [":" port] (RFC 9110 7.2), no userinfo, not empty. */
bool target_host(struct span host, struct span *ret_name, unsigned *ret_port, struct err *e);
#define TARGET_PORT_NONE 0U /* *ret_port: no port was given */

/*
 * Does the request mean us?  `authority` is target.authority, else the Host field; absent
 * (HTTP/1.0) is ours.  An own name with a port takes that port, or none given (many scripts
 * leave it out, and it misleads nobody); without a port any.  No own names: everything is ours.
 * False: 421.
 */
bool target_ours(struct span authority, const struct span *own, size_t n_own);
