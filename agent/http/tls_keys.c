/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_keys.h"

#include "agent/http/tls_fail.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct tls_keys {
	unsigned char name[16], aes[32], mac[32];
};

bool
tls_keys_new(struct tls_keys **ret, struct err *e)
{
	struct tls_keys *k = calloc(1, sizeof(*k));

	if (k == NULL || RAND_bytes((unsigned char *)k, (int)sizeof(*k)) != 1) {
		free(k);
		return tls_fail(e, ERR_SYSTEM, "ticket keys");
	}
	*ret = k;
	return true;
}

void
tls_keys_free(struct tls_keys *k)
{
	if (k != NULL)
		OPENSSL_cleanse(k, sizeof(*k));
	free(k);
}

static int
ticket_mac(EVP_MAC_CTX *mac, struct tls_keys *k)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params);
}

int
tls_keys_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int enc) // NOLINT(readability-non-const-parameter): the library's type
{
	struct tls_keys *k = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (enc != 0) {
		if (RAND_bytes(iv, EVP_CIPHER_iv_length(EVP_aes_256_cbc())) != 1)
			return -1;
		memcpy(name, k->name, sizeof(k->name));
	} else if (CRYPTO_memcmp(name, k->name, sizeof(k->name)) != 0) {
		return 0;
	}
	if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->aes, iv, enc) != 1)
		return -1;
	return ticket_mac(mac, k) == 1 ? 1 : -1;
}
