/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "auth/jws.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The public keys of one issuer out of a JWK set (RFC 7517 5), filtered: RSA of 2048 to 8192 bits
 * with an odd exponent of 3 or more, EC on P-256 or P-384; `use` absent or sig, `key_ops` absent or
 * with verify, `alg` absent or fitting.  Everything else (oct, OKP, enc, weak, malformed, private)
 * is dropped with its reason, and the rest stays usable.  Immutable after keys_load; a lookup and a
 * verification are safe in any number of threads.
 */
struct keys;

#define KEYS_MAX       64U
#define KEYS_BYTES_MAX 65536U /* of a JWK set */
#define KEYS_TRIED_MAX 4U     /* for a token without kid (SIG-3) */

struct key {
	struct span kid; /* absent: the key has none */
	unsigned algs;   /* bit 1U << enum jws_alg: what it may verify */
	const char *jwk; /* its public members alone, as the text of a JWK */
	void *pkey;      /* libcrypto's form, imported once; for keys_verify */
	void *lanes;     /* verification contexts of pkey, each used by one thread at a time */
	unsigned bits;
};

/*
 * algs: the issuer's list, bits of enum jws_alg.  One line for each dropped key goes to `report`
 * (may be NULL), without line ends of other kinds.  ERR_SYNTAX when the text is no JWK set; a set
 * without a usable key is a success with keys_count() == 0.  The caller frees.
 */
bool keys_load(
	struct span jwks, unsigned algs, struct buf *report, struct keys **ret, struct err *e);
/*
 * The one key that a DPoP proof carries in its header (RFC 9449 4.2), by the same filter; any alg
 * that fits it.  ERR_UNAUTH says why it will not do.
 */
bool keys_one(const struct json *jwk, struct keys **ret, struct err *e);
void keys_free(struct keys *k); /* NULL is allowed */
size_t keys_count(const struct keys *k);
const struct key *keys_at(const struct keys *k, size_t i);
/* The next key from *at (start with 0) with this kid; an absent kid means every key.  NULL: no
 * more. */
const struct key *keys_next(const struct keys *k, struct span kid, size_t *at);

/*
 * Why none of them made the token's signature, for people: of the keys of issuer `iss` `found` have
 * its kid, and `tried` of those fit its alg.  Always false, with ERR_UNAUTH.
 */
bool keys_refuse(
	const struct jws *j, struct span iss, unsigned found, unsigned tried, struct err *e);

/*
 * The kept-key signature backend: the key is used as it was imported.  input, sig and alg as
 * jws_parse gives them; alg must be one of key->algs.
 */
bool keys_verify(const struct key *key, const struct jws *j);
