/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_pair.h"

#include "agent/http/tls_fail.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdint.h>

/* A key with a passphrase would otherwise ask on the terminal. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static void
bio_done(BIO **b)
{
	BIO_free(*b);
}

static void
x509_done(X509 **x)
{
	X509_free(*x);
}

static void
pkey_done(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

#define AUTO_BIO  __attribute__((cleanup(bio_done))) BIO *
#define AUTO_X509 __attribute__((cleanup(x509_done))) X509 *
#define AUTO_PKEY __attribute__((cleanup(pkey_done))) EVP_PKEY *

static BIO *
bio_over(struct span s)
{
	return s.n <= INT32_MAX ? BIO_new_mem_buf(s.p, (int)s.n) : NULL;
}

/* NULL: none there. */
static X509 *
read_certificate(BIO *in, OSSL_LIB_CTX *lib, bool leaf)
{
	X509 *x = X509_new_ex(lib, NULL);
	const X509 *read = NULL;

	if (x != NULL)
		read = leaf ? PEM_read_bio_X509_AUX(in, &x, no_passphrase, NULL)
			    : PEM_read_bio_X509(in, &x, no_passphrase, NULL);
	if (read != NULL)
		return x;
	X509_free(x);
	return NULL;
}

static bool
add_chain(SSL_CTX *ssl, const struct tls_pair *pair, OSSL_LIB_CTX *lib, struct err *e)
{
	AUTO_BIO in = bio_over(pair->chain);
	AUTO_X509 leaf = in != NULL ? read_certificate(in, lib, true) : NULL;

	if (leaf == NULL || SSL_CTX_use_certificate(ssl, leaf) != 1) {
		(void)tls_fail(e, ERR_SYNTAX, pair->name);
		return err_set(
			e, ERR_SYNTAX, NULL, "%s: no usable PEM certificate in it", pair->name);
	}
	if (SSL_CTX_clear_chain_certs(ssl) != 1)
		return tls_fail(e, ERR_SYSTEM, pair->name);
	for (;;) {
		AUTO_X509 more = read_certificate(in, lib, false);
		if (more == NULL)
			break;
		if (SSL_CTX_add1_chain_cert(ssl, more) != 1)
			return tls_fail(e, ERR_SYNTAX, pair->name);
	}
	ERR_clear_error(); /* the end of the file leaves "no start line" */
	return true;
}

bool
tls_pair_add(SSL_CTX *ssl, const struct tls_pair *pair, OSSL_LIB_CTX *lib, struct err *e)
{
	AUTO_BIO in = bio_over(pair->key);
	AUTO_PKEY key = NULL;

	if (in != NULL)
		key = PEM_read_bio_PrivateKey_ex(in, NULL, no_passphrase, NULL, lib, NULL);
	if (!add_chain(ssl, pair, lib, e))
		return false;
	if (key == NULL) {
		ERR_clear_error();
		return err_set(e, ERR_SYNTAX, NULL,
			"%s: its key file holds no PEM private key without passphrase", pair->name);
	}
	if (SSL_CTX_use_PrivateKey(ssl, key) != 1 || SSL_CTX_check_private_key(ssl) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_SYNTAX, NULL,
			"%s: certificate and key do not belong together", pair->name);
	}
	return true;
}
