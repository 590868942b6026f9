/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_gcm.h"

#include "agent/base/span.h"
#include "agent/http/tls_imb.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define IV_N    TLS_IMB_IV
#define TAG_N   TLS_IMB_TAG
#define FIXED_N 4U  /* TLS 1.2: the salt of the nonce (RFC 5288 3) ... */
#define COUNT_N 8U  /* ... and its explicit part, in front of each record */
#define TLS12_N 13U /* additional data of a record (RFC 5246 6.2.3.3) */

enum nonce {
	NONCE_NONE,
	NONCE_SET,  /* nothing has been done with it */
	NONCE_OPEN, /* data have begun */
	NONCE_SPENT /* never again with this key */
};

/* One direction of one connection. */
struct gcm {
	const struct tls_imb *imb;
	struct tls_imb_key *key; /* owned; NULL: not set yet */
	size_t key_n, n_aad;
	uint64_t count; /* TLS 1.2: explicit part of the next nonce */
	enum nonce nonce;
	bool has_tag, sealing;
	bool has_fixed; /* TLS 1.2: once for each key, or nonces would come again */
	bool tls12;     /* the next update is a whole record of TLS 1.2 */
	unsigned char iv[IV_N], tag[TAG_N];
	unsigned char aad[TLS_GCM_AAD];
};

/* ---- contexts ---- */

static void *
gcm_new(void *provider, size_t key_n)
{
	struct gcm *g = calloc(1, sizeof(*g));

	if (g != NULL) {
		g->imb = provider;
		g->key_n = key_n;
	}
	return g;
}

static void *
gcm_new_128(void *provider)
{
	return gcm_new(provider, 16);
}

static void *
gcm_new_256(void *provider)
{
	return gcm_new(provider, 32);
}

static void
gcm_free(void *arg)
{
	struct gcm *g = arg;

	if (g == NULL)
		return;
	tls_imb_key_free(g->key);
	OPENSSL_cleanse(g, sizeof(*g));
	free(g);
}

static void *
gcm_dup(void *arg)
{
	const struct gcm *from = arg;
	struct gcm *g = malloc(sizeof(*g));

	if (g == NULL)
		return NULL;
	*g = *from;
	if (from->key != NULL) {
		g->key = tls_imb_key_dup(from->key);
		if (g->key == NULL) {
			gcm_free(g);
			return NULL;
		}
	}
	return g;
}

/* ---- parameters ---- */

static unsigned
be16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* TLS 1.2: the length in the additional data becomes that of the plain text. */
static bool
take_tls12(struct gcm *g, const OSSL_PARAM *p)
{
	if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size != TLS12_N || !g->has_fixed)
		return false;
	memcpy(g->aad, p->data, TLS12_N);
	unsigned n = be16(g->aad + TLS12_N - 2);
	unsigned more = g->sealing ? COUNT_N : COUNT_N + TAG_N;
	if (n < more)
		return false;
	n -= more;
	g->aad[TLS12_N - 2] = (unsigned char)(n >> 8);
	g->aad[TLS12_N - 1] = (unsigned char)n;
	g->n_aad = TLS12_N;
	g->tls12 = true;
	return true;
}

static bool
take_fixed(struct gcm *g, const OSSL_PARAM *p)
{
	if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size != FIXED_N || g->key == NULL ||
		g->has_fixed)
		return false;
	memset(g->iv, 0, sizeof(g->iv));
	memcpy(g->iv, p->data, FIXED_N);
	g->has_fixed = true;
	g->count = 0;
	g->nonce = NONCE_SPENT; /* each record brings its own */
	return true;
}

/* Without data it asks whether tags of this length are known. */
static bool
take_tag(struct gcm *g, const OSSL_PARAM *p)
{
	if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size != TAG_N ||
		(p->data != NULL && g->sealing))
		return false;
	if (p->data == NULL)
		return true;
	memcpy(g->tag, p->data, TAG_N);
	g->has_tag = true;
	return true;
}

static int
gcm_set(void *arg, const OSSL_PARAM params[])
{
	struct gcm *g = arg;
	size_t n = 0;
	const OSSL_PARAM *p = params;

	if (params == NULL)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_IVLEN);
	if (p != NULL && (OSSL_PARAM_get_size_t(p, &n) != 1 || n != IV_N))
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_KEYLEN);
	if (p != NULL && (OSSL_PARAM_get_size_t(p, &n) != 1 || n != g->key_n))
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_TAG);
	if (p != NULL && !take_tag(g, p))
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED);
	if (p != NULL && !take_fixed(g, p))
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_TLS1_AAD);
	return p == NULL || take_tls12(g, p);
}

static bool
give_size(OSSL_PARAM params[], const char *name, size_t v)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return p == NULL || OSSL_PARAM_set_size_t(p, v) == 1;
}

static bool
give_tag(const struct gcm *g, OSSL_PARAM params[])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_AEAD_TAG);

	if (p == NULL)
		return true;
	return g->sealing && g->has_tag && p->data_size == TAG_N &&
	       OSSL_PARAM_set_octet_string(p, g->tag, TAG_N) == 1;
}

