/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/json.h"
#include "agent/base/span.h"
#include "auth/accounts.h"
#include "auth/issuers.h"
#include "auth/jws.h"
#include "auth/keyring.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What an issuer tells of the person who has just logged in: its token response (OpenID Connect
 * Core 1.0, 3.1.3.3), judged as strictly as any access token, completed by its userinfo (5.3). Pure
 * but for the signature, which the caller's function checks.
 */
#define ID_TOKEN_CLAIMS_MAX (15UL * 1024) /* bytes of what is kept of a person */

/* Did a key of this issuer sign it?  WAIT: its keys are being fetched. */
typedef enum keyring_verdict id_token_signed_fn(
	void *arg, size_t issuer, const struct jws *j, struct err *e);

struct id_token_answer {
	const struct issuer *issuer;
	size_t index; /* of it, for `sign` */
	struct span client, nonce;
	struct span body;     /* of the token endpoint */
	struct span userinfo; /* absent: none could be had; the ID token's claims alone count */
	id_token_signed_fn *sign;
	void *arg;
	int64_t now; /* seconds UTC */
};

/*
 * GOOD: what is to be kept of the person is appended to `kept`, one JSON object:
 *   client    the client that asked
 *   scope     what the issuer granted, when it says so
 *   asked     whether userinfo was to be had
 *   userinfo  names of the claims that come from there; the others stood in the ID token
 *   claims    both together; where they differ in a claim of the person, userinfo's, which is the
 *             complete one; what tells of the login itself is the ID token's
 * BAD: ERR_UNAUTH with the clause; ERR_UPSTREAM: no answer of a token endpoint, or no keys;
 * ERR_DENIED: more than ID_TOKEN_CLAIMS_MAX.  WAIT: nothing is written; ask again.
 */
enum keyring_verdict id_token_check(
	const struct id_token_answer *a, struct arena *mem, struct buf *kept, struct err *e);
/*
 * The subject of what was kept, by the issuer's rules as they are now, with its local account.
 * `kept` is read as strictly as a stranger's: ERR_UNAUTH.  Spans in `mem`, or those of accounts.
 */
bool id_token_subject(const struct issuer *i, const struct accounts *accounts,
	const struct json *kept, struct arena *mem, struct subject *ret, struct err *e);
