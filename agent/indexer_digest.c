/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/indexer_digest.h"

#include "agent/base/arena.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "agent/catalog/catalog.h"
#include "agent/catalog/ingest_digest.h"
#include "agent/catalog/limits.h"
#include "agent/indexer_sum.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIGEST_ARENA   (((size_t)64 << 20) + (size_t)4 * LIMIT_PATH) /* names, blocks of 128 TiB */
#define DIGEST_RESULTS 256U                                          /* files in one transaction, */
#define DIGEST_BYTES   (1UL << 20) /* with their names and blocks, */
#define DIGEST_BATCH   (DIGEST_BYTES + DIGEST_ARENA)
#define DIGEST_MS      1000U   /* or what there is after so long */
#define DIGEST_KEEP_MS 2000U   /* between two notes of how far a long file came */
#define DIGEST_SOON    64U     /* long files that somebody asked for */
#define DIGEST_FAILED  64U     /* files that are left alone */
#define DIGEST_REST_MS 3600000 /* for so long */
#define DIGEST_TELL_MS 1000U
#define DIGEST_COUNT   10000U /* ms */

/* A file whose digests are not written down yet. */
struct result {
	struct ingest_unsummed file; /* its path and the blocks lie in `batch` */
	struct ingest_digests digests;
	struct span blocks;
};

/* A file at hand. */
struct seat {
	int fd; /* -1: none */
	struct indexer_sum *sum;
	struct arena mem; /* of the strings of `file` */
	struct ingest_unsummed file;
	uint64_t at, kept_ms;
};

struct failed {
	uint64_t what, until_ms;
};

struct indexer_digest {
	struct indexer_digest_world world;
	struct seat turn, late; /* of the order, of who waits */
	struct arena batch;
	struct result *results;
	size_t n_results;
	uint64_t since_ms; /* of the first of them */
	int64_t dataset;   /* behind this one, and this path, is the next file */
	struct buf path;
	bool end;
	bool again; /* the file at hand lies behind that: its row must not be found once more */
	struct buf soon[DIGEST_SOON]; /* root, folder and path, each with a NUL behind it */
	size_t n_soon;
	struct failed failed[DIGEST_FAILED];
	size_t n_failed; /* that ever were */
	int64_t due_us;
	uint64_t files, bytes; /* without digests */
	uint64_t counted_ms, told_ms;
	bool stale; /* files and bytes are to be counted */
};

/* ---- life ---- */

static bool
seat_new(struct seat *s, struct err *e)
{
	s->fd = -1;
	return arena_init(&s->mem, DIGEST_ARENA) && indexer_sum_new(&s->sum, e);
}

static void
seat_free(struct seat *s)
{
	scope_close(&s->fd);
	indexer_sum_free(s->sum);
	arena_fini(&s->mem);
}

bool
indexer_digest_new(const struct indexer_digest_world *w, struct indexer_digest **ret, struct err *e)
{
	struct indexer_digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for digests");
	d->world = *w;
	d->path.max = LIMIT_PATH + 1;
	d->stale = true;
	d->turn.fd = -1;
	d->late.fd = -1;
	for (size_t i = 0; i < DIGEST_SOON; i++)
		d->soon[i].max = (size_t)3 * (LIMIT_PATH + 1);
	d->results = calloc(DIGEST_RESULTS, sizeof(*d->results));
	if (d->results == NULL || !arena_init(&d->batch, DIGEST_BATCH) || !seat_new(&d->turn, e) ||
		!seat_new(&d->late, e)) {
		indexer_digest_free(d);
		return err_set(e, ERR_LIMIT, NULL, "no memory for digests");
	}
	*ret = d;
	return true;
}

void
indexer_digest_free(struct indexer_digest *d)
{
	if (d == NULL)
		return;
	if (d->results != NULL)
		(void)indexer_digest_flush(d, NULL);
	seat_free(&d->turn);
	seat_free(&d->late);
	for (size_t i = 0; i < DIGEST_SOON; i++)
		buf_fini(&d->soon[i]);
	arena_fini(&d->batch);
	free(d->results);
	buf_fini(&d->path);
	free(d);
}

void
indexer_digest_rewind(struct indexer_digest *d)
{
	(void)indexer_digest_flush(d, NULL);
	d->dataset = 0;
	d->end = false;
	d->again = d->turn.fd >= 0;
	d->stale = true;
	buf_reset(&d->path);
}

/* ---- files that failed ---- */

