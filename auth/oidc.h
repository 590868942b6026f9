/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * liboauth2's `jwk` verifier, and nothing else of that library: no discovery, no key retrieval, no
 * introspection, no result cache.  A verifier answers one question, "did this key sign this text?";
 * all claims are judged elsewhere (auth/claims.c), because the library leaves most of them out.
 *
 * oidc_start opens files (OpenSSL's configuration, named semaphores, one shared cache for each
 * slot) and must run before threads and before the process is confined.  Afterwards a new verifier,
 * which takes a free slot, and a verification open nothing and start nothing.  New verifiers are
 * for one thread at a time; one verifier may be used and freed by several.
 */
struct oidc;
struct oidc_verifier;

#define OIDC_SLOTS_MAX 512U

/* slots: verifiers that may be there at a time, at most OIDC_SLOTS_MAX. */
bool oidc_start(unsigned slots, struct oidc **ret, struct err *e);
void oidc_stop(struct oidc *o); /* NULL is allowed; after all its verifiers */
/*
 * A verifier of one public key, given as the text of a JWK that auth/keys.c has filtered.  It has a
 * named cache of its own: with a shared one, the library would answer for another issuer's key.
 * ERR_LIMIT: no slot is free.
 */
bool oidc_verifier_new(struct oidc *o, const char *jwk, struct oidc_verifier **ret, struct err *e);
void oidc_verifier_free(struct oidc_verifier *v);
/* token: NUL-terminated, already accepted by jws_parse, its alg already fitted to the key. */
bool oidc_verify(const struct oidc_verifier *v, const char *token);
const char *oidc_version(void); /* of the library as linked, for --version */
