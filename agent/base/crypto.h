/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Digests, MACs, random bytes and signing, through OpenSSL's libcrypto.  Nothing here opens a file.
 * OpenSSL loads its configuration and providers at the first use: call crypto_prepare() once before
 * a role confines itself.
 */
bool crypto_prepare(struct err *e);
const char *crypto_version(void); /* "OpenSSL 3.0.19 ...", as it runs */

#define CRYPTO_SHA256_SIZE 32U
#define CRYPTO_DIGEST_MAX  64U

enum crypto_hash { CRYPTO_HASH_SHA256, CRYPTO_HASH_SHA384, CRYPTO_HASH_SHA512, CRYPTO_HASH_MD5 };

/* SHA-256 of a span.  False: libcrypto failed (out of memory). */
bool crypto_sha256(struct span s, uint8_t ret[CRYPTO_SHA256_SIZE]);
bool crypto_hmac_sha256(struct span key, struct span s, uint8_t ret[CRYPTO_SHA256_SIZE]);

/*
 * A digest over bytes as they come.  One object may be used again and again after
 * crypto_digest_end, which costs a third of making a new one; not for two threads at once.
 */
struct crypto_digest;
bool crypto_digest_new(enum crypto_hash what, struct crypto_digest **ret, struct err *e);
void crypto_digest_free(struct crypto_digest *d); /* NULL is allowed */
bool crypto_digest_add(struct crypto_digest *d, const void *p, size_t n);
/* Writes the digest (*ret_n bytes) and starts anew. */
bool crypto_digest_end(struct crypto_digest *d, uint8_t ret[CRYPTO_DIGEST_MAX], size_t *ret_n);

bool crypto_random(void *p, size_t n, struct err *e); /* from the kernel; n at most 256 */
/* In a time that depends on n alone. */
bool crypto_same(const void *a, const void *b, size_t n);

/*
 * Secret and unchanged (AES-256-GCM, NIST SP 800-38D): nonce, ciphertext and tag are added to
 * `ret`.  The nonce is random, so one key is good for 2^32 texts.  `context` is not stored and must
 * be the same at both ends: it keeps what was sealed for one purpose from being opened for another.
 */
#define CRYPTO_SEAL_KEY  32U
#define CRYPTO_SEAL_MORE 28U         /* bytes that sealing adds */
#define CRYPTO_SEAL_MAX  (1UL << 20) /* bytes of a text, and of a context */
bool crypto_seal(const uint8_t key[CRYPTO_SEAL_KEY], struct span context, struct span plain,
	struct buf *ret, struct err *e);
/* ERR_UNAUTH: not sealed with this key and context, or changed since; nothing is added to `ret`. */
bool crypto_open(const uint8_t key[CRYPTO_SEAL_KEY], struct span context, struct span sealed,
	struct buf *ret, struct err *e);

/*
 * Signing of JWS (RFC 7515): `alg` RS256 (RSA of 2048 bits and more) or ES256 (P-256), the private
 * key as PEM without a passphrase.  The signature in JWS form (ES256: r and s, 64 bytes) is added
 * to `ret`.
 */
struct crypto_key;
bool crypto_key_load(struct span pem, struct crypto_key **ret, struct err *e);
void crypto_key_free(struct crypto_key *k);
const char *crypto_key_alg(const struct crypto_key *k); /* "RS256" or "ES256" */
bool crypto_key_sign(struct crypto_key *k, struct span input, struct buf *ret, struct err *e);
/*
 * Adds the public key as the members of a JWK (RFC 7517): kty, crv, x, y or n, e; with `kid` = its
 * thumbprint (RFC 7638), `use` and `alg`.  kid_ret (may be NULL): the thumbprint alone.
 */
bool crypto_key_jwk(struct crypto_key *k, struct buf *jwk, struct buf *kid_ret, struct err *e);
/* A new private key as PEM (PKCS#8, not encrypted), for demonstrations and tests: ES256 gives
 * P-256, RS256 gives RSA of 2048 bits. */
bool crypto_key_generate(const char *alg, struct buf *pem, struct err *e);

/*
 * Ed25519 (RFC 8032 5.1): `secret` is the seed of the private key, a secret of the caller's to
 * wipe; the same text and key always give the same signature.  In files the private key is PKCS#8
 * PEM without a passphrase, the public one PEM (RFC 8410), as `openssl genpkey -algorithm ed25519`
 * and `openssl pkey -pubout` write them.
 */
#define CRYPTO_ED25519_SECRET    32U
#define CRYPTO_ED25519_PUBLIC    32U
#define CRYPTO_ED25519_SIGNATURE 64U
bool crypto_ed25519_generate(uint8_t secret[CRYPTO_ED25519_SECRET], struct err *e);
bool crypto_ed25519_public(const uint8_t secret[CRYPTO_ED25519_SECRET],
	uint8_t ret[CRYPTO_ED25519_PUBLIC], struct err *e);
bool crypto_ed25519_sign(const uint8_t secret[CRYPTO_ED25519_SECRET], struct span text,
	uint8_t ret[CRYPTO_ED25519_SIGNATURE], struct err *e);
/* True: the signature is one of this key over this text. */
bool crypto_ed25519_verify(const uint8_t key[CRYPTO_ED25519_PUBLIC], struct span text,
	const uint8_t signature[CRYPTO_ED25519_SIGNATURE]);
/* ERR_SYNTAX: not such a key.  A private key gives its public one, too. */
bool crypto_ed25519_read(struct span pem, uint8_t secret[CRYPTO_ED25519_SECRET], struct err *e);
bool crypto_ed25519_read_public(struct span pem, uint8_t ret[CRYPTO_ED25519_PUBLIC], struct err *e);
/* PEM to `ret`; reserve 512 bytes first where it is a secret, and buf_wipe it. */
bool crypto_ed25519_write(
	const uint8_t secret[CRYPTO_ED25519_SECRET], struct buf *ret, struct err *e);
bool crypto_ed25519_write_public(
	const uint8_t key[CRYPTO_ED25519_PUBLIC], struct buf *ret, struct err *e);
