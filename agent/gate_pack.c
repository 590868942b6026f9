/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_pack.h"

#include "agent/base/base64.h"
#include "agent/base/civil.h"
#include "agent/base/crypto.h"
#include "agent/base/jsonw.h"
#include "agent/gate_data.h"

#include <string.h>

#define BATCH    1000U               /* rows of the catalogue at a time */
#define LEFT_MAX (4UL * 1024 * 1024) /* bytes about what is left out */
#define TEXT_MAX (8UL * 1024 * 1024) /* of the manifest */
#define TAG_SIZE 16U                 /* bytes of the hash that make an ETag */
#define NAMES    8U                  /* names that the manifest may have */

/* A dataset whose pid leads to names of this one. */
struct other {
	struct span pid, below; /* below: behind this dataset's pid and the slash */
	bool hidden;            /* it is not there for the asker: the name leads here */
	struct decision decision;
};

struct packer {
	struct gate_desk *d;
	const struct gate_case *c;
	struct gate_pack *p;
	struct err *e;
	struct buf path; /* "/data/PID/", and a member behind it */
	size_t prefix;
	struct other *other;
	size_t n_other;
	struct crypto_digest *hash;
	struct buf left; /* JSON list of what is left out */
	struct jsonw json;
	unsigned taken; /* names of the manifest that are a member's: bits */
	bool no_crc;
};

static bool
too_large(struct packer *k)
{
	return err_set(k->e, ERR_LIMIT, NULL,
		"this would be too much for one archive (at most %u members): choose parts of it "
		"with file=FOLDER/ or glob=PATTERN",
		ARCHIVE_MEMBERS_MAX);
}

/* ---- the hash ---- */

static void
hash_u64(struct packer *k, uint64_t v)
{
	uint8_t le[8];

	for (unsigned i = 0; i < 8; i++)
		le[i] = (uint8_t)(v >> (8 * i));
	(void)crypto_digest_add(k->hash, le, sizeof(le));
}

static void
hash_span(struct packer *k, struct span s)
{
	hash_u64(k, s.n);
	(void)crypto_digest_add(k->hash, s.p, s.n);
}

/* What makes this member another one: its digest, or as long as that is not recorded, its time. */
static void
hash_member(struct packer *k, const struct catalog_file *f, uint32_t crc)
{
	hash_span(k, f->path);
	hash_u64(k, f->bytes);
	hash_u64(k, (uint64_t)f->mtime_s);
	hash_u64(k, crc);
	if (f->has_digests)
		hash_span(k, (struct span){(const char *)f->sha256, sizeof(f->sha256)});
	else
		hash_u64(k, (uint64_t)f->mtime_ns);
}

static bool
tag_make(struct packer *k)
{
	uint8_t hash[CRYPTO_DIGEST_MAX];
	size_t n = 0;
	AUTO_BUF tag = BUF_INIT(sizeof(k->p->etag));

	if (!crypto_digest_end(k->hash, hash, &n) || n < TAG_SIZE)
		return err_set(k->e, ERR_SYSTEM, NULL, "SHA-256");
	buf_addc(&tag, '"');
	base64_url_encode(&tag, hash, TAG_SIZE);
	buf_addc(&tag, '"');
	return span_cstr(buf_span(&tag), k->p->etag, sizeof(k->p->etag)) ||
	       err_set(k->e, ERR_SYSTEM, NULL, "ETag");
}

/* ---- what is left out ---- */

static void
left_start(struct packer *k, const struct catalog_file *f, struct span reason)
{
	k->p->left_out++;
	jsonw_obj(&k->json, NULL);
	jsonw_str(&k->json, "path", f->path);
	jsonw_u64(&k->json, "size", f->bytes);
	jsonw_bool(&k->json, "digests", f->has_digests);
	jsonw_str(&k->json, "reason", reason);
}

