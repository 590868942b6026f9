/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "auth/auth.h"
#include "auth/claims.h"
#include "auth/issuers.h"
#include "auth/replay.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Does the sender hold the key that the token is bound to?  A DPoP proof (RFC 9449 4.3, all of its
 * checks) for cnf.jkt, the TLS client certificate (RFC 8705 3) for cnf.x5t#S256, both where both
 * are named; nothing for a plain Bearer token, unless its issuer demands DPoP.
 *
 * The last check of a request: a proof that is good is used up by it, so nothing that makes the
 * request wait, or refuses it, may come after.  Blocks only for the lock of the replay table.
 *
 * What a proof's htu must say: the scheme and host of `origin` and its port, or one of `hosts` with
 * its port, which is that of `origin` where none is given; the path as the request has it, decoded.
 */
#define PROOF_MAX  8192U /* bytes of a DPoP field */
#define PROOF_AGE  300   /* seconds that a proof is good for after its iat */
#define PROOF_LATE 60    /* and is remembered beyond that, for requests that are worked on slowly */
#define PROOF_JTI  256U  /* bytes of its jti */
#define PROOF_ALGS "ES256 ES384 RS256 PS256" /* RFC 9449 7.1: algs of the challenge */

struct proof_case {
	/* dpop, two_proofs, method, path, certificate, again */
	const struct auth_request *request;
	struct span token;                 /* the access token, as it was sent */
	bool dpop;                         /* by the scheme DPoP */
	struct span origin;                /* the public one; a slash at its end does not count */
	const struct settings_list *hosts; /* further names; NULL: none */
	struct arena *mem;
};

enum proof_verdict {
	PROOF_GOOD,
	PROOF_TOKEN, /* this token cannot be used in this way: 401 invalid_token */
	PROOF_BAD,   /* 401 invalid_dpop_proof (RFC 9449 7.1) */
	PROOF_LATER  /* it cannot be known now whether it was used before: 503 */
};

/*
 * `i` and `b` are of the token, whose signature and claims are good.  *e: ERR_UNAUTH for TOKEN and
 * BAD, ERR_LIMIT for LATER.
 *
 * request->again (the grant of a body that is being sent has ended, by a reload or a release, and
 * the front asks once more for the same request): the proof was used up by the first question, and
 * may be older than PROOF_AGE by now; everything but its age and its use is checked again.  The
 * front alone says so, for a body in work; whoever sends a proof a second time cannot.
 */
enum proof_verdict proof_check(struct replay *seen, const struct issuer *i, const struct binding *b,
	const struct proof_case *c, int64_t now_ms, struct err *e);