static int
gcm_get(void *arg, OSSL_PARAM params[])
{
	const struct gcm *g = arg;

	return give_size(params, OSSL_CIPHER_PARAM_KEYLEN, g->key_n) &&
	       give_size(params, OSSL_CIPHER_PARAM_IVLEN, IV_N) &&
	       give_size(params, OSSL_CIPHER_PARAM_AEAD_TAGLEN, TAG_N) &&
	       give_size(params, OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, TAG_N) && give_tag(g, params);
}

static bool
give_number(OSSL_PARAM params[], const char *name, unsigned v)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return p == NULL || OSSL_PARAM_set_uint(p, v) == 1;
}

static int
about(OSSL_PARAM params[], size_t key_n)
{
	return give_number(params, OSSL_CIPHER_PARAM_MODE, EVP_CIPH_GCM_MODE) &&
	       give_number(params, OSSL_CIPHER_PARAM_AEAD, 1) &&
	       give_number(params, OSSL_CIPHER_PARAM_CUSTOM_IV, 1) &&
	       give_size(params, OSSL_CIPHER_PARAM_KEYLEN, key_n) &&
	       give_size(params, OSSL_CIPHER_PARAM_IVLEN, IV_N) &&
	       give_size(params, OSSL_CIPHER_PARAM_BLOCK_SIZE, 1);
}

static int
about_128(OSSL_PARAM params[])
{
	return about(params, 16);
}

static int
about_256(OSSL_PARAM params[])
{
	return about(params, 32);
}

static const OSSL_PARAM *
about_names(void *provider)
{
	static const OSSL_PARAM names[] = {OSSL_PARAM_uint(OSSL_CIPHER_PARAM_MODE, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_AEAD, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_CUSTOM_IV, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_BLOCK_SIZE, NULL), OSSL_PARAM_END};

	(void)provider;
	return names;
}

static const OSSL_PARAM *
get_names(void *arg, void *provider)
{
	static const OSSL_PARAM names[] = {OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TAGLEN, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, 0),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, NULL), OSSL_PARAM_END};

	(void)arg;
	(void)provider;
	return names;
}

static const OSSL_PARAM *
set_names(void *arg, void *provider)
{
	static const OSSL_PARAM names[] = {OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, NULL, 0), OSSL_PARAM_END};

	(void)arg;
	(void)provider;
	return names;
}

/* ---- work ---- */

static bool
take_key(struct gcm *g, const unsigned char *key, size_t n)
{
	if (n != g->key_n)
		return false;
	tls_imb_key_free(g->key);
	g->key = tls_imb_key_new(g->imb, key, n);
	g->has_fixed = false;
	return g->key != NULL;
}

/* provider-cipher(7): key and nonce come together or one by one. */
static int
start(struct gcm *g, bool sealing, struct span key, struct span iv, const OSSL_PARAM params[])
{
	g->n_aad = 0;
	g->tls12 = false;
	g->has_tag = g->has_tag && !g->sealing && !sealing; /* one to compare with may come first */
	g->sealing = sealing;
	if (g->nonce == NONCE_OPEN)
		g->nonce = NONCE_SPENT;
	if (key.p != NULL && !take_key(g, (const unsigned char *)key.p, key.n))
		return 0;
	if (iv.p != NULL) {
		if (iv.n != IV_N || g->has_fixed)
			return 0;
		memcpy(g->iv, iv.p, IV_N);
		g->nonce = NONCE_SET;
	}
	return gcm_set(g, params);
}

static struct span
bytes_of(const unsigned char *p, size_t n)
{
	return (struct span){(const char *)p, n};
}

static int // NOLINTNEXTLINE(readability-function-size): the library's type
gcm_seal_init(void *arg, const unsigned char *key, size_t key_n, const unsigned char *iv,
	size_t iv_n, const OSSL_PARAM params[])
{
	return start(arg, true, bytes_of(key, key_n), bytes_of(iv, iv_n), params);
}

static int // NOLINTNEXTLINE(readability-function-size): the library's type
gcm_open_init(void *arg, const unsigned char *key, size_t key_n, const unsigned char *iv,
	size_t iv_n, const OSSL_PARAM params[])
{
	return start(arg, false, bytes_of(key, key_n), bytes_of(iv, iv_n), params);
}

static void
run(struct gcm *g, unsigned char *out, const unsigned char *in, size_t n)
{
	if (g->sealing)
		tls_imb_seal(g->key, out, in, n);
	else
		tls_imb_open(g->key, out, in, n);
}

/* The tag of what was sealed; or whether it is the one that `is` shows. */
static bool
end(struct gcm *g, unsigned char *seal, const unsigned char *is)
{
	unsigned char tag[TAG_N];

	g->nonce = NONCE_SPENT;
	if (g->sealing) {
		tls_imb_seal_end(g->key, seal);
		return true;
	}
	tls_imb_open_end(g->key, tag);
	bool same = CRYPTO_memcmp(tag, is, TAG_N) == 0;
	OPENSSL_cleanse(tag, sizeof(tag));
	return same;
}

