/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/indexer_sum.h"

#include "agent/base/buf.h"
#include "agent/base/checksum.h"
#include "agent/base/crypto.h"
#include "agent/base/crypto_running.h"
#include "agent/base/scope.h"
#include "agent/catalog/catalog.h"

#include <errno.h>
#include <string.h>

#define SUM_SIGNATURE ((uint64_t)1024 * 1024 * 1024)
#define SUM_SHA256    ((size_t)CRYPTO_SHA256_SIZE)
#define SUM_BLOCKS    ((size_t)64 << 20) /* bytes of their digests: 128 TiB */

struct indexer_sum {
	struct crypto_running *whole;
	struct crypto_digest *part; /* SHA-256 of the block at hand, from the second one on */
	uint32_t adler32, crc32c, crc32;
	uint64_t at, bytes;
	struct buf blocks; /* digests of those that are done */
	char piece[SUM_PIECE];
};

bool
indexer_sum_new(struct indexer_sum **ret, struct err *e)
{
	struct indexer_sum *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "digests");
	s->blocks.max = SUM_BLOCKS;
	if (!crypto_running_new(&s->whole, e) ||
		!crypto_digest_new(CRYPTO_HASH_SHA256, &s->part, e)) {
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
	crypto_running_free(s->whole);
	crypto_digest_free(s->part);
	buf_fini(&s->blocks);
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

void
indexer_sum_start(struct indexer_sum *s, uint64_t bytes)
{
	uint8_t out[CRYPTO_DIGEST_MAX];
	size_t n = 0;

	crypto_running_start(s->whole);
	(void)crypto_digest_end(s->part, out, &n); /* of a file that was left in its middle */
	s->adler32 = CHECKSUM_ADLER32_INIT;
	s->crc32c = CHECKSUM_CRC32C_INIT;
	s->crc32 = CHECKSUM_CRC32_INIT;
	s->at = 0;
	s->bytes = bytes;
	buf_reset(&s->blocks);
}

bool
indexer_sum_resume(
	struct indexer_sum *s, uint64_t bytes, const struct ingest_partial *p, struct err *e)
{
	struct crypto_state state = {.n = p->at};

	indexer_sum_start(s, bytes);
	memcpy(state.sha256, p->sha256, sizeof(state.sha256));
	memcpy(state.md5, p->md5, sizeof(state.md5));
	buf_add(&s->blocks, p->blocks);
	if (!buf_ok(&s->blocks) || !crypto_running_resume(s->whole, &state)) {
		indexer_sum_start(s, bytes);
		return err_set(e, ERR_ABSENT, NULL, "cannot go on there");
	}
	s->adler32 = p->adler32;
	s->crc32c = p->crc32c;
	s->crc32 = p->crc32;
	s->at = p->at;
	return true;
}

/* The block has ended.  The first one's digest is that of the file so far. */
static bool
end_block(struct indexer_sum *s)
{
	uint8_t out[CRYPTO_DIGEST_MAX];
	uint8_t md5[16];
	size_t n = SUM_SHA256;
	bool ok = s->at <= CATALOG_BLOCK ? crypto_running_digests(s->whole, out, md5)
					 : crypto_digest_end(s->part, out, &n);

	if (ok && n == SUM_SHA256)
		buf_add(&s->blocks, (struct span){(const char *)out, n});
	return ok && n == SUM_SHA256 && buf_ok(&s->blocks);
}

static bool
add(struct indexer_sum *s, size_t n)
{
	s->adler32 = checksum_adler32(s->adler32, s->piece, n);
	s->crc32c = checksum_crc32c(s->crc32c, s->piece, n);
	s->crc32 = checksum_crc32(s->crc32, s->piece, n);
	if (!crypto_running_add(s->whole, s->piece, n) ||
		(s->at >= CATALOG_BLOCK && !crypto_digest_add(s->part, s->piece, n)))
		return false;
	s->at += n;
	return s->at % CATALOG_BLOCK != 0 || end_block(s);
}

bool
indexer_sum_piece(struct indexer_sum *s, int fd, size_t *ret_n, struct err *e)
{
	const size_t room = (size_t)(CATALOG_BLOCK - s->at % CATALOG_BLOCK); /* never across */
	ssize_t got = read_at(fd, s->piece, room < SUM_PIECE ? room : SUM_PIECE, s->at);

	*ret_n = 0;
	if (got < 0)
		return err_set(e, ERR_SYSTEM, NULL, "file cannot be read");
	if (s->at + (uint64_t)got > s->bytes || (got == 0 && s->at < s->bytes))
		return err_set(e, ERR_RANGE, NULL, "file changed while it was read");
	if (got > 0 && !add(s, (size_t)got))
		return err_set(e, ERR_LIMIT, NULL, "digests cannot be computed");
	*ret_n = (size_t)got;
	return true;
}

bool
indexer_sum_partial(const struct indexer_sum *s, struct ingest_partial *ret)
{
	struct crypto_state state;

	if (s->at == 0 || s->at % CATALOG_BLOCK != 0 || !crypto_running_state(s->whole, &state))
		return false;
	*ret = (struct ingest_partial){
		.at = s->at,
		.adler32 = s->adler32,
		.crc32c = s->crc32c,
		.crc32 = s->crc32,
		.blocks = buf_span(&s->blocks),
	};
	memcpy(ret->sha256, state.sha256, sizeof(ret->sha256));
	memcpy(ret->md5, state.md5, sizeof(ret->md5));
	return true;
}

bool
indexer_sum_end(
	struct indexer_sum *s, struct ingest_digests *ret, struct span *ret_blocks, struct err *e)
{
	*ret = (struct ingest_digests){
		.adler32 = s->adler32, .crc32c = s->crc32c, .crc32 = s->crc32};
	if (!crypto_running_digests(s->whole, ret->sha256, ret->md5) ||
		((s->at == 0 || s->at % CATALOG_BLOCK != 0) && !end_block(s)))
		return err_set(e, ERR_LIMIT, NULL, "digests cannot be computed");
	*ret_blocks = buf_span(&s->blocks);
	return true;
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