static void
left_name(struct packer *k, const struct catalog_file *f)
{
	left_start(k, f, SPAN("name"));
	jsonw_cstr(
		&k->json, "detail", "an archive may not hold such a name; download it by itself");
	jsonw_end(&k->json, '}');
}

static void
left_denied(struct packer *k, const struct catalog_file *f, const struct decision *n)
{
	AUTO_BUF date = BUF_INIT(64);

	left_start(k, f, n->reason.p != NULL ? n->reason : SPAN("denied"));
	jsonw_u64(&k->json, "status", (uint64_t)n->status);
	jsonw_str(&k->json, "rule", n->rule);
	if (n->has_release)
		civil_write_iso(&date, (int64_t)n->release_date * 86400);
	jsonw_str(&k->json, "release_date",
		n->has_release ? span_first(buf_span(&date), 10) : SPAN_NONE);
	jsonw_end(&k->json, '}');
	if (k->p->has_refused)
		return;
	k->p->has_refused = true;
	k->p->refused = *n;
}

static void
left_elsewhere(struct packer *k, const struct catalog_file *f, const struct other *o)
{
	left_start(k, f, SPAN("other-dataset"));
	jsonw_str(&k->json, "pid", o->pid);
	jsonw_end(&k->json, '}');
}

/* ---- other datasets ---- */

static bool
find_others(struct packer *k)
{
	struct span *list = NULL;
	size_t n = 0;

	if (!catalog_below(k->d->catalog, k->c->dataset.pid, &k->d->mem, &list, &n, k->e))
		return false;
	k->other = arena_array(&k->d->mem, n, sizeof(*k->other));
	for (size_t i = 0; i < n && k->other != NULL; i++) {
		struct gate_case it = *k->c;
		struct other *o = &k->other[k->n_other++];
		if (!catalog_by_pid(k->d->catalog, list[i], &k->d->mem, &it.dataset, k->e) ||
			!gate_data_judge(k->d, &it, ACTION_DATA_READ, k->e))
			return false;
		*o = (struct other){
			.pid = list[i],
			.below = span_skip(list[i], k->c->dataset.pid.n + 1),
			.hidden = !it.decision.permit && it.decision.status == 404,
			.decision = it.decision,
		};
	}
	return n == 0 || k->other != NULL || err_set(k->e, ERR_LIMIT, NULL, "no memory");
}

/* Where the name leads: the longest pid that is not hidden; NULL: to this dataset. */
static const struct other *
other_of(const struct packer *k, struct span path)
{
	const struct other *best = NULL;

	for (size_t i = 0; i < k->n_other; i++) {
		const struct other *o = &k->other[i];
		if (!o->hidden && span_starts(path, o->below) &&
			(path.n == o->below.n || path.p[o->below.n] == '/') &&
			(best == NULL || best->below.n < o->below.n))
			best = o;
	}
	return best;
}

/* ---- members ---- */

/* Does the token cover it? */
static bool
covered(struct packer *k, struct span path)
{
	struct auth_refusal why;

	if (!k->c->subject.scoped)
		return true;
	k->path.n = k->prefix;
	buf_add(&k->path, path);
	return auth_covers(k->d->gate->auth, &k->c->subject, buf_span(&k->path), &k->d->mem, &why);
}

static struct span
manifest_name(unsigned i)
{
	static const struct span names[NAMES] = {SPAN_INIT("MANIFEST.json"),
		SPAN_INIT("MANIFEST-1.json"), SPAN_INIT("MANIFEST-2.json"),
		SPAN_INIT("MANIFEST-3.json"), SPAN_INIT("MANIFEST-4.json"),
		SPAN_INIT("MANIFEST-5.json"), SPAN_INIT("MANIFEST-6.json"),
		SPAN_INIT("MANIFEST-7.json")};

	return names[i];
}

/* A member of that name, or a folder. */
static void
note_name(struct packer *k, struct span path)
{
	struct span rest = path;
	struct span first = span_cut(&rest, '/');

	if (!span_starts(first, SPAN("MANIFEST")))
		return;
	for (unsigned i = 0; i < NAMES; i++)
		if (span_eq(first, manifest_name(i)))
			k->taken |= 1U << i;
}