static bool
next_count(struct gcm *g, unsigned char *explicit_part)
{
	if (g->count == UINT64_MAX)
		return false;
	for (unsigned i = 0; i < COUNT_N; i++)
		explicit_part[i] = (unsigned char)(g->count >> (56 - 8 * i));
	g->count++;
	return true;
}

/* A record of TLS 1.2 in place: explicit part of the nonce, text, tag (RFC 5288 3). */
static bool
tls12_record(struct gcm *g, unsigned char *at, size_t n, size_t *ret_n)
{
	if (n < COUNT_N + TAG_N || be16(g->aad + TLS12_N - 2) != n - COUNT_N - TAG_N)
		return false;
	size_t text = n - COUNT_N - TAG_N;
	g->tls12 = false;
	if (g->sealing && !next_count(g, at))
		return false;
	memcpy(g->iv + FIXED_N, at, COUNT_N);
	tls_imb_begin(g->key, g->iv, g->aad, TLS12_N);
	run(g, at + COUNT_N, at + COUNT_N, text);
	if (!end(g, at + COUNT_N + text, at + COUNT_N + text)) {
		OPENSSL_cleanse(at + COUNT_N, text);
		return false;
	}
	*ret_n = g->sealing ? n : text;
	return true;
}

static bool
more_aad(struct gcm *g, const unsigned char *in, size_t n)
{
	if (g->nonce != NONCE_SET || n > sizeof(g->aad) - g->n_aad)
		return false;
	if (n > 0)
		memcpy(g->aad + g->n_aad, in, n);
	g->n_aad += n;
	return true;
}

static bool
begun(struct gcm *g)
{
	if (g->key == NULL)
		return false;
	if (g->nonce == NONCE_SET) {
		tls_imb_begin(g->key, g->iv, g->aad, g->n_aad);
		g->nonce = NONCE_OPEN;
	}
	return g->nonce == NONCE_OPEN;
}

static int // NOLINTNEXTLINE(readability-function-size): the library's type
gcm_update(
	void *arg, unsigned char *out, size_t *ret_n, size_t cap, const unsigned char *in, size_t n)
{
	struct gcm *g = arg;

	if (g->tls12)
		return out == in && out != NULL && cap >= n && g->key != NULL &&
		       tls12_record(g, out, n, ret_n);
	if (out == NULL) {
		if (!more_aad(g, in, n))
			return 0;
	} else if (cap < n || !begun(g)) {
		return 0;
	} else {
		run(g, out, in, n);
	}
	*ret_n = n;
	return 1;
}

static int
gcm_final(void *arg, unsigned char *out, size_t *ret_n, size_t cap)
{
	struct gcm *g = arg;

	(void)out;
	(void)cap;
	bool ok = begun(g) && (g->sealing || g->has_tag) && end(g, g->tag, g->tag);
	g->has_tag = ok && g->sealing;
	*ret_n = 0;
	return ok;
}

/* ---- the provider ---- */

typedef void (*any_fn)(void);
#define FN(id, f)                                                                                  \
	{                                                                                          \
		OSSL_FUNC_CIPHER_##id, (any_fn)(f)                                                 \
	}
#define COMMON                                                                                     \
	FN(FREECTX, gcm_free), FN(DUPCTX, gcm_dup), FN(ENCRYPT_INIT, gcm_seal_init),               \
		FN(DECRYPT_INIT, gcm_open_init), FN(UPDATE, gcm_update), FN(FINAL, gcm_final),     \
		FN(GET_CTX_PARAMS, gcm_get), FN(SET_CTX_PARAMS, gcm_set),                          \
		FN(GETTABLE_PARAMS, about_names), FN(GETTABLE_CTX_PARAMS, get_names),              \
		FN(SETTABLE_CTX_PARAMS, set_names)

static const OSSL_DISPATCH gcm_128[] = {
	FN(NEWCTX, gcm_new_128), FN(GET_PARAMS, about_128), COMMON, {0, NULL}};
static const OSSL_DISPATCH gcm_256[] = {
	FN(NEWCTX, gcm_new_256), FN(GET_PARAMS, about_256), COMMON, {0, NULL}};

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM ciphers[] = {
		{"AES-128-GCM:id-aes128-GCM:2.16.840.1.101.3.4.1.6", "provider=imb", gcm_128, NULL},
		{"AES-256-GCM:id-aes256-GCM:2.16.840.1.101.3.4.1.46", "provider=imb", gcm_256,
			NULL},
		{NULL, NULL, NULL, NULL},
	};

	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_CIPHER ? ciphers : NULL;
}

static void
teardown(void *provider)
{
	tls_imb_free(provider);
}

int
tls_gcm_provider(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
	void **ret)
{
	static const OSSL_DISPATCH calls[] = {
		{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (any_fn)query},
		{OSSL_FUNC_PROVIDER_TEARDOWN, (any_fn)teardown},
		{0, NULL},
	};
	struct tls_imb *m = NULL;

	(void)core;
	(void)in;
	if (!tls_imb_new(&m, NULL))
		return 0;
	*out = calls;
	*ret = m;
	return 1;
}
