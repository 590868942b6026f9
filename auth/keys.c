/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/keys.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "agent/base/json.h"
#include "agent/base/jsonw.h"

#define RSA_BITS_MIN   2048U
#define RSA_BITS_MAX   8192U
#define KEY_NUMBER_MAX (RSA_BITS_MAX / 8 + 1)
#define KEY_JWK_MAX    4096U
#define LANES          8U
#define DER_MAX        160 /* of an ECDSA signature on P-384: 2 * (2 + 49) + 3 */

/*
 * Preparing contexts costs a third of an RSA verification, so each key keeps some.  A thread that
 * finds all of them busy makes one of its own.
 */
struct lane {
	atomic_flag busy;
	struct crypto_digest *digest; /* of the key's only hash */
	EVP_PKEY_CTX *ctx[2];         /* [1]: PS256 */
};

struct keys {
	size_t n;
	struct key item[KEYS_MAX];
};

/* What a JWK of this kind may be used for (SIG-1). */
static const struct curve {
	const char *crv, *group;
	size_t bytes;
	unsigned algs;
} curves[] = {
	{"P-256", "prime256v1", 32, 1U << JWS_ES256},
	{"P-384", "secp384r1", 48, 1U << JWS_ES384},
};

#define RSA_ALGS (1U << JWS_RS256 | 1U << JWS_PS256)

/* Members of a JWK that hold private or symmetric key material (RFC 7518 6.2.2, 6.3.2, 6.4.1). */
static const char *
private_member(const struct json *jwk)
{
	static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_get(jwk, names[i]) != NULL)
			return names[i];
	return NULL;
}

static bool
list_has(const struct json *list, const char *word)
{
	struct span s;

	for (size_t i = 0; i < json_count(list); i++)
		if (json_str(json_at(list, i), &s) && span_is(s, word))
			return true;
	return false;
}

/* A number of the key as bytes without leading zeros that are not asked for. */
static bool
number(const struct json *jwk, const char *name, uint8_t out[KEY_NUMBER_MAX], size_t *ret_n)
{
	struct span s;

	return json_get_str(jwk, name, &s) && base64_url_decode(s, out, KEY_NUMBER_MAX, ret_n) &&
	       *ret_n > 0;
}

/* Takes what is built into a public EVP_PKEY; NULL when libcrypto does not accept it. */
static EVP_PKEY *
import(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	ERR_clear_error();
	return pkey;
}

static const char *
load_rsa(const struct json *jwk, struct key *k)
{
	uint8_t n[KEY_NUMBER_MAX];
	uint8_t e[KEY_NUMBER_MAX];
	size_t n_n = 0;
	size_t n_e = 0;

	if (!number(jwk, "n", n, &n_n) || !number(jwk, "e", e, &n_e))
		return "n or e is missing, not base64url, or too long";
	BIGNUM *bn = BN_bin2bn(n, (int)n_n, NULL);
	BIGNUM *be = BN_bin2bn(e, (int)n_e, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	const char *bad = NULL;

	k->bits = bn != NULL ? (unsigned)BN_num_bits(bn) : 0;
	if (bn == NULL || be == NULL || build == NULL)
		bad = "no memory";
	else if (k->bits < RSA_BITS_MIN || k->bits > RSA_BITS_MAX)
		bad = "RSA of 2048 to 8192 bits is needed";
	else if (!BN_is_odd(be) || BN_num_bits(be) < 2 || BN_num_bits(be) > 64)
		bad = "the exponent e must be odd and 3 or more";
	else if (!BN_is_odd(bn) || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn) != 1 ||
		 OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, be) != 1 ||
		 (k->pkey = import("RSA", build)) == NULL)
		bad = "libcrypto does not accept the numbers";
	OSSL_PARAM_BLD_free(build);
	BN_free(be);
	BN_free(bn);
	k->algs = RSA_ALGS;
	return bad;
}

static const struct curve *
find_curve(const struct json *jwk)
{
	struct span crv;

	if (!json_get_str(jwk, "crv", &crv))
		return NULL;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (span_is(crv, curves[i].crv))
			return &curves[i];
	return NULL;
}

