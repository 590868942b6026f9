/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who is calling: the one door of this folder.  An Authorization value becomes a subject or a
 * refusal.  Stages, cheapest first, and nothing of a token decides what is opened or contacted:
 * credential, jws, issuers, keys, signature (oidc or keys), claims.
 *
 * auth_load opens files through its libraries and must run before threads and before the process
 * is confined.  Afterwards `struct auth` does not change but for its cache of verified tokens; any
 * number of threads may use it, and auth_check opens nothing and waits for nobody.
 */
struct auth;

struct auth_refusal {
	int status;            /* 400, 401, 403 or 503; never 500 */
	const char *error;     /* code of RFC 6750 3.1, or NULL */
	char description[200]; /* ASCII of RFC 6750's set: "claim: what is wrong (clause)" */
	unsigned retry_after;  /* seconds, with 503; else 0 */
	struct span scope;     /* with insufficient_scope: the one that is missing; else absent */
};

/*
 * jwks: the text of each issuer's key file, in the order of s->issuers; absent where there is none
 * (its tokens are answered 503).  public_url: NULL for that of the settings.  Borrows `s`, which
 * must outlive it.  Faults go to `report` as "FILE:LINE:1: error: ..." lines, and as "warning:"
 * lines what is only worth knowing (dropped keys); false after an error.
 */
bool auth_load(const struct settings *s, const struct span *jwks, const char *public_url,
	struct buf *report, struct auth **ret, struct err *e);
void auth_free(struct auth *a); /* NULL is allowed */

/*
 * An absent or another kind of credential is a success with the anonymous subject.  `now` is
 * seconds UTC; the subject's spans lie in `mem` (or, for iss, in the settings).  256 KiB of arena
 * are enough for the longest token.
 */
bool auth_check(struct auth *a, struct span authorization, int64_t now, struct arena *mem,
	struct subject *ret, struct auth_refusal *why);
/* Does the token cover reading this path (decoded, without dot components)?  true where its issuer
 * demands no path scopes; else `why` is 403 insufficient_scope, its scope in `mem`. */
bool auth_covers(const struct auth *a, const struct subject *s, struct span path, struct arena *mem,
	struct auth_refusal *why);
/* Tokens that were answered from the cache, since auth_load. */
uint64_t auth_cache_hits(const struct auth *a);

/*
 * The value of WWW-Authenticate (RFC 6750 3, RFC 9728 5.1).  refusal NULL: no credentials were
 * sent, so no error member.  realm: the host.
 */
void auth_write_challenge(struct buf *out, struct span realm, struct span metadata_url,
	const struct auth_refusal *refusal);
/* The protected resource document (RFC 9728 2), application/json. */
void auth_write_metadata(const struct auth *a, struct buf *out);
/* Effective settings and keys of each issuer, for `pan-agent check`. */
void auth_write_issuers(const struct auth *a, struct buf *out);
