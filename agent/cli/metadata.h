/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What a data server says of itself (RFC 9728 2, and the member pan_issuers of PRM-3): for whom a
 * token must be, and who gives one.  Strict in what is known, silent about other members.  Pure;
 * fuzz target: metadata.  All spans lie in the arena and are fit to be shown on a terminal.
 */
#define METADATA_PATH        "/.well-known/oauth-protected-resource"
#define METADATA_BYTES_MAX   65536U
#define METADATA_ISSUERS_MAX 32U
#define METADATA_TEXT_MAX    1024U /* bytes of scopes joined, and of other texts */

/* How the issuer is told for whom the token shall be. */
enum metadata_ask { METADATA_RESOURCE /* RFC 8707 */, METADATA_AUDIENCE, METADATA_NEITHER };
extern const char *const metadata_ask_names[3];

struct metadata_issuer {
	struct span issuer;
	struct span name;      /* for people; absent: none */
	struct span client_id; /* public client of the device flow; absent: not said */
	struct span scopes;    /* joined by blanks; absent: not said */
	struct span audience;  /* absent: the resource */
	enum metadata_ask ask;
};

struct metadata {
	struct span resource; /* audience that a token must have */
	struct span name;     /* for people; absent: none */
	struct span scopes;   /* scopes_supported, joined by blanks; absent: none */
	bool bound;           /* only tokens that are bound to a key (DPoP) are taken */
	struct metadata_issuer issuer[METADATA_ISSUERS_MAX];
	size_t n;
};

/* ERR_SYNTAX with the member that is wrong; ERR_LIMIT when the arena is full. */
bool metadata_parse(struct span text, struct arena *mem, struct metadata *ret, struct err *e);
/* Visible ASCII and single blanks inside: RFC 6749 3.3's scope, and what may be shown. */
bool metadata_words(struct span s);
