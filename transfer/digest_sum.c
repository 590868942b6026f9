/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/digest_sum.h"

#include "agent/base/checksum.h"
#include "agent/base/crypto.h"
#include "agent/base/scope.h"

#include <stdlib.h>
#include <string.h>

struct digest_sum {
	struct digest_values values; /* have: what is wanted; adler32 and crc32c so far */
	struct crypto_digest *md5, *sha256;
};

static bool
wants(const struct digest_sum *s, enum digest_kind k)
{
	return (s->values.have & 1U << k) != 0;
}

bool
digest_sum_new(uint32_t want, struct digest_sum **ret, struct err *e)
{
	struct digest_sum *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for digests");
	s->values = (struct digest_values){.have = want & ((1U << DIGEST_COUNT) - 1),
		.adler32 = CHECKSUM_ADLER32_INIT,
		.crc32c = CHECKSUM_CRC32C_INIT};
	if ((wants(s, DIGEST_MD5) && !crypto_digest_new(CRYPTO_HASH_MD5, &s->md5, e)) ||
		(wants(s, DIGEST_SHA256) &&
			!crypto_digest_new(CRYPTO_HASH_SHA256, &s->sha256, e))) {
		digest_sum_free(s);
		return false;
	}
	*ret = s;
	return true;
}

void
digest_sum_free(struct digest_sum *s)
{
	if (s == NULL)
		return;
	crypto_digest_free(s->md5);
	crypto_digest_free(s->sha256);
	free(s);
}

bool
digest_sum_add(struct digest_sum *s, const void *p, size_t n)
{
	struct digest_values *v = &s->values;

	if (wants(s, DIGEST_ADLER32))
		v->adler32 = checksum_adler32(v->adler32, p, n);
	if (wants(s, DIGEST_CRC32C))
		v->crc32c = checksum_crc32c(v->crc32c, p, n);
	return (s->md5 == NULL || crypto_digest_add(s->md5, p, n)) &&
	       (s->sha256 == NULL || crypto_digest_add(s->sha256, p, n));
}

static bool
end_one(struct crypto_digest *d, uint8_t *out, size_t size)
{
	uint8_t all[CRYPTO_DIGEST_MAX];
	size_t n = 0;

	if (d == NULL)
		return true;
	if (!crypto_digest_end(d, all, &n) || n != size)
		return false;
	memcpy(out, all, size);
	return true;
}

bool
digest_sum_end(struct digest_sum *s, struct digest_values *ret)
{
	struct digest_values *v = &s->values;

	if (!end_one(s->md5, v->md5, sizeof(v->md5)) ||
		!end_one(s->sha256, v->sha256, sizeof(v->sha256)))
		return false;
	*ret = *v;
	return true;
}
