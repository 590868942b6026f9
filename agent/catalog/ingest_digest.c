/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ingest_digest.h"

#include "agent/catalog/catalog.h"
#include "agent/catalog/ingest_statement.h"
#include "agent/catalog/limits.h"

#include <string.h>

static bool
read_row(struct ingest *i, size_t q, struct arena *a, struct ingest_unsummed *ret, struct err *e)
{
	enum store_row r = store_step(i->store, q, e);

	if (r != STORE_ROW)
		return r == STORE_END && err_set(e, ERR_ABSENT, NULL, "every file has its digests");
	*ret = (struct ingest_unsummed){
		.dataset = store_col_i64(i->store, q, 0),
		.path = arena_span(a, store_col_text(i->store, q, 1)),
		.bytes = (uint64_t)store_col_i64(i->store, q, 2),
		.mtime_s = store_col_i64(i->store, q, 3),
		.mtime_ns = store_col_i64(i->store, q, 4),
		.ctime = store_col_i64(i->store, q, 5),
		.root = arena_span(a, store_col_text(i->store, q, 6)),
		.folder = arena_span(a, store_col_text(i->store, q, 7)),
	};
	store_reset(i->store, q);
	return !a->full || err_set(e, ERR_LIMIT, NULL, "no memory for a file's name");
}

bool
ingest_unsummed_next(struct ingest *i, int64_t dataset, struct span path, struct arena *a,
	struct ingest_unsummed *ret, struct err *e)
{
	store_i64(i->store, IQ_UNSUMMED, 1, dataset);
	store_text(i->store, IQ_UNSUMMED, 2, path.p != NULL ? path : SPAN(""));
	return read_row(i, IQ_UNSUMMED, a, ret, e);
}

bool
ingest_unsummed_one(struct ingest *i, const struct ingest_unsummed *place, struct arena *a,
	struct ingest_unsummed *ret, struct err *e)
{
	store_text(i->store, IQ_UNSUMMED_ONE, 1, place->root);
	store_text(i->store, IQ_UNSUMMED_ONE, 2, place->folder);
	store_text(i->store, IQ_UNSUMMED_ONE, 3, place->path);
	return read_row(i, IQ_UNSUMMED_ONE, a, ret, e);
}

bool
ingest_unsummed_count(struct ingest *i, uint64_t *ret_files, uint64_t *ret_bytes, struct err *e)
{
	enum store_row r = store_step(i->store, IQ_UNSUMMED_COUNT, e);

	if (r != STORE_ROW)
		return false;
	*ret_files = (uint64_t)store_col_i64(i->store, IQ_UNSUMMED_COUNT, 0);
	*ret_bytes = (uint64_t)store_col_i64(i->store, IQ_UNSUMMED_COUNT, 1);
	store_reset(i->store, IQ_UNSUMMED_COUNT);
	return true;
}

static void
bind(struct ingest *i, const struct ingest_unsummed *f, const struct ingest_digests *d)
{
	store_i64(i->store, IQ_SUM, 1, f->dataset);
	store_text(i->store, IQ_SUM, 2, f->path);
	store_i64(i->store, IQ_SUM, 3, (int64_t)f->bytes);
	store_i64(i->store, IQ_SUM, 4, f->mtime_s);
	store_i64(i->store, IQ_SUM, 5, f->mtime_ns);
	store_i64(i->store, IQ_SUM, 6, f->ctime);
	store_i64(i->store, IQ_SUM, 7, f->mtime_s * LIMIT_NS + f->mtime_ns);
	store_blob(i->store, IQ_SUM, 8, d->sha256, sizeof(d->sha256));
	store_blob(i->store, IQ_SUM, 9, d->md5, sizeof(d->md5));
	store_i64(i->store, IQ_SUM, 10, d->adler32);
	store_i64(i->store, IQ_SUM, 11, d->crc32c);
	store_i64(i->store, IQ_SUM, 12, d->crc32);
}

/* Was it this file?  Then it has digests now. */
static bool
summed(struct ingest *i, const struct ingest_unsummed *f, bool *ret, struct err *e)
{
	store_i64(i->store, IQ_SUMMED, 1, f->dataset);
	store_text(i->store, IQ_SUMMED, 2, f->path);
	enum store_row r = store_step(i->store, IQ_SUMMED, e);
	*ret = r == STORE_ROW && !store_col_null(i->store, IQ_SUMMED, 0);
	if (r == STORE_ROW)
		store_reset(i->store, IQ_SUMMED);
	return r != STORE_FAIL;
}

