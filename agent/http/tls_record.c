/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_record.h"

#include "agent/http/tls_fail.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_N   5U
#define TAG_N    16U
#define IV_N     12U
#define RANDOM_N 64U /* hex digits of the client's random */

static const struct suite {
	unsigned id; /* RFC 8446 B.4 */
	const char *cipher, *digest;
	size_t key_n, secret_n;
} suites[] = {
	{0x1301, "AES-128-GCM", "SHA256", 16, 32},
	{0x1302, "AES-256-GCM", "SHA384", 32, 48},
};

#define SUITES (sizeof(suites) / sizeof(suites[0]))

struct seat {
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx;
	const struct tls_record *owner; /* whose key is in it; NULL: nobody's */
	bool ready;                     /* the context has its cipher */
};

struct tls_record_seats {
	OSSL_LIB_CTX *lib; /* NULL: the default one */
	struct seat seat[SUITES];
};

struct tls_record {
	struct tls_record_seats *seats;
	const struct suite *suite;
	uint64_t number, most; /* of the next record under this key */
	bool dead;
	unsigned char key[32], iv[IV_N];
	unsigned char secret[TLS_RECORD_SECRET];
};

/* ---- the secret ---- */

static bool
hex(char c, unsigned *ret)
{
	if (c >= '0' && c <= '9')
		*ret = (unsigned)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*ret = (unsigned)(c - 'a') + 10;
	else if (c >= 'A' && c <= 'F')
		*ret = (unsigned)(c - 'A') + 10;
	else
		return false;
	return true;
}

static bool
take_hex(struct span s, uint8_t *ret)
{
	for (size_t i = 0; i < s.n; i += 2) {
		unsigned a = 0;
		unsigned b = 0;
		if (!hex(s.p[i], &a) || !hex(s.p[i + 1], &b))
			return false;
		ret[i / 2] = (uint8_t)(a << 4 | b);
	}
	return true;
}

bool
tls_record_secret(struct span line, uint8_t ret[TLS_RECORD_SECRET], size_t *ret_n)
{
	uint8_t out[TLS_RECORD_SECRET];
	struct span rest = line;
	struct span label = span_cut(&rest, ' ');
	struct span random = span_cut(&rest, ' ');

	if (!span_eq(label, SPAN("SERVER_TRAFFIC_SECRET_0")) || random.n != RANDOM_N ||
		rest.p == NULL || (rest.n != 64 && rest.n != 96))
		return false;
	bool ok = take_hex(rest, out);
	if (ok) {
		memcpy(ret, out, rest.n / 2);
		*ret_n = rest.n / 2;
	}
	OPENSSL_cleanse(out, sizeof(out));
	return ok;
}

/* ---- keys ---- */

static char *
param(const char *s)
{
	return (char *)(uintptr_t)s; /* OSSL_PARAM only reads it */
}

/* HKDF-Expand-Label(secret, label, "", n) of RFC 8446 7.1. */
static bool
expand(const struct tls_record *r, const char *label, unsigned char *out, size_t n)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	unsigned char secret[TLS_RECORD_SECRET];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, param(r->suite->digest), 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, r->suite->secret_n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, param("tls13 "), 6),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_LABEL, param(label), strlen(label)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(r->seats->lib, "TLS13-KDF", NULL);
	EVP_KDF_CTX *c = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;

	memcpy(secret, r->secret, sizeof(secret));
	bool ok = c != NULL && EVP_KDF_derive(c, out, n, params) == 1;
	OPENSSL_cleanse(secret, sizeof(secret));
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
	return ok;
}

static struct seat *
seat_of(const struct tls_record *r)
{
	return &r->seats->seat[r->suite - suites];
}

/* Nothing of the writer's key stays there. */
static void
leave(const struct tls_record *r)
{
	struct seat *s = seat_of(r);

	if (s->owner != r)
		return;
	s->owner = NULL;
	s->ready = false;
	(void)EVP_CIPHER_CTX_reset(s->ctx);
}

/* The context with the writer's key in it, or NULL. */
static EVP_CIPHER_CTX *
sit(const struct tls_record *r)
{
	struct seat *s = seat_of(r);

	if (s->owner == r)
		return s->ctx;
	s->owner = NULL;
	if (EVP_EncryptInit_ex(s->ctx, s->ready ? NULL : s->cipher, NULL, r->key, NULL) != 1)
		return NULL;
	s->ready = true;
	s->owner = r;
	return s->ctx;
}

/* The key and the nonces of the secret; the numbers begin again. */
static bool
use_secret(struct tls_record *r)
{
	leave(r);
	r->number = 0;
	return expand(r, "key", r->key, r->suite->key_n) && expand(r, "iv", r->iv, IV_N);
}

