/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EVP hides its states, so these are the functions below it.  OpenSSL 3 calls them deprecated and
 * keeps them; they are as fast, and their structures are public.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "agent/base/crypto_running.h"

#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdlib.h>

struct crypto_running {
	SHA256_CTX sha256;
	MD5_CTX md5;
	uint64_t n;
};

bool
crypto_running_new(struct crypto_running **ret, struct err *e)
{
	struct crypto_running *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for digests");
	crypto_running_start(r);
	*ret = r;
	return true;
}

void
crypto_running_free(struct crypto_running *r)
{
	free(r);
}

void
crypto_running_start(struct crypto_running *r)
{
	r->n = 0;
	(void)SHA256_Init(&r->sha256);
	(void)MD5_Init(&r->md5);
}

static uint32_t
read_word(const uint8_t *p, bool little)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++)
		v |= (uint32_t)p[i] << (8 * (little ? i : 3 - i));
	return v;
}

static void
write_word(uint8_t *p, uint32_t v, bool little)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * (little ? i : 3 - i)));
}

/* Both count bits, in two words. */
static void
put_count(uint64_t n, unsigned *low, unsigned *high)
{
	*low = (unsigned)(n << 3);
	*high = (unsigned)(n >> 29);
}

bool
crypto_running_resume(struct crypto_running *r, const struct crypto_state *s)
{
	MD5_LONG *md5[4] = {&r->md5.A, &r->md5.B, &r->md5.C, &r->md5.D};

	crypto_running_start(r);
	if (s->n % CRYPTO_RUNNING_BLOCK != 0 || s->n >> 61 != 0)
		return false;
	r->n = s->n;
	for (size_t i = 0; i < 8; i++)
		r->sha256.h[i] = read_word(s->sha256 + 4 * i, false);
	for (size_t i = 0; i < 4; i++)
		*md5[i] = read_word(s->md5 + 4 * i, true);
	put_count(s->n, &r->sha256.Nl, &r->sha256.Nh);
	put_count(s->n, &r->md5.Nl, &r->md5.Nh);
	return true;
}

bool
crypto_running_add(struct crypto_running *r, const void *p, size_t n)
{
	r->n += n;
	return SHA256_Update(&r->sha256, p, n) == 1 && MD5_Update(&r->md5, p, n) == 1;
}

bool
crypto_running_state(const struct crypto_running *r, struct crypto_state *ret)
{
	const MD5_LONG md5[4] = {r->md5.A, r->md5.B, r->md5.C, r->md5.D};

	if (r->n % CRYPTO_RUNNING_BLOCK != 0)
		return false;
	ret->n = r->n;
	for (size_t i = 0; i < 8; i++)
		write_word(ret->sha256 + 4 * i, r->sha256.h[i], false);
	for (size_t i = 0; i < 4; i++)
		write_word(ret->md5 + 4 * i, md5[i], true);
	return true;
}

bool
crypto_running_digests(const struct crypto_running *r, uint8_t sha256[32], uint8_t md5[16])
{
	SHA256_CTX a = r->sha256;
	MD5_CTX b = r->md5;

	return SHA256_Final(sha256, &a) == 1 && MD5_Final(md5, &b) == 1;
}
