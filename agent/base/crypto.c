/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/crypto.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "agent/base/base64.h"
#include "agent/base/jsonw.h"

#define P256_BYTES   32U
#define RSA_BITS_MIN 2048
#define NONCE_BYTES  12U
#define TAG_BYTES    16U

struct crypto_digest {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

struct crypto_key {
	EVP_PKEY *pkey;
	bool rsa;
};

static const char *const hash_names[] = {
	[CRYPTO_HASH_SHA256] = "SHA256",
	[CRYPTO_HASH_SHA384] = "SHA384",
	[CRYPTO_HASH_SHA512] = "SHA512",
	[CRYPTO_HASH_MD5] = "MD5",
};

bool
crypto_prepare(struct err *e)
{
	uint8_t out[CRYPTO_SHA256_SIZE];

	if (OPENSSL_init_crypto(
		    OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_LOAD_CONFIG, NULL) != 1 ||
		!crypto_sha256(SPAN_NONE, out))
		return err_set(e, ERR_SYSTEM, NULL, "libcrypto cannot start");
	return true;
}

bool
crypto_sha256(struct span s, uint8_t ret[CRYPTO_SHA256_SIZE])
{
	return EVP_Digest(s.p != NULL ? s.p : "", s.n, ret, NULL, EVP_sha256(), NULL) == 1;
}

bool
crypto_hmac_sha256(struct span key, struct span s, uint8_t ret[CRYPTO_SHA256_SIZE])
{
	unsigned n = 0;

	if (key.n > INT_MAX)
		return false;
	return HMAC(EVP_sha256(), key.p != NULL ? key.p : "", (int)key.n,
		       (const unsigned char *)(s.p != NULL ? s.p : ""), s.n, ret, &n) != NULL &&
	       n == CRYPTO_SHA256_SIZE;
}

bool
crypto_digest_new(enum crypto_hash what, struct crypto_digest **ret, struct err *e)
{
	struct crypto_digest *d = calloc(1, sizeof(*d));

	if (d != NULL) {
		d->md = EVP_MD_fetch(NULL, hash_names[what], NULL);
		d->ctx = EVP_MD_CTX_new();
	}
	if (d == NULL || d->md == NULL || d->ctx == NULL ||
		EVP_DigestInit_ex2(d->ctx, d->md, NULL) != 1) {
		crypto_digest_free(d);
		return err_set(e, ERR_SYSTEM, NULL, "digest %s: libcrypto does not offer it",
			hash_names[what]);
	}
	*ret = d;
	return true;
}

void
crypto_digest_free(struct crypto_digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	EVP_MD_free(d->md);
	free(d);
}

bool
crypto_digest_add(struct crypto_digest *d, const void *p, size_t n)
{
	return n == 0 || EVP_DigestUpdate(d->ctx, p, n) == 1;
}

bool
crypto_digest_end(struct crypto_digest *d, uint8_t ret[CRYPTO_DIGEST_MAX], size_t *ret_n)
{
	unsigned n = 0;

	if (EVP_DigestFinal_ex(d->ctx, ret, &n) != 1 || EVP_DigestInit_ex2(d->ctx, NULL, NULL) != 1)
		return false;
	*ret_n = n;
	return true;
}

bool
crypto_random(void *p, size_t n, struct err *e)
{
	/* Up to 256 bytes come in one piece and cannot be interrupted (getrandom(2)). */
	if (n > 256 || getrandom(p, n, 0) != (ssize_t)n)
		return err_set(e, ERR_SYSTEM, NULL, "random bytes");
	return true;
}

bool
crypto_same(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

static const unsigned char *
bytes(struct span s)
{
	return (const unsigned char *)(s.p != NULL ? s.p : "");
}

/* nonce and ciphertext to `to`; then the tag. */
static bool
seal_into(EVP_CIPHER_CTX *ctx, const uint8_t *key, struct span context, struct span plain,
	unsigned char *to)
{
	int n = 0;

	return EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, to, NULL) == 1 &&
	       EVP_EncryptUpdate(ctx, NULL, &n, bytes(context), (int)context.n) == 1 &&
	       EVP_EncryptUpdate(ctx, to + NONCE_BYTES, &n, bytes(plain), (int)plain.n) == 1 &&
	       EVP_EncryptFinal_ex(ctx, to + NONCE_BYTES + plain.n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(
		       ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, to + NONCE_BYTES + plain.n) == 1;
}

bool
crypto_seal(const uint8_t key[CRYPTO_SEAL_KEY], struct span context, struct span plain,
	struct buf *ret, struct err *e)
{
	size_t more = plain.n + CRYPTO_SEAL_MORE;

	if (plain.n > CRYPTO_SEAL_MAX || context.n > CRYPTO_SEAL_MAX)
		return err_set(e, ERR_LIMIT, NULL, "too long to be sealed");
	if (!buf_reserve(ret, more))
		return err_set(e, ERR_LIMIT, NULL, "no memory to seal");
	if (!crypto_random(ret->p + ret->n, NONCE_BYTES, e))
		return false;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = ctx != NULL &&
		  seal_into(ctx, key, context, plain, (unsigned char *)ret->p + ret->n);
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return err_set(e, ERR_SYSTEM, NULL, "sealing failed in libcrypto");
	ret->n += more;
	return true;
}

static bool
open_into(EVP_CIPHER_CTX *ctx, const uint8_t *key, struct span context, struct span sealed,
	unsigned char *to)
{
	const unsigned char *in = bytes(sealed);
	unsigned char tag[TAG_BYTES];
	int n = 0;
	int end = (int)(sealed.n - CRYPTO_SEAL_MORE);

	memcpy(tag, in + NONCE_BYTES + end, TAG_BYTES);
	return EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key, in, NULL) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, bytes(context), (int)context.n) == 1 &&
	       EVP_DecryptUpdate(ctx, to, &n, in + NONCE_BYTES, end) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, to + end, &n) == 1;
}