static bool
add_member(struct packer *k, const struct catalog_file *f)
{
	struct archive_member m = {
		.path = f->path,
		.size = f->bytes,
		.mtime_s = f->mtime_s,
		.mtime_ns = (uint32_t)f->mtime_ns,
		.crc = f->has_digests ? f->crc32 : 0,
	};

	k->no_crc = k->no_crc || !f->has_digests;
	if (k->p->members == ARCHIVE_MEMBERS_MAX)
		return too_large(k);
	if (k->p->members == 0 || f->mtime_s > k->p->modified)
		k->p->modified = f->mtime_s;
	k->p->members++;
	k->p->bytes += f->bytes;
	note_name(k, f->path);
	archive_plan_member(&k->d->body, &m);
	hash_member(k, f, m.crc);
	return true;
}

static bool
take(struct packer *k, const struct catalog_file *f)
{
	if (!choice_all(&k->p->choice) && !choice_takes(&k->p->choice, f->path))
		return k->p->choice.work > 0 ||
		       err_set(k->e, ERR_LIMIT, NULL,
			       "these patterns take too long; use simpler ones, or file=FOLDER/");
	if (!covered(k, f->path)) {
		k->p->narrowed = true;
		return true;
	}
	const struct other *o = other_of(k, f->path);
	if (o != NULL && o->decision.permit)
		left_elsewhere(k, f, o);
	else if (o != NULL)
		left_denied(k, f, &o->decision);
	else if (!archive_path_ok(f->path))
		left_name(k, f);
	else
		return add_member(k, f);
	return true;
}

/* ---- the catalogue, batch by batch ---- */

static bool
batch(struct packer *k, struct span prefix, struct span after, size_t *ret_n, struct buf *last)
{
	struct catalog_file *f = NULL;
	size_t n = 0;

	if (!catalog_files(k->d->catalog, k->c->dataset.id, after, BATCH, &k->d->mem, &f, &n, k->e))
		return false;
	*ret_n = n;
	for (size_t i = 0; i < n; i++) {
		if (!span_starts(f[i].path, prefix)) {
			*ret_n = 0;
			return true;
		}
		if (!take(k, &f[i]))
			return false;
	}
	buf_reset(last);
	if (n > 0)
		buf_add(last, f[n - 1].path);
	return (buf_ok(&k->d->body) && buf_ok(&k->left)) || too_large(k);
}

/* All whose paths begin with it. */
static bool
walk(struct packer *k, struct span prefix)
{
	AUTO_BUF last = BUF_INIT(ARCHIVE_PATH_MAX * 2);
	size_t mark = k->d->mem.used;
	size_t n = 0;

	buf_add(&last, prefix);
	do {
		struct span after = last.n > 0 ? buf_span(&last) : SPAN_NONE;
		bool ok = batch(k, prefix, after, &n, &last);
		arena_rewind(&k->d->mem, mark);
		if (!ok)
			return false;
	} while (n == BATCH);
	return true;
}

static bool
one(struct packer *k, struct span path)
{
	size_t mark = k->d->mem.used;
	struct catalog_file f = {0};
	struct err e = {0};

	bool ok = catalog_file_get(k->d->catalog, k->c->dataset.id, path, &k->d->mem, &f, &e)
			  ? take(k, &f)
			  : e.code == ERR_ABSENT; /* choice_unmet tells of it */
	arena_rewind(&k->d->mem, mark);
	if (!ok && e.code != ERR_NONE)
		*k->e = e;
	return ok;
}

/* What was chosen, in byte order: file and folder of a choice do not overlap, and stand in order.
 */
