/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/json.h"
#include "agent/base/span.h"
#include "auth/issuers.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a token says, judged by its issuer's rules, on the bytes that were signed.  No claim is
 * converted: a number in a string is not a number.  Pure; `now` is seconds UTC.  Every refusal is
 * ERR_UNAUTH with "claim: what is wrong (clause)"; it may quote iss, aud, azp and times, nothing
 * else of the token.
 */
#define CLAIMS_ENTITLEMENTS_MAX 1000U /* ENT-6: 40 are ordinary */
#define CLAIMS_TEXT_MAX         256U  /* bytes of sub and of other names */
#define CLAIMS_SCOPES_MAX       64U   /* words of the scope that are kept to explain with */

/* The life of a token: what has to be asked again on every request. */
struct claims_life {
	double exp;
	double nbf; /* 0: not given */
};

/*
 * The key that the token is bound to (RFC 7800 3): whoever sends it must prove that he holds that
 * key.  Both absent: a plain Bearer token.
 */
struct binding {
	struct span jkt; /* thumbprint of a DPoP key (RFC 9449 6.1), 43 characters; absent: none */
	struct span x5t; /* SHA-256 of a TLS client certificate (RFC 8705 3.1), 43; absent: none */
};
#define CLAIMS_BINDING_MAX 43U /* base64url of SHA-256 */

struct claims {
	struct claims_life life;
	struct binding binding; /* to be checked against the request each time it comes */
	struct subject subject;
};

/* exp, nbf and iat.  The leeway is for nbf and iat; there is none for exp. */
bool claims_life(const struct issuer *i, const struct json *payload, int64_t now,
	struct claims_life *ret, struct err *e);
/* The same for an issuer's answer that may lack exp: `otherwise` then, seconds UTC. */
bool claims_life_or(const struct issuer *i, const struct json *payload, double otherwise,
	int64_t now, struct claims_life *ret, struct err *e);
bool claims_alive(const struct claims_life *life, unsigned leeway, int64_t now, struct err *e);
/* aud, or azp where aud is absent and the issuer has a list of clients (AUD-2, AUD-4). */
bool claims_audience(const struct issuer *i, const struct json *payload, struct err *e);
/* cnf, in `mem`: absent, or jkt, x5t#S256, or both; anything else is refused, for what is not
 * understood cannot be proved (RFC 7800 3.1). */
bool claims_binding(
	const struct json *payload, struct arena *mem, struct binding *ret, struct err *e);
/* sub, the unique id, scope, groups, assurance: the subject in `mem`, without `expires`. */
bool claims_subject(const struct issuer *i, const struct json *payload, struct arena *mem,
	struct subject *ret, struct err *e);
/*
 * What the issuer's answer adds to the subject that claims_subject made of `payload` (INT-8): group
 * claims, assurance, acr and the unique id, the answer's where it has one, else the token's.  Two
 * different unique ids are refused.  Nothing else of `answer` is read; *s is untouched on failure.
 */
bool claims_complete(const struct issuer *i, const struct json *payload, const struct json *answer,
	struct arena *mem, struct subject *s, struct err *e);
/* Is the issuer's unique id in the token?  Else the issuer alone knows who this is (INT-8). */
bool claims_has_id(const struct issuer *i, const struct json *payload);
/* The value at "a/b" below an object, or the member that really has the whole name; NULL: none. */
const struct json *claims_at(const struct json *payload, struct span path);
/* All of these, in the order of the table of section 4. */
bool claims_check(const struct issuer *i, const struct json *payload, int64_t now,
	struct arena *mem, struct claims *ret, struct err *e);