static const struct suite *
suite_of(unsigned id)
{
	for (size_t i = 0; i < SUITES; i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

bool
tls_record_knows(unsigned suite)
{
	return suite_of(suite) != NULL;
}

bool
tls_record_seats_new(const struct tls_backend *b, struct tls_record_seats **ret, struct err *e)
{
	struct tls_record_seats *s = calloc(1, sizeof(*s));
	bool ok = s != NULL;

	if (ok && b != NULL)
		s->lib = tls_backend_library(b);
	for (size_t i = 0; ok && i < SUITES; i++) {
		s->seat[i].cipher = EVP_CIPHER_fetch(
			s->lib, suites[i].cipher, b != NULL ? TLS_BACKEND_QUERY : NULL);
		s->seat[i].ctx = EVP_CIPHER_CTX_new();
		ok = s->seat[i].cipher != NULL && s->seat[i].ctx != NULL;
	}
	if (!ok) {
		tls_record_seats_free(s);
		return tls_fail(e, ERR_SYSTEM, "writer of records");
	}
	*ret = s;
	return true;
}

void
tls_record_seats_free(struct tls_record_seats *s)
{
	for (size_t i = 0; s != NULL && i < SUITES; i++) {
		EVP_CIPHER_CTX_free(s->seat[i].ctx); /* wipes the key */
		EVP_CIPHER_free(s->seat[i].cipher);
	}
	free(s);
}

bool
tls_record_new(struct tls_record_seats *seats, unsigned suite, struct span secret, uint64_t most,
	struct tls_record **ret, struct err *e)
{
	const struct suite *s = suite_of(suite);

	if (s == NULL || secret.n != s->secret_n)
		return err_set(e, ERR_ABSENT, NULL, "no writer of records for suite %04x", suite);
	struct tls_record *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for a writer of records");
	r->seats = seats;
	r->suite = s;
	r->most = most;
	memcpy(r->secret, secret.p, secret.n);
	if (!use_secret(r)) {
		tls_record_free(r);
		return tls_fail(e, ERR_SYSTEM, "writer of records");
	}
	*ret = r;
	return true;
}

void
tls_record_free(struct tls_record *r)
{
	if (r == NULL)
		return;
	leave(r);
	OPENSSL_cleanse(r, sizeof(*r));
	free(r);
}

/* ---- records ---- */

/* RFC 8446 5.3.  The number is taken, whatever becomes of the record. */
static void
take_nonce(struct tls_record *r, unsigned char ret[IV_N])
{
	uint64_t number = r->number++;

	memcpy(ret, r->iv, IV_N);
	for (unsigned i = 0; i < 8; i++)
		ret[IV_N - 1 - i] ^= (unsigned char)(number >> (8 * i));
}

static bool
seal(struct tls_record *r, enum tls_record_type type, struct span plain, unsigned char *out)
{
	unsigned char nonce[IV_N];
	unsigned char inner = (unsigned char)type;
	const unsigned char *in = (const unsigned char *)plain.p;
	size_t n = plain.n + 1 + TAG_N;
	unsigned char *end = out + HEAD_N + plain.n;
	int k = 0;

	out[0] = TLS_RECORD_DATA; /* whatever it is inside */
	out[1] = 3;
	out[2] = 3;
	out[3] = (unsigned char)(n >> 8);
	out[4] = (unsigned char)n;
	take_nonce(r, nonce);
	EVP_CIPHER_CTX *c = sit(r);
	if (c == NULL || EVP_EncryptInit_ex(c, NULL, NULL, NULL, nonce) != 1 ||
		EVP_EncryptUpdate(c, NULL, &k, out, HEAD_N) != 1)
		return false;
	if (plain.n > 0 && EVP_EncryptUpdate(c, out + HEAD_N, &k, in, (int)plain.n) != 1)
		return false;
	return EVP_EncryptUpdate(c, end, &k, &inner, 1) == 1 &&
	       EVP_EncryptFinal_ex(c, end + 1, &k) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_N, end + 1) == 1;
}

static bool
seal_or_die(struct tls_record *r, enum tls_record_type type, struct span plain, unsigned char *out,
	size_t *ret_n)
{
	if (r->dead || plain.n > TLS_RECORD_TEXT || !seal(r, type, plain, out)) {
		r->dead = true;
		return false;
	}
	*ret_n = plain.n + TLS_RECORD_MORE;
	return true;
}

bool
tls_record_due(const struct tls_record *r)
{
	return r->number >= r->most;
}

bool
tls_record_seal(struct tls_record *r, enum tls_record_type type, struct span plain,
	unsigned char *out, size_t *ret_n)
{
	if (tls_record_due(r))
		r->dead = true;
	return seal_or_die(r, type, plain, out, ret_n);
}

bool
tls_record_update(struct tls_record *r, unsigned char *out, size_t *ret_n)
{
	static const char update[] = {24, 0, 0, 1, 0}; /* KeyUpdate, update_not_requested */
	unsigned char next[TLS_RECORD_SECRET];

	if (!seal_or_die(
		    r, TLS_RECORD_HANDSHAKE, (struct span){update, sizeof(update)}, out, ret_n))
		return false;
	bool ok = expand(r, "traffic upd", next, r->suite->secret_n); /* RFC 8446 7.2 */
	if (ok)
		memcpy(r->secret, next, r->suite->secret_n);
	OPENSSL_cleanse(next, sizeof(next));
	r->dead = !ok || !use_secret(r);
	return !r->dead;
}
