/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_backend.h"
#include "tests/fuzz/hold.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#define MOST  20000U
#define TAG_N 16

struct parts {
	const uint8_t *key, *iv, *aad, *pieces, *text;
	int n_aad, n_text;
	bool wide;
};

static unsigned char out[2][MOST + TAG_N];

/* The text in pieces whose lengths the input says; the tag behind it.  False: refused. */
static bool
run(const EVP_CIPHER *cipher, const struct parts *p, int seal, const unsigned char *in,
	unsigned char *to)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int k = 0;
	bool ok = EVP_CipherInit_ex(c, cipher, NULL, p->key, p->iv, seal) == 1;

	if (!seal) {
		unsigned char tag[TAG_N];
		memcpy(tag, in + p->n_text, TAG_N);
		ok = ok && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_N, tag) == 1;
	}
	if (p->n_aad > 0)
		ok = ok && EVP_CipherUpdate(c, NULL, &k, p->aad, p->n_aad) == 1;
	for (int at = 0, i = 0; ok && at < p->n_text; at += k, i++) {
		int n = 1 + p->pieces[i % 4] * (i % 2 == 0 ? 1 : 61);
		n = n < p->n_text - at ? n : p->n_text - at;
		ok = EVP_CipherUpdate(c, to + at, &k, in + at, n) == 1 && k == n;
	}
	ok = ok && EVP_CipherFinal_ex(c, to + p->n_text, &k) == 1;
	if (seal)
		ok = ok &&
		     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_N, to + p->n_text) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

/* The same bytes as the default provider; what one seals the other opens; another bit: refused. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_backend *backend;
	static EVP_CIPHER *cipher[2][2];
	static bool tried;

	if (!tried && tls_backend_new(&backend, NULL))
		for (int i = 0; i < 4; i++)
			cipher[i / 2][i % 2] = EVP_CIPHER_fetch(tls_backend_library(backend),
				i / 2 ? "AES-256-GCM" : "AES-128-GCM",
				i % 2 ? "provider=imb" : "provider=default");
	tried = true;
	if (backend == NULL || size < 52) /* a machine without it has nothing to compare */
		return 0;
	struct parts p = {.key = data, .iv = data + 32, .pieces = data + 44, .wide = data[48] & 1};
	p.n_aad = data[49] % 65 < (int)(size - 52) ? data[49] % 65 : (int)(size - 52);
	p.aad = data + 52;
	p.text = p.aad + p.n_aad;
	size_t n = size - 52 - (size_t)p.n_aad;
	p.n_text = (int)(n < MOST ? n : MOST);
	EVP_CIPHER *own = cipher[p.wide][0];
	EVP_CIPHER *imb = cipher[p.wide][1];
	hold(run(own, &p, 1, p.text, out[0]) && run(imb, &p, 1, p.text, out[1]));
	hold(memcmp(out[0], out[1], (size_t)p.n_text + TAG_N) == 0);
	hold(run(imb, &p, 0, out[0], out[1]));
	hold(p.n_text == 0 || memcmp(out[1], p.text, (size_t)p.n_text) == 0);
	size_t where = (data[50] | (size_t)data[51] << 8) % ((size_t)p.n_text + TAG_N);
	out[0][where] ^= (unsigned char)(1U << (data[49] & 7));
	hold(!run(imb, &p, 0, out[0], out[1]));
	return 0;
}