static const char *
load_ec(const struct json *jwk, struct key *k)
{
	const struct curve *c = find_curve(jwk);
	uint8_t x[KEY_NUMBER_MAX];
	uint8_t y[KEY_NUMBER_MAX];
	uint8_t point[1 + 2 * 48] = {4}; /* SEC 1 2.3.3: not compressed */
	size_t n_x = 0;
	size_t n_y = 0;

	if (c == NULL)
		return "EC on P-256 or P-384 is needed";
	if (!number(jwk, "x", x, &n_x) || !number(jwk, "y", y, &n_y) || n_x != c->bytes ||
		n_y != c->bytes)
		return "x or y is missing or has a wrong length";
	memcpy(point + 1, x, c->bytes);
	memcpy(point + 1 + c->bytes, y, c->bytes);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	/* Decoding the point includes the check that it lies on the curve. */
	if (build != NULL &&
		OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, c->group, 0) ==
			1 &&
		OSSL_PARAM_BLD_push_octet_string(
			build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * c->bytes) == 1)
		k->pkey = import("EC", build);
	OSSL_PARAM_BLD_free(build);
	k->algs = c->algs;
	k->bits = (unsigned)c->bytes * 8;
	return k->pkey != NULL ? NULL : "the point is not on the curve";
}

/* use, key_ops, alg and kid: what the publisher says that the key is for (RFC 7517 4.2 to 4.5). */
static const char *
purpose(const struct json *jwk, struct key *k, struct span *kid)
{
	const struct json *use = json_get(jwk, "use");
	const struct json *ops = json_get(jwk, "key_ops");
	const struct json *alg = json_get(jwk, "alg");
	struct span s;

	if (use != NULL && (!json_str(use, &s) || !span_is(s, "sig")))
		return "use is not sig";
	if (ops != NULL && !list_has(ops, "verify"))
		return "key_ops does not hold verify";
	if (alg != NULL) {
		int i = json_str(alg, &s) ? jws_alg_of(s) : -1;
		k->algs &= i >= 0 ? 1U << i : 0;
	}
	if (k->algs == 0)
		return "its alg is not one that this issuer may use";
	if (json_get(jwk, "kid") != NULL &&
		(!json_get_str(jwk, "kid", kid) || kid->n > JWS_KID_MAX))
		return "kid is not a string of at most 256 bytes";
	return NULL;
}

/*
 * The members of the key's own type alone (RFC 7518 6.2.1, 6.3.1), so that the library behind
 * auth/oidc.c sees nothing that was not judged here.
 */
static const char *
public_text(const struct json *jwk, struct key *k, struct span kid)
{
	static const char *const rsa[] = {"kty", "n", "e", NULL};
	static const char *const ec[] = {"kty", "crv", "x", "y", NULL};
	AUTO_BUF text = BUF_INIT(KEY_JWK_MAX);
	struct jsonw w;
	struct span s;
	const char *const *name = json_get_str(jwk, "kty", &s) && span_is(s, "RSA") ? rsa : ec;

	jsonw_init(&w, &text);
	jsonw_obj(&w, NULL);
	if (kid.p != NULL)
		jsonw_str(&w, "kid", kid);
	for (; *name != NULL; name++)
		if (json_get_str(jwk, *name, &s))
			jsonw_str(&w, *name, s);
	jsonw_end(&w, '}');
	buf_addc(&text, '\0');
	if (!buf_ok(&text))
		return "the key is too long";
	k->jwk = text.p;
	text = (struct buf)BUF_INIT(0);
	struct lane *lanes = calloc(LANES, sizeof(*lanes));
	if (lanes == NULL)
		return "no memory";
	for (size_t i = 0; i < LANES; i++)
		atomic_flag_clear(&lanes[i].busy);
	k->lanes = lanes;
	if (kid.p != NULL) {
		char *copy = malloc(kid.n + 1);
		if (copy == NULL)
			return "no memory";
		memcpy(copy, kid.p, kid.n);
		copy[kid.n] = '\0';
		k->kid = (struct span){copy, kid.n};
	}
	return NULL;
}

static void
lane_fini(struct lane *lane)
{
	crypto_digest_free(lane->digest);
	EVP_PKEY_CTX_free(lane->ctx[0]);
	EVP_PKEY_CTX_free(lane->ctx[1]);
}

static void
key_fini(struct key *k)
{
	struct lane *lane = k->lanes;

	for (size_t i = 0; lane != NULL && i < LANES; i++)
		lane_fini(&lane[i]);
	free(lane);
	EVP_PKEY_free(k->pkey);
	free((void *)(uintptr_t)k->jwk);
	free((void *)(uintptr_t)k->kid.p);
	*k = (struct key){0};
}