static bool
drop_partial(struct ingest *i, const struct ingest_unsummed *f, struct err *e)
{
	store_i64(i->store, IQ_PARTIAL_DROP, 1, f->dataset);
	store_text(i->store, IQ_PARTIAL_DROP, 2, f->path);
	return store_do(i->store, IQ_PARTIAL_DROP, e);
}

bool
ingest_digests_put(struct ingest *i, const struct ingest_unsummed *f,
	const struct ingest_digests *d, struct span blocks, bool *ret_put, struct err *e)
{
	bind(i, f, d);
	if (!store_do(i->store, IQ_SUM, e) || !summed(i, f, ret_put, e) || !drop_partial(i, f, e))
		return false;
	if (!*ret_put || f->bytes <= CATALOG_BLOCK)
		return true;
	store_i64(i->store, IQ_BLOCK_PUT, 1, f->dataset);
	store_text(i->store, IQ_BLOCK_PUT, 2, f->path);
	store_blob(i->store, IQ_BLOCK_PUT, 3, blocks.p, blocks.n);
	return store_do(i->store, IQ_BLOCK_PUT, e);
}

/* ---- how far a long file has come ---- */

static bool
read_blob(struct store *s, int col, uint8_t *ret, size_t n)
{
	struct span b = store_col_blob(s, IQ_PARTIAL, col);

	if (b.n == n)
		memcpy(ret, b.p, n);
	return b.n == n;
}

static bool
read_partial(struct store *s, struct arena *a, struct ingest_partial *p)
{
	*p = (struct ingest_partial){
		.at = (uint64_t)store_col_i64(s, IQ_PARTIAL, 0),
		.adler32 = (uint32_t)store_col_i64(s, IQ_PARTIAL, 3),
		.crc32c = (uint32_t)store_col_i64(s, IQ_PARTIAL, 4),
		.crc32 = (uint32_t)store_col_i64(s, IQ_PARTIAL, 5),
		.blocks = arena_span(a, store_col_blob(s, IQ_PARTIAL, 6)),
	};
	return read_blob(s, 1, p->sha256, sizeof(p->sha256)) &&
	       read_blob(s, 2, p->md5, sizeof(p->md5)) && !a->full;
}

bool
ingest_partial_get(struct ingest *i, const struct ingest_unsummed *f, struct arena *a,
	struct ingest_partial *ret, struct err *e)
{
	store_i64(i->store, IQ_PARTIAL, 1, f->dataset);
	store_text(i->store, IQ_PARTIAL, 2, f->path);
	enum store_row r = store_step(i->store, IQ_PARTIAL, e);
	if (r != STORE_ROW)
		return r == STORE_END && err_set(e, ERR_ABSENT, NULL, "nothing of this file");
	bool ok = read_partial(i->store, a, ret);
	store_reset(i->store, IQ_PARTIAL);
	ok = ok && ret->at > 0 && ret->at <= f->bytes && ret->at % CATALOG_BLOCK == 0 &&
	     ret->blocks.n == ret->at / CATALOG_BLOCK * sizeof(ret->sha256);
	return ok || err_set(e, ERR_ABSENT, NULL, "nothing of use of this file");
}

bool
ingest_partial_put(struct ingest *i, const struct ingest_unsummed *f,
	const struct ingest_partial *p, struct err *e)
{
	struct store *s = i->store;

	store_i64(s, IQ_PARTIAL_PUT, 1, f->dataset);
	store_text(s, IQ_PARTIAL_PUT, 2, f->path);
	store_i64(s, IQ_PARTIAL_PUT, 3, (int64_t)p->at);
	store_blob(s, IQ_PARTIAL_PUT, 4, p->sha256, sizeof(p->sha256));
	store_blob(s, IQ_PARTIAL_PUT, 5, p->md5, sizeof(p->md5));
	store_i64(s, IQ_PARTIAL_PUT, 6, p->adler32);
	store_i64(s, IQ_PARTIAL_PUT, 7, p->crc32c);
	store_i64(s, IQ_PARTIAL_PUT, 8, p->crc32);
	store_blob(s, IQ_PARTIAL_PUT, 9, p->blocks.p, p->blocks.n);
	store_i64(s, IQ_PARTIAL_PUT, 10, (int64_t)f->bytes);
	store_i64(s, IQ_PARTIAL_PUT, 11, f->mtime_s);
	store_i64(s, IQ_PARTIAL_PUT, 12, f->mtime_ns);
	store_i64(s, IQ_PARTIAL_PUT, 13, f->ctime);
	return store_do(s, IQ_PARTIAL_PUT, e);
}