bool
crypto_open(const uint8_t key[CRYPTO_SEAL_KEY], struct span context, struct span sealed,
	struct buf *ret, struct err *e)
{
	size_t more = sealed.n >= CRYPTO_SEAL_MORE ? sealed.n - CRYPTO_SEAL_MORE : 0;

	if (sealed.n < CRYPTO_SEAL_MORE || more > CRYPTO_SEAL_MAX || context.n > CRYPTO_SEAL_MAX)
		return err_set(e, ERR_UNAUTH, NULL, "not of the size of a sealed text");
	if (!buf_reserve(ret, more + 1)) /* at least one byte, so that there is a place */
		return err_set(e, ERR_LIMIT, NULL, "no memory to open a sealed text");
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = ctx != NULL &&
		  open_into(ctx, key, context, sealed, (unsigned char *)ret->p + ret->n);
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	if (!ok) {
		explicit_bzero(ret->p + ret->n, more); /* it was decrypted before it was checked */
		return err_set(e, ERR_UNAUTH, NULL, "not sealed here, or changed since");
	}
	ret->n += more;
	return true;
}

/* Without this a PEM file with a passphrase would ask on the terminal. */
static int
no_passphrase(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

bool
crypto_key_load(struct span pem, struct crypto_key **ret, struct err *e)
{
	BIO *bio = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *pkey =
		bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	if (pkey == NULL)
		return err_set(e, ERR_SYNTAX, "RFC 7468",
			"private key: not a PEM key without a passphrase");
	char group[32] = "";
	bool rsa = EVP_PKEY_is_a(pkey, "RSA") == 1 && EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN;
	bool ec = EVP_PKEY_is_a(pkey, "EC") == 1 &&
		  EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
		  strcmp(group, "prime256v1") == 0;
	struct crypto_key *k = rsa || ec ? calloc(1, sizeof(*k)) : NULL;
	if (k == NULL) {
		EVP_PKEY_free(pkey);
		return err_set(e, ERR_SYNTAX, "RFC 7518 3",
			"private key: RSA of at least 2048 bits or EC on P-256 is needed");
	}
	*k = (struct crypto_key){pkey, rsa};
	*ret = k;
	return true;
}

void
crypto_key_free(struct crypto_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

const char *
crypto_key_alg(const struct crypto_key *k)
{
	return k->rsa ? "RS256" : "ES256";
}

/* RFC 7518 3.4: r and s as 32 bytes each instead of DER. */
static bool
add_raw(struct buf *ret, const unsigned char *der, size_t n)
{
	unsigned char raw[2 * P256_BYTES];
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool ok = sig != NULL &&
		  BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, P256_BYTES) == P256_BYTES &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + P256_BYTES, P256_BYTES) == P256_BYTES;

	ECDSA_SIG_free(sig);
	if (ok)
		buf_add(ret, (struct span){(const char *)raw, sizeof(raw)});
	return ok;
}

bool
crypto_key_sign(struct crypto_key *k, struct span input, struct buf *ret, struct err *e)
{
	unsigned char sig[2048]; /* RSA of 16384 bits, the most that libcrypto takes */
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL &&
		  EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, k->pkey, NULL) == 1 &&
		  EVP_DigestSign(ctx, sig, &n, (const unsigned char *)input.p, input.n) == 1;

	EVP_MD_CTX_free(ctx);
	if (ok && k->rsa)
		buf_add(ret, (struct span){(const char *)sig, n});
	else if (ok)
		ok = add_raw(ret, sig, n);
	ERR_clear_error();
	if (!ok || !buf_ok(ret))
		return err_set(e, ERR_SYSTEM, NULL, "signing failed in libcrypto");
	return true;
}