/* NULL: k is usable; else why it is dropped. */
static const char *
load_key(const struct json *jwk, unsigned algs, struct key *k)
{
	struct span kty = SPAN_NONE;
	struct span kid = SPAN_NONE;
	const char *bad = NULL;

	if (!json_get_str(jwk, "kty", &kty))
		return "kty is missing";
	if (span_is(kty, "oct"))
		return "a symmetric key (oct) must never be published";
	if (private_member(jwk) != NULL)
		return "PRIVATE KEY MATERIAL is published in it; revoke this key at once";
	if (span_is(kty, "RSA"))
		bad = load_rsa(jwk, k);
	else if (span_is(kty, "EC"))
		bad = load_ec(jwk, k);
	else
		return "kty is neither RSA nor EC";
	k->algs &= algs;
	if (bad == NULL)
		bad = purpose(jwk, k, &kid);
	return bad != NULL ? bad : public_text(jwk, k, kid);
}

static void
report_drop(struct buf *report, const struct json *jwk, size_t i, const char *why)
{
	struct span kid;
	bool named = json_get_str(jwk, "kid", &kid);

	if (report == NULL)
		return;
	buf_addf(report, "key %zu", i + 1);
	if (named) {
		buf_adds(report, " ");
		jsonw_quote(report, span_first(kid, 64));
	}
	buf_addf(report, " dropped: %s (RFC 7517 4)\n", why);
}

bool
keys_load(struct span jwks, unsigned algs, struct buf *report, struct keys **ret, struct err *e)
{
	static const struct json_limits limits = {
		.bytes = KEYS_BYTES_MAX, .depth = 8, .members = 4096, .object = true};
	static const char ref[] = "RFC 7517 5";
	struct err why = {.code = ERR_NONE};
	AUTO_JSON set = json_parse(jwks, &limits, &why);

	if (set == NULL)
		return err_set(e, ERR_SYNTAX, ref, "JWK set: %s", why.msg);
	const struct json *list = json_get(set, "keys");
	if (json_kind(list) != JSON_KIND_LIST)
		return err_set(e, ERR_SYNTAX, ref, "JWK set: no array `keys`");
	if (json_count(list) > KEYS_MAX)
		return err_set(e, ERR_LIMIT, ref, "JWK set: more than %u keys", KEYS_MAX);
	struct keys *k = calloc(1, sizeof(*k));
	if (k == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "JWK set: no memory");
	for (size_t i = 0; i < json_count(list); i++) {
		const char *bad = load_key(json_at(list, i), algs, &k->item[k->n]);
		if (bad == NULL) {
			k->n++;
			continue;
		}
		key_fini(&k->item[k->n]);
		report_drop(report, json_at(list, i), i, bad);
	}
	*ret = k;
	return true;
}

bool
keys_one(const struct json *jwk, struct keys **ret, struct err *e)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return err_set(e, ERR_LIMIT, NULL, "jwk: no memory");
	const char *bad = load_key(jwk, (1U << JWS_ALG_COUNT) - 1, &k->item[0]);
	k->n = 1;
	if (bad != NULL) {
		keys_free(k);
		return err_set(e, ERR_UNAUTH, "RFC 7517 4", "jwk: %s", bad);
	}
	*ret = k;
	return true;
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++)
		key_fini(&k->item[i]);
	free(k);
}

size_t
keys_count(const struct keys *k)
{
	return k->n;
}

const struct key *
keys_at(const struct keys *k, size_t i)
{
	return i < k->n ? &k->item[i] : NULL;
}

const struct key *
keys_next(const struct keys *k, struct span kid, size_t *at)
{
	while (*at < k->n) {
		const struct key *key = &k->item[(*at)++];
		if (kid.p == NULL || (key->kid.p != NULL && span_eq(kid, key->kid)))
			return key;
	}
	return NULL;
}

