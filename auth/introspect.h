/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "auth/claims.h"
#include "auth/issuers.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The judge of what an issuer answers about a token: introspection (RFC 7662) and userinfo (OpenID
 * Connect Core 1.0, 5.3).  The answer came over TLS from a URL of the configuration, and is read as
 * strictly as a token all the same: one JSON object, no member twice, no NUL, the limits of jws.h.
 * Pure; `now` is seconds UTC.
 *
 * ERR_UNAUTH: the token is refused, with "claim: what is wrong (clause)".  ERR_UPSTREAM: the answer
 * cannot be read, so nothing is known of the token.  ERR_LIMIT: the arena is full.
 */
#define INTROSPECT_LIFE 60 /* seconds from now: of an answer without exp, where that is allowed */

/*
 * An opaque token (INT-4): active, exp, nbf, iat, iss, the audience (AUD-5), what the settings
 * demand (demands.h), cnf, token_type, sub.  `now` is when the answer came.  *ret as of
 * claims_check, its spans in `mem`.
 */
bool introspect_judge(const struct issuer *i, struct span body, int64_t now, struct arena *mem,
	struct claims *ret, struct err *e);

/* A JWT and what its issuer says of it. */
struct introspect_texts {
	struct span payload; /* decoded, of a token whose signature was verified */
	struct span body;    /* of the answer */
};

/*
 * The claims of a JWT, completed by the answer (INT-8) of the kind that i->settings->enrich names:
 * claims_check of the payload, then claims_complete.  `sub` of both must be equal; introspection
 * must say `active` as well.  *ret keeps the token's exp, aud, scope and binding.
 */
bool introspect_enrich(const struct issuer *i, const struct introspect_texts *t, int64_t now,
	struct arena *mem, struct claims *ret, struct err *e);
