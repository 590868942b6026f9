/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_backend.h"

#include "agent/http/tls_fail.h"
#include "agent/http/tls_gcm.h"
#include "agent/http/tls_imb.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 16385U /* of a full record: text and its type */
#define TAG_N    16U
#define AAD_N    5U

struct tls_backend {
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *own, *imb;
};

struct sealed {
	unsigned char text[TEXT_MAX], tag[TAG_N];
};

/* Memory of the tests, too large for the stack. */
struct trial {
	unsigned char key[32], iv[12], aad[AAD_N], plain[TEXT_MAX];
	struct sealed own, imb, opened;
};

static void
cipher_done(EVP_CIPHER **c)
{
	EVP_CIPHER_free(*c);
}

static void
ctx_done(EVP_CIPHER_CTX **c)
{
	EVP_CIPHER_CTX_free(*c);
}

#define AUTO_CIPHER     __attribute__((cleanup(cipher_done))) EVP_CIPHER *
#define AUTO_CIPHER_CTX __attribute__((cleanup(ctx_done))) EVP_CIPHER_CTX *

/* As the record layer does it: nonce, additional data, text, tag. */
static bool
pass(EVP_CIPHER_CTX *c, const struct trial *t, const unsigned char *in, int n, unsigned char *out)
{
	int k = 0;

	return EVP_CipherInit_ex(c, NULL, NULL, NULL, t->iv, -1) == 1 &&
	       EVP_CipherUpdate(c, NULL, &k, t->aad, AAD_N) == 1 &&
	       EVP_CipherUpdate(c, out, &k, in, n) == 1 && k == n;
}

static bool
seal(EVP_CIPHER *cipher, const struct trial *t, int n, struct sealed *out)
{
	AUTO_CIPHER_CTX c = EVP_CIPHER_CTX_new();
	int k = 0;

	return c != NULL && EVP_CipherInit_ex(c, cipher, NULL, t->key, NULL, 1) == 1 &&
	       pass(c, t, t->plain, n, out->text) &&
	       EVP_CipherFinal_ex(c, out->text + n, &k) == 1 && k == 0 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_N, out->tag) == 1;
}

static bool
opens(EVP_CIPHER *cipher, const struct trial *t, int n, struct sealed *in, struct sealed *out)
{
	AUTO_CIPHER_CTX c = EVP_CIPHER_CTX_new();
	int k = 0;

	return c != NULL && EVP_CipherInit_ex(c, cipher, NULL, t->key, NULL, 0) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_N, in->tag) == 1 &&
	       pass(c, t, in->text, n, out->text) && EVP_CipherFinal_ex(c, out->text + n, &k) == 1;
}

/* One length, both directions, and a tag that is not right. */
static bool
same(EVP_CIPHER *own, EVP_CIPHER *imb, struct trial *t, int n)
{
	if (!seal(own, t, n, &t->own) || !seal(imb, t, n, &t->imb) ||
		memcmp(t->own.text, t->imb.text, (size_t)n) != 0 ||
		memcmp(t->own.tag, t->imb.tag, TAG_N) != 0)
		return false;
	if (!opens(imb, t, n, &t->own, &t->opened) ||
		memcmp(t->opened.text, t->plain, (size_t)n) != 0)
		return false;
	t->own.tag[n % (int)TAG_N] ^= 1;
	return !opens(imb, t, n, &t->own, &t->opened);
}

static bool
same_cipher(OSSL_LIB_CTX *lib, const char *name, struct trial *t)
{
	static const int lengths[] = {0, 1, 15, 16, 17, 63, 255, 256, 1000, 4113, 16384, TEXT_MAX};
	AUTO_CIPHER own = EVP_CIPHER_fetch(lib, name, "provider=default");
	AUTO_CIPHER imb = EVP_CIPHER_fetch(lib, name, "provider=imb");
	bool ok = own != NULL && imb != NULL;

	for (size_t i = 0; ok && i < sizeof(lengths) / sizeof(lengths[0]); i++)
		ok = same(own, imb, t, lengths[i]);
	return ok;
}

static bool
known_answers(OSSL_LIB_CTX *lib)
{
	static const unsigned char head[AAD_N] = {0x17, 3, 3, 0x40, 0x11};
	struct trial *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return false;
	for (size_t i = 0; i < sizeof(t->key); i++)
		t->key[i] = (unsigned char)(i * 37 + 11);
	for (size_t i = 0; i < sizeof(t->iv); i++)
		t->iv[i] = (unsigned char)(i * 91 + 5);
	for (size_t i = 0; i < sizeof(t->plain); i++)
		t->plain[i] = (unsigned char)(i * 131 + (i >> 7));
	memcpy(t->aad, head, AAD_N);
	bool ok = same_cipher(lib, "AES-128-GCM", t) && same_cipher(lib, "AES-256-GCM", t);
	free(t);
	return ok;
}

bool
tls_backend_new(struct tls_backend **ret, struct err *e)
{
	struct tls_imb *usable = NULL;

	if (!tls_imb_new(&usable, e)) /* the provider itself cannot say why not */
		return false;
	tls_imb_free(usable);
	struct tls_backend *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for a back end of TLS");
	b->lib = OSSL_LIB_CTX_new();
	if (b->lib != NULL && OSSL_PROVIDER_add_builtin(b->lib, "imb", tls_gcm_provider) == 1) {
		b->own = OSSL_PROVIDER_load(b->lib, "default");
		b->imb = OSSL_PROVIDER_load(b->lib, "imb");
	}
	if (b->own == NULL || b->imb == NULL) {
		tls_backend_free(b);
		return tls_fail(e, ERR_SYSTEM, "load the provider imb");
	}
	if (!known_answers(b->lib)) {
		tls_backend_free(b);
		(void)tls_fail(e, ERR_SYSTEM, "known answers");
		return err_set(e, ERR_UPSTREAM, NULL,
			"libipsec-mb gave other bytes than OpenSSL for a known answer, so OpenSSL "
			"works alone");
	}
	*ret = b;
	return true;
}

void
tls_backend_free(struct tls_backend *b)
{
	if (b == NULL)
		return;
	if (b->imb != NULL)
		(void)OSSL_PROVIDER_unload(b->imb);
	if (b->own != NULL)
		(void)OSSL_PROVIDER_unload(b->own);
	OSSL_LIB_CTX_free(b->lib);
	free(b);
}

OSSL_LIB_CTX *
tls_backend_library(const struct tls_backend *b)
{
	return b->lib;
}
