/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/indexer_sum.h"

#include "agent/base/checksum.h"
#include "agent/base/crypto.h"
#include "agent/base/scope.h"

#include <errno.h>
#include <string.h>

#define SUM_BLOCK     ((size_t)1024 * 1024)
#define SUM_SIGNATURE ((uint64_t)1024 * 1024 * 1024)

struct indexer_sum {
	struct crypto_digest *sha256, *md5;
	char block[SUM_BLOCK];
};

bool
indexer_sum_new(struct indexer_sum **ret, struct err *e)
{
	struct indexer_sum *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "digests");
	if (!crypto_digest_new(CRYPTO_HASH_SHA256, &s->sha256, e) ||
		!crypto_digest_new(CRYPTO_HASH_MD5, &s->md5, e)) {
		indexer_sum_free(s);
		return false;
	}
	*ret = s;
	return true;
}

void
indexer_sum_free(struct indexer_sum *s)
{
	if (s == NULL)
		return;
	crypto_digest_free(s->sha256);
	crypto_digest_free(s->md5);
	free(s);
}

static ssize_t
read_at(int fd, void *p, size_t n, uint64_t offset)
{
	ssize_t got = 0;

	do
		got = pread(fd, p, n, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got;
}

static bool
add(struct indexer_sum *s, size_t n, struct ingest_digests *d, struct err *e)
{
	d->adler32 = checksum_adler32(d->adler32, s->block, n);
	d->crc32c = checksum_crc32c(d->crc32c, s->block, n);
	if (crypto_digest_add(s->sha256, s->block, n) && crypto_digest_add(s->md5, s->block, n))
		return true;
	return err_set(e, ERR_UPSTREAM, NULL, "digests cannot be computed");
}

static bool
pass(struct indexer_sum *s, int fd, uint64_t bytes, const struct indexer_sum_pause *pause,
	struct ingest_digests *d, struct err *e)
{
	uint64_t at = 0;

	for (;;) {
		ssize_t got = read_at(fd, s->block, sizeof(s->block), at);
		if (got < 0)
			return err_set(e, ERR_SYSTEM, NULL, "file cannot be read");
		if (got == 0)
			break;
		if (!add(s, (size_t)got, d, e))
			return false;
		at += (uint64_t)got;
		if (at > bytes)
			break;
		if (!pause->breathe(pause->ctx))
			return err_set(e, ERR_LIMIT, NULL, "told to stop");
	}
	return at == bytes || err_set(e, ERR_RANGE, NULL, "file changed while it was read");
}

/* Both digests end in any case, so that the next file starts anew. */
static bool
ends(struct indexer_sum *s, struct ingest_digests *d)
{
	uint8_t out[CRYPTO_DIGEST_MAX];
	size_t n = 0;
	bool ok = crypto_digest_end(s->sha256, out, &n) && n == sizeof(d->sha256);

	if (ok)
		memcpy(d->sha256, out, sizeof(d->sha256));
	ok = crypto_digest_end(s->md5, out, &n) && n == sizeof(d->md5) && ok;
	if (ok)
		memcpy(d->md5, out, sizeof(d->md5));
	return ok;
}

bool
indexer_sum_file(struct indexer_sum *s, int fd, uint64_t bytes,
	const struct indexer_sum_pause *pause, struct ingest_digests *ret, struct err *e)
{
	struct ingest_digests d = {
		.adler32 = CHECKSUM_ADLER32_INIT, .crc32c = CHECKSUM_CRC32C_INIT};
	bool read = pass(s, fd, bytes, pause, &d, e);

	if (!ends(s, &d))
		return !read ? false : err_set(e, ERR_UPSTREAM, NULL, "digests cannot be computed");
	if (read)
		*ret = d;
	return read;
}

bool
indexer_sum_sniff(int fd, uint64_t bytes, enum indexer_sum_kind *ret, struct err *e)
{
	static const char hdf5[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
	static const char hdf4[4] = {'\x0e', '\x03', '\x13', '\x01'};
	char head[8] = {0};
	uint64_t at = 0;

	*ret = SUM_OTHER;
	while (at + sizeof(head) <= bytes && at <= SUM_SIGNATURE) {
		ssize_t got = read_at(fd, head, sizeof(head), at);
		if (got < 0)
			return err_set(e, ERR_SYSTEM, NULL, "file cannot be read");
		if (got == (ssize_t)sizeof(head) && memcmp(head, hdf5, sizeof(hdf5)) == 0) {
			*ret = SUM_HDF5;
			return true;
		}
		if (at == 0 && got >= (ssize_t)sizeof(hdf4) &&
			memcmp(head, hdf4, sizeof(hdf4)) == 0)
			*ret = SUM_HDF4;
		at = at == 0 ? 512 : at * 2;
	}
	return true;
}

bool
indexer_sum_named(struct span path)
{
	static const char *const ends_with[] = {
		".h5", ".hdf5", ".he5", ".nxs", ".nx5", ".nexus", ".nxspe", ".hdf", ".nxd"};

	for (size_t i = 0; i < sizeof(ends_with) / sizeof(ends_with[0]); i++) {
		struct span want = span_of(ends_with[i]);
		if (path.n > want.n && span_eq_nocase(span_skip(path, path.n - want.n), want))
			return true;
	}
	return false;
}