bool
keys_refuse(const struct jws *j, struct span iss, unsigned found, unsigned tried, struct err *e)
{
	struct span kid = j->kid.p != NULL ? span_first(j->kid, 40) : SPAN("(none)");

	if (found == 0)
		return err_set(e, ERR_UNAUTH, "RFC 7515 4.1.4",
			"kid: key %.*s is not published by %.*s", SPAN_ARG(kid),
			SPAN_ARG(span_first(iss, 80)));
	if (tried == 0)
		return err_set(e, ERR_UNAUTH, "RFC 8725 3.1", "alg: %s does not fit key %.*s",
			jws_alg_names[j->alg], SPAN_ARG(kid));
	return err_set(e, ERR_UNAUTH, "RFC 7515 5.2",
		"signature: not made by key %.*s of %.*s; the token was changed or forged",
		SPAN_ARG(kid), SPAN_ARG(span_first(iss, 60)));
}

/* X.690 8.3: an INTEGER that is not negative, without leading zeros. */
static unsigned char *
add_integer(unsigned char *at, const uint8_t *p, size_t n)
{
	for (; n > 1 && *p == 0; n--)
		p++;
	bool sign = (*p & 0x80) != 0;
	*at++ = 2;
	*at++ = (unsigned char)(n + sign);
	if (sign)
		*at++ = 0;
	memcpy(at, p, n);
	return at + n;
}

/* RFC 7518 3.4: r and s of one half each, as the DER (RFC 3279 2.2.3) that libcrypto reads. */
static size_t
to_der(const struct jws *j, unsigned char out[DER_MAX])
{
	size_t half = j->n_sig / 2;
	unsigned char *at = add_integer(out + 2, j->sig, half);

	at = add_integer(at, j->sig + half, half);
	out[0] = 0x30;
	out[1] = (unsigned char)(at - out - 2); /* below 128: one byte */
	return (size_t)(at - out);
}

/* A context that verifies ready digests with this key by this alg, or NULL. */
static EVP_PKEY_CTX *
context(const struct key *key, enum jws_alg alg)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	const EVP_MD *md = alg == JWS_ES384 ? EVP_sha384() : EVP_sha256();
	bool ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1;

	if (alg == JWS_RS256)
		ok = ok && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	/* RFC 7518 3.5: MGF1 with the same digest, the salt as long as the digest. */
	if (alg == JWS_PS256)
		ok = ok && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	if (ok && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

/* NULL: all are busy. */
static struct lane *
take_lane(const struct key *key)
{
	struct lane *all = key->lanes;

	for (size_t i = 0; i < LANES; i++)
		if (!atomic_flag_test_and_set_explicit(&all[i].busy, memory_order_acquire))
			return &all[i];
	return NULL;
}

static bool
hash(struct lane *lane, const struct jws *j, uint8_t digest[CRYPTO_DIGEST_MAX], size_t *n)
{
	enum crypto_hash what = j->alg == JWS_ES384 ? CRYPTO_HASH_SHA384 : CRYPTO_HASH_SHA256;

	if (lane->digest == NULL && !crypto_digest_new(what, &lane->digest, NULL))
		return false;
	if (crypto_digest_add(lane->digest, j->input.p, j->input.n) &&
		crypto_digest_end(lane->digest, digest, n))
		return true;
	crypto_digest_free(lane->digest);
	lane->digest = NULL;
	return false;
}

static bool
verify(const struct key *key, struct lane *lane, const struct jws *j)
{
	unsigned char der[DER_MAX];
	uint8_t digest[CRYPTO_DIGEST_MAX];
	size_t n_digest = 0;
	bool ec = j->alg == JWS_ES256 || j->alg == JWS_ES384;
	EVP_PKEY_CTX **ctx = &lane->ctx[j->alg == JWS_PS256];

	if (ec && j->n_sig != (size_t)key->bits / 8 * 2) /* SIG-2 */
		return false;
	if (*ctx == NULL)
		*ctx = context(key, j->alg);
	return *ctx != NULL && hash(lane, j, digest, &n_digest) &&
	       EVP_PKEY_verify(*ctx, ec ? der : j->sig, ec ? to_der(j, der) : j->n_sig, digest,
		       n_digest) == 1;
}

bool
keys_verify(const struct key *key, const struct jws *j)
{
	struct lane own = {.digest = NULL};

	if ((key->algs >> j->alg & 1U) == 0)
		return false;
	struct lane *lane = take_lane(key);
	bool ok = verify(key, lane != NULL ? lane : &own, j);
	if (lane != NULL)
		atomic_flag_clear_explicit(&lane->busy, memory_order_release);
	lane_fini(&own);
	if (!ok)
		ERR_clear_error();
	return ok;
}