/* One number of the key as base64url text: fixed width for EC (RFC 7518 6.2.1.2), minimal for RSA.
 */
static bool
number(const struct crypto_key *k, const char *name, size_t width, struct buf *ret)
{
	BIGNUM *bn = NULL;
	unsigned char raw[2048];

	if (EVP_PKEY_get_bn_param(k->pkey, name, &bn) != 1)
		return false;
	int n = width > 0 ? (int)width : BN_num_bytes(bn);
	bool ok = n <= (int)sizeof(raw) && BN_bn2binpad(bn, raw, n) == n;
	BN_free(bn);
	if (ok)
		base64_url_encode(ret, raw, (size_t)n);
	return ok && buf_ok(ret);
}

/* The two numbers of the public key, and the thumbprint of RFC 7638 3: over the required members
 * alone, in the order of their names. */
static bool
public_parts(const struct crypto_key *k, struct buf *first, struct buf *second, struct buf *kid)
{
	AUTO_BUF canon = BUF_INIT(8192);
	uint8_t print[CRYPTO_SHA256_SIZE];

	if (k->rsa) {
		if (!number(k, OSSL_PKEY_PARAM_RSA_E, 0, first) ||
			!number(k, OSSL_PKEY_PARAM_RSA_N, 0, second))
			return false;
		buf_addf(&canon, "{\"e\":\"%.*s\",\"kty\":\"RSA\",\"n\":\"%.*s\"}",
			SPAN_ARG(buf_span(first)), SPAN_ARG(buf_span(second)));
	} else {
		if (!number(k, OSSL_PKEY_PARAM_EC_PUB_X, P256_BYTES, first) ||
			!number(k, OSSL_PKEY_PARAM_EC_PUB_Y, P256_BYTES, second))
			return false;
		buf_addf(&canon, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%.*s\",\"y\":\"%.*s\"}",
			SPAN_ARG(buf_span(first)), SPAN_ARG(buf_span(second)));
	}
	if (!buf_ok(&canon) || !crypto_sha256(buf_span(&canon), print))
		return false;
	base64_url_encode(kid, print, sizeof(print));
	return true;
}

bool
crypto_key_jwk(struct crypto_key *k, struct buf *jwk, struct buf *kid_ret, struct err *e)
{
	AUTO_BUF first = BUF_INIT(4096);
	AUTO_BUF second = BUF_INIT(4096);
	AUTO_BUF kid = BUF_INIT(64);
	struct jsonw w;

	if (!public_parts(k, &first, &second, &kid))
		return err_set(e, ERR_SYSTEM, NULL, "the public key cannot be read");
	jsonw_init(&w, jwk);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "kty", k->rsa ? "RSA" : "EC");
	jsonw_str(&w, "kid", buf_span(&kid));
	jsonw_cstr(&w, "use", "sig");
	jsonw_cstr(&w, "alg", crypto_key_alg(k));
	if (!k->rsa)
		jsonw_cstr(&w, "crv", "P-256");
	jsonw_str(&w, k->rsa ? "e" : "x", buf_span(&first));
	jsonw_str(&w, k->rsa ? "n" : "y", buf_span(&second));
	jsonw_end(&w, '}');
	if (kid_ret != NULL)
		buf_add(kid_ret, buf_span(&kid));
	return true;
}

bool
crypto_key_generate(const char *alg, struct buf *pem, struct err *e)
{
	EVP_PKEY *pkey =
		strcmp(alg, "RS256") == 0 ? EVP_RSA_gen(RSA_BITS_MIN) : EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	const char *text = NULL;
	bool ok = pkey != NULL && bio != NULL &&
		  PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1;

	if (ok) {
		BUF_MEM *mem = NULL;
		BIO_get_mem_ptr(bio, &mem);
		text = mem->data;
		buf_add(pem, (struct span){text, mem->length});
	}
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	if (!ok || !buf_ok(pem))
		return err_set(e, ERR_SYSTEM, NULL, "a key cannot be made");
	return true;
}

const char *
crypto_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

/* ---- Ed25519 ---- */

bool
crypto_ed25519_generate(uint8_t secret[CRYPTO_ED25519_SECRET], struct err *e)
{
	return crypto_random(secret, CRYPTO_ED25519_SECRET, e); /* RFC 8032 5.1.5 */
}

static EVP_PKEY *
ed25519(const uint8_t *secret)
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, CRYPTO_ED25519_SECRET);
}

static bool
raw_public(const EVP_PKEY *pkey, uint8_t *ret)
{
	size_t n = CRYPTO_ED25519_PUBLIC;

	return pkey != NULL && EVP_PKEY_is_a(pkey, "ED25519") == 1 &&
	       EVP_PKEY_get_raw_public_key(pkey, ret, &n) == 1 && n == CRYPTO_ED25519_PUBLIC;
}