/* Which file as it is now (FNV-1a, 64 bits): a mistake leaves one file without digests for a while.
 */
static uint64_t
mark_of(const struct ingest_unsummed *f)
{
	const uint64_t more[] = {(uint64_t)f->dataset, f->bytes, (uint64_t)f->ctime};
	uint64_t h = 0xcbf29ce484222325U;

	for (size_t i = 0; i < f->path.n; i++)
		h = (h ^ (uint8_t)f->path.p[i]) * 0x100000001b3U;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		h = (h ^ more[i]) * 0x100000001b3U;
	return h;
}

static void
note_failed(struct indexer_digest *d, const struct ingest_unsummed *f)
{
	d->failed[d->n_failed++ % DIGEST_FAILED] =
		(struct failed){mark_of(f), (uint64_t)proc_now_ms() + DIGEST_REST_MS};
}

static bool
has_failed(const struct indexer_digest *d, const struct ingest_unsummed *f)
{
	uint64_t mark = mark_of(f);

	for (size_t i = 0; i < DIGEST_FAILED; i++)
		if (d->failed[i].what == mark && (uint64_t)proc_now_ms() < d->failed[i].until_ms)
			return true;
	return false;
}

/* ---- a file ---- */

static int
open_beneath(int at, struct span name, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
		.resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	char path[LIMIT_PATH + 1];

	if (at < 0 || !span_cstr(name.n > 0 ? name : SPAN("."), path, sizeof(path)))
		return -1;
	return (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
}

/* As the gate opens it: a link may lead to files of the same dataset alone. */
static int
open_file(const struct indexer_digest *d, const struct ingest_unsummed *f)
{
	const struct settings *s = d->world.settings;
	size_t i = 0;

	while (i < s->n_roots && !span_is(f->root, s->roots[i].name))
		i++;
	if (i == s->n_roots)
		return -1;
	AUTO_FD folder = open_beneath(
		d->world.root[i].fd, f->folder, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	return open_beneath(folder, f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

static bool
is_it(int fd, const struct ingest_unsummed *f)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == f->bytes &&
	       st.st_mtim.tv_sec == f->mtime_s && st.st_mtim.tv_nsec == f->mtime_ns &&
	       st.st_ctim.tv_sec * LIMIT_NS + st.st_ctim.tv_nsec == f->ctime;
}

static void
seat_leave(struct seat *s)
{
	scope_close(&s->fd);
	s->fd = -1;
}

/* Open s->file, and go on where somebody came to before. */
static bool
seat_take(struct indexer_digest *d, struct seat *s, struct err *e)
{
	struct ingest_partial p;

	if (has_failed(d, &s->file))
		return err_set(e, ERR_RANGE, NULL, "could not be read a while ago");
	s->fd = open_file(d, &s->file);
	if (s->fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "cannot be opened");
	if (!is_it(s->fd, &s->file)) {
		seat_leave(s);
		return err_set(e, ERR_RANGE, NULL, "has changed since it was indexed");
	}
	if (s->file.bytes <= CATALOG_BLOCK ||
		!ingest_partial_get(d->world.ingest, &s->file, &s->mem, &p, NULL) ||
		!indexer_sum_resume(s->sum, s->file.bytes, &p, NULL)) {
		indexer_sum_start(s->sum, s->file.bytes);
		p.at = 0;
	}
	s->at = p.at;
	s->kept_ms = (uint64_t)proc_now_ms();
	return true;
}

/* ---- what is written down ---- */

static bool
put_all(struct indexer_digest *d, struct err *e)
{
	bool put = false;

	for (size_t i = 0; i < d->n_results; i++) {
		const struct result *r = &d->results[i];
		if (!ingest_digests_put(d->world.ingest, &r->file, &r->digests, r->blocks, &put, e))
			return false;
		if (put && d->files > 0)
			d->files--;
		if (put)
			d->bytes -= r->file.bytes < d->bytes ? r->file.bytes : d->bytes;
	}
	return true;
}

bool
indexer_digest_flush(struct indexer_digest *d, struct err *e)
{
	struct ingest *i = d->world.ingest;
	bool ok = true;

	if (d->n_results > 0) {
		ok = ingest_begin(i, e) && put_all(d, e) && ingest_commit(i, e);
		if (!ok)
			ingest_rollback(i);
	}
	d->n_results = 0;
	arena_reset(&d->batch);
	return ok;
}

/* Into the batch. */
static bool
remember(struct indexer_digest *d, struct seat *s, struct err *e)
{
	struct result r = {.file = s->file};
	uint64_t now = (uint64_t)proc_now_ms();

	if (!indexer_sum_end(s->sum, &r.digests, &r.blocks, e))
		return false;
	r.file.path = arena_span(&d->batch, s->file.path);
	r.blocks = arena_span(&d->batch, r.blocks);
	if (d->batch.full)
		return err_set(e, ERR_LIMIT, NULL, "no memory for digests");
	if (d->n_results == 0)
		d->since_ms = now;
	d->results[d->n_results++] = r;
	bool again = d->again;
	d->again = false;
	if (again || d->n_results == DIGEST_RESULTS || d->batch.used > DIGEST_BYTES ||
		now - d->since_ms > DIGEST_MS)
		return indexer_digest_flush(d, e);
	return true;
}

/* How far a long file came, if it is time. */
static bool
keep_partial(struct indexer_digest *d, struct seat *s, struct err *e)
{
	struct ingest_partial p;
	uint64_t now = (uint64_t)proc_now_ms();

	if (now - s->kept_ms < DIGEST_KEEP_MS || s->at == s->file.bytes ||
		!indexer_sum_partial(s->sum, &p))
		return true;
	s->kept_ms = now;
	bool ok = ingest_begin(d->world.ingest, e) &&
		  ingest_partial_put(d->world.ingest, &s->file, &p, e) &&
		  ingest_commit(d->world.ingest, e);
	if (!ok)
		ingest_rollback(d->world.ingest);
	return ok;
}

/* ---- a piece ---- */

static enum indexer_digest_step
end(struct indexer_digest *d, struct seat *s, struct err *e)
{
	bool same = is_it(s->fd, &s->file);

	seat_leave(s);
	if (!same) {
		(void)err_set(e, ERR_RANGE, NULL, "changed while it was read");
		return DIGEST_SKIPPED;
	}
	return remember(d, s, e) ? DIGEST_DONE : DIGEST_SKIPPED;
}

static void
pace(struct indexer_digest *d, size_t n)
{
	unsigned rate = d->world.settings->digest_rate; /* MiB a second */
	int64_t now = (int64_t)proc_now_ms() * 1000;

	if (d->due_us < now)
		d->due_us = now;
	if (rate > 0)
		d->due_us += (int64_t)(n * 1000000 / ((uint64_t)rate << 20));
}

static enum indexer_digest_step
piece(struct indexer_digest *d, struct seat *s, struct err *e)
{
	size_t n = 0;

	if (!indexer_sum_piece(s->sum, s->fd, &n, e)) {
		note_failed(d, &s->file);
		seat_leave(s);
		return DIGEST_SKIPPED;
	}
	s->at += n;
	metric_add(d->world.metrics, METRIC_DIGESTED_BYTES, (int64_t)n);
	if (s == &d->turn)
		pace(d, n);
	if (n == 0)
		return end(d, s, e);
	if (!keep_partial(d, s, e)) {
		seat_leave(s);
		return DIGEST_SKIPPED;
	}
	return DIGEST_MORE;
}

int
indexer_digest_pause(const struct indexer_digest *d)
{
	int64_t wait = d->due_us / 1000 - (int64_t)proc_now_ms();

	return wait > 0 ? (int)(wait < 60000 ? wait : 60000) : 0;
}

/* ---- which file ---- */

static struct indexer_digest_file
file_of(const struct seat *s)
{
	return (struct indexer_digest_file){
		s->file.root, s->file.folder, s->file.path, s->file.bytes};
}

static bool
is_at(const struct seat *s, const struct indexer_digest_file *f)
{
	return s->fd >= 0 && span_eq(s->file.path, f->path) && span_eq(s->file.root, f->root) &&
	       span_eq(s->file.folder, f->folder);
}

/* The catalogue's row of a file that was asked for into s->file; false: it needs nothing. */
static bool
look_up(struct indexer_digest *d, struct seat *s, const struct indexer_digest_file *f)
{
	const struct ingest_unsummed place = {
		.root = f->root, .folder = f->folder, .path = f->path};

	arena_reset(&s->mem);
	return indexer_digest_flush(d, NULL) &&
	       ingest_unsummed_one(d->world.ingest, &place, &s->mem, &s->file, NULL);
}

static void
add_soon(struct indexer_digest *d, const struct indexer_digest_file *f)
{
	const struct span part[] = {f->root, f->folder, f->path};
	struct buf *at = &d->soon[d->n_soon];

	if (d->n_soon == DIGEST_SOON)
		return; /* it comes to it in order */
	buf_reset(at);
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		buf_add(at, part[i]);
		buf_addc(at, '\0');
	}
	for (size_t i = 0; i < d->n_soon; i++)
		if (span_eq(buf_span(&d->soon[i]), buf_span(at)))
			return;
	if (buf_ok(at))
		d->n_soon++;
	d->end = false;
}

/* The oldest that somebody asked for. */
static bool
take_soon(struct indexer_digest *d)
{
	while (d->n_soon > 0) {
		struct buf first = d->soon[0];
		struct span rest = buf_span(&first);
		struct indexer_digest_file f = {.root = span_cut(&rest, '\0')};
		f.folder = span_cut(&rest, '\0');
		f.path = span_cut(&rest, '\0');
		bool found = look_up(d, &d->turn, &f);
		d->n_soon--;
		memmove(&d->soon[0], &d->soon[1], d->n_soon * sizeof(d->soon[0]));
		d->soon[d->n_soon] = first;
		if (found)
			return true;
	}
	return false;
}

/* The next one into the seat, in order; false: none, and *e may say that the catalogue failed. */
static bool
take_next(struct indexer_digest *d, struct err *e)
{
	struct seat *s = &d->turn;

	if (take_soon(d))
		return true;
	arena_reset(&s->mem);
	if (!ingest_unsummed_next(
		    d->world.ingest, d->dataset, buf_span(&d->path), &s->mem, &s->file, e))
		return false;
	d->dataset = s->file.dataset;
	buf_reset(&d->path);
	buf_add(&d->path, s->file.path);
	return true;
}

static void
finish(struct indexer_digest *d, struct err *e)
{
	d->end = true;
	d->told_ms = 0; /* the last numbers are told at once */
	if (e->code == ERR_ABSENT)
		*e = (struct err){0};
	if (e->code == ERR_NONE)
		(void)indexer_digest_flush(d, e);
}

enum indexer_digest_step
indexer_digest_next(struct indexer_digest *d, struct indexer_digest_file *ret, struct err *e)
{
	if (d->turn.fd < 0) {
		if (d->end)
			return DIGEST_END;
		if (!take_next(d, e)) {
			finish(d, e);
			return DIGEST_END;
		}
		*ret = file_of(&d->turn);
		if (!seat_take(d, &d->turn, e))
			return DIGEST_SKIPPED;
	}
	*ret = file_of(&d->turn);
	return piece(d, &d->turn, e);
}

static enum indexer_digest_step
piece_now(struct indexer_digest *d, struct seat *s, struct err *e)
{
	enum indexer_digest_step got = piece(d, s, e);

	if (got == DIGEST_DONE && !indexer_digest_flush(d, e))
		return DIGEST_SKIPPED;
	return got;
}

enum indexer_digest_step
indexer_digest_one(struct indexer_digest *d, const struct indexer_digest_file *f, struct err *e)
{
	struct seat *s = &d->late;

	if (is_at(&d->turn, f)) {
		if (d->turn.file.bytes - d->turn.at > DIGEST_LATE_MAX)
			return DIGEST_END;
		return piece_now(d, &d->turn, e);
	}
	if (!is_at(s, f)) {
		seat_leave(s);
		if (!look_up(d, s, f))
			return DIGEST_END;
		if (!seat_take(d, s, e))
			return DIGEST_SKIPPED;
	}
	if (s->file.bytes - s->at > DIGEST_LATE_MAX) {
		seat_leave(s);
		add_soon(d, f);
		return DIGEST_END;
	}
	return piece_now(d, s, e);
}

/* ---- what is told ---- */

void
indexer_digest_tell(struct indexer_digest *d)
{
	uint64_t now = (uint64_t)proc_now_ms();
	uint64_t bytes = 0;

	if (d->world.metrics == NULL || now - d->told_ms < DIGEST_TELL_MS)
		return;
	d->told_ms = now;
	if (d->stale && now - d->counted_ms > DIGEST_COUNT) {
		d->stale = !ingest_unsummed_count(d->world.ingest, &d->files, &d->bytes, NULL);
		d->counted_ms = now;
	}
	bytes = d->turn.fd >= 0 ? d->turn.at : 0;
	metric_set(d->world.metrics, METRIC_UNDIGESTED_FILES, (int64_t)d->files);
	metric_set(d->world.metrics, METRIC_UNDIGESTED_BYTES,
		(int64_t)(d->bytes - (bytes < d->bytes ? bytes : d->bytes)));
}