static bool
members(struct packer *k)
{
	const struct choice *c = &k->p->choice;

	if (c->n_file == 0 || c->n_glob > 0)
		return walk(k, SPAN(""));
	for (size_t i = 0; i < c->n_file; i++) {
		struct span path = c->file[i].path;
		if (!(span_ends(path, SPAN("/")) ? walk(k, path) : one(k, path)))
			return false;
	}
	return true;
}

/* ---- the manifest ---- */

static void
write_choice(struct jsonw *w, const struct choice *c)
{
	jsonw_list(w, "file");
	for (size_t i = 0; i < c->n_file; i++)
		jsonw_str(w, NULL, c->file[i].path);
	jsonw_end(w, ']');
	jsonw_list(w, "glob");
	for (size_t i = 0; i < c->n_glob; i++)
		jsonw_str(w, NULL, choice_pattern(c, i));
	jsonw_end(w, ']');
}

static void
write_manifest(struct packer *k, struct buf *out)
{
	struct jsonw w;

	jsonw_end(&k->json, ']');
	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "pid", k->c->dataset.pid);
	jsonw_str(&w, "licence", k->c->decision.licence);
	jsonw_obj(&w, "chosen");
	write_choice(&w, &k->p->choice);
	jsonw_end(&w, '}');
	jsonw_u64(&w, "members", k->p->members);
	jsonw_u64(&w, "bytes", k->p->bytes);
	jsonw_bool(&w, "complete", k->p->left_out == 0 && !k->p->narrowed);
	/* Which paths a token covers is between its holder and the issuer. */
	jsonw_bool(&w, "token_covers_all", !k->p->narrowed);
	jsonw_raw(&w, "left_out", buf_span(&k->left));
	jsonw_end(&w, '}');
	buf_addc(out, '\n');
}

static bool
finish(struct packer *k)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	struct archive_last last = {.crc = !k->no_crc, .mtime = k->p->modified};
	unsigned i = 0;

	write_manifest(k, &text);
	while (i + 1 < NAMES && (k->taken >> i & 1) != 0)
		i++;
	last.name = manifest_name(i);
	last.text = buf_span(&text);
	archive_plan_end(&k->d->body, &last);
	hash_span(k, last.name);
	hash_span(k, last.text);
	k->p->late = k->p->form == ARCHIVE_ZIP && k->no_crc;
	hash_u64(k, k->p->late);
	if (!buf_ok(&text) || !buf_ok(&k->d->body) || k->d->body.n > ARCHIVE_PLAN_MAX)
		return too_large(k);
	return tag_make(k);
}

static bool
build(struct packer *k)
{
	AUTO_BUF dir = BUF_INIT(ARCHIVE_DIR_MAX);
	struct archive_top top = {.form = k->p->form};

	archive_dir(k->c->dataset.pid, &dir);
	buf_adds(&k->path, "/data/");
	buf_add(&k->path, k->c->dataset.pid);
	buf_addc(&k->path, '/');
	k->prefix = k->path.n;
	top.dir = buf_span(&dir);
	top.prefix = buf_span(&k->path);
	buf_reset(&k->d->body);
	archive_plan_start(&k->d->body, &top);
	hash_u64(k, top.form);
	hash_span(k, top.dir);
	jsonw_init(&k->json, &k->left);
	jsonw_list(&k->json, NULL);
	return find_others(k) && members(k) && finish(k);
}

bool
gate_pack(struct gate_desk *d, const struct gate_case *c, struct gate_pack *p, struct err *e)
{
	size_t mark = d->mem.used;
	struct packer k = {
		.d = d,
		.c = c,
		.p = p,
		.e = e,
		.path = BUF_INIT(ARCHIVE_PATH_MAX * 2),
		.left = BUF_INIT(LEFT_MAX),
	};

	bool ok = crypto_digest_new(CRYPTO_HASH_SHA256, &k.hash, e) && build(&k);
	crypto_digest_free(k.hash);
	buf_fini(&k.path);
	buf_fini(&k.left);
	arena_rewind(&d->mem, mark);
	return ok;
}