bool
crypto_ed25519_public(const uint8_t secret[CRYPTO_ED25519_SECRET],
	uint8_t ret[CRYPTO_ED25519_PUBLIC], struct err *e)
{
	EVP_PKEY *pkey = ed25519(secret);
	bool ok = raw_public(pkey, ret);

	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return ok || err_set(e, ERR_SYSTEM, NULL, "Ed25519 key: libcrypto failed");
}

bool
crypto_ed25519_sign(const uint8_t secret[CRYPTO_ED25519_SECRET], struct span text,
	uint8_t ret[CRYPTO_ED25519_SIGNATURE], struct err *e)
{
	size_t n = CRYPTO_ED25519_SIGNATURE;
	EVP_PKEY *pkey = ed25519(secret);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = pkey != NULL && ctx != NULL &&
		  EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		  EVP_DigestSign(ctx, ret, &n, bytes(text), text.n) == 1 &&
		  n == CRYPTO_ED25519_SIGNATURE;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return ok || err_set(e, ERR_SYSTEM, NULL, "signing failed in libcrypto");
}

bool
crypto_ed25519_verify(const uint8_t key[CRYPTO_ED25519_PUBLIC], struct span text,
	const uint8_t signature[CRYPTO_ED25519_SIGNATURE])
{
	EVP_PKEY *pkey =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, CRYPTO_ED25519_PUBLIC);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = pkey != NULL && ctx != NULL &&
		  EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		  EVP_DigestVerify(ctx, signature, CRYPTO_ED25519_SIGNATURE, bytes(text), text.n) ==
			  1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return ok;
}

static EVP_PKEY *
read_pem(struct span pem, bool secret)
{
	BIO *bio = pem.n <= INT_MAX ? BIO_new_mem_buf(bytes(pem), (int)pem.n) : NULL;
	EVP_PKEY *pkey = NULL;

	if (bio != NULL)
		pkey = secret ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
			      : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return pkey;
}

bool
crypto_ed25519_read(struct span pem, uint8_t secret[CRYPTO_ED25519_SECRET], struct err *e)
{
	uint8_t raw[CRYPTO_ED25519_SECRET];
	size_t n = sizeof(raw);
	EVP_PKEY *pkey = read_pem(pem, true);
	bool ok = pkey != NULL && EVP_PKEY_is_a(pkey, "ED25519") == 1 &&
		  EVP_PKEY_get_raw_private_key(pkey, raw, &n) == 1 && n == sizeof(raw);

	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (ok)
		memcpy(secret, raw, sizeof(raw));
	explicit_bzero(raw, sizeof(raw));
	return ok || err_set(e, ERR_SYNTAX, "RFC 8410",
			     "not a private Ed25519 key in PEM without a passphrase");
}

bool
crypto_ed25519_read_public(struct span pem, uint8_t ret[CRYPTO_ED25519_PUBLIC], struct err *e)
{
	uint8_t raw[CRYPTO_ED25519_PUBLIC];
	EVP_PKEY *pkey = read_pem(pem, false);

	if (pkey == NULL)
		pkey = read_pem(pem, true);
	bool ok = raw_public(pkey, raw);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (ok)
		memcpy(ret, raw, sizeof(raw));
	return ok || err_set(e, ERR_SYNTAX, "RFC 8410", "not an Ed25519 key in PEM");
}

/* What a memory BIO holds, to `ret`; frees and wipes the BIO. */
static bool
take_pem(BIO *bio, bool ok, struct buf *ret, struct err *e)
{
	char *text = NULL;
	long n = bio != NULL ? BIO_get_mem_data(bio, &text) : 0;

	if (ok && n > 0)
		buf_add_secret(ret, (struct span){text, (size_t)n});
	if (n > 0)
		explicit_bzero(text, (size_t)n);
	BIO_free(bio);
	ERR_clear_error();
	if (!ok || n <= 0 || !buf_ok(ret))
		return err_set(e, ERR_SYSTEM, NULL, "an Ed25519 key cannot be written");
	return true;
}

bool
crypto_ed25519_write(const uint8_t secret[CRYPTO_ED25519_SECRET], struct buf *ret, struct err *e)
{
	EVP_PKEY *pkey = ed25519(secret);
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = pkey != NULL && bio != NULL &&
		  PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1;

	EVP_PKEY_free(pkey);
	return take_pem(bio, ok, ret, e);
}

bool
crypto_ed25519_write_public(
	const uint8_t key[CRYPTO_ED25519_PUBLIC], struct buf *ret, struct err *e)
{
	EVP_PKEY *pkey =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, CRYPTO_ED25519_PUBLIC);
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = pkey != NULL && bio != NULL && PEM_write_bio_PUBKEY(bio, pkey) == 1;

	EVP_PKEY_free(pkey);
	return take_pem(bio, ok, ret, e);
}
