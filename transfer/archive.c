/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/archive.h"

#include "agent/base/checksum.h"
#include "agent/base/unpack.h"
#include "transfer/tar.h"
#include "transfer/zip.h"

#include <stdlib.h>
#include <string.h>

/* A plan: this, a byte for the form, two spans; then records, each behind its letter. */
static const char magic[8] = "panplan1";

#define IS_MEMBER 'm'
#define IS_LAST   'z'
#define NS_MAX    999999999U

/* ---- names ---- */

static bool
segment_ok(struct span s)
{
	return s.n > 0 && !span_is(s, ".") && !span_is(s, "..");
}

bool
archive_path_ok(struct span path)
{
	if (path.n == 0 || path.n > ARCHIVE_PATH_MAX || span_has(path, '\\') || !span_utf8(path) ||
		span_control(path))
		return false;
	while (path.p != NULL)
		if (!segment_ok(span_cut(&path, '/')))
			return false;
	return true;
}

static bool
dir_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

void
archive_dir(struct span pid, struct buf *out)
{
	for (size_t i = 0; i < pid.n; i++)
		buf_addc(out, dir_char(pid.p[i]) && (i > 0 || pid.p[i] != '.') ? pid.p[i] : '_');
}

static bool
dir_ok(struct span dir)
{
	for (size_t i = 0; i < dir.n; i++)
		if (!dir_char(dir.p[i]))
			return false;
	return dir.n > 0 && dir.n <= ARCHIVE_DIR_MAX && dir.p[0] != '.';
}

/* "/data/10.5072/abc/" */
static bool
prefix_ok(struct span p)
{
	return span_starts(p, SPAN("/")) && span_ends(p, SPAN("/")) && p.n > 2 &&
	       p.n <= ARCHIVE_PATH_MAX && span_utf8(p) && !span_control(p);
}

/* ---- writing a plan ---- */

static void
put(struct buf *out, uint64_t v, unsigned bytes)
{
	char le[8];

	for (unsigned i = 0; i < bytes; i++)
		le[i] = (char)(v >> (8 * i));
	buf_add(out, (struct span){le, bytes});
}

static void
put_span(struct buf *out, struct span s)
{
	put(out, s.n, 4);
	buf_add(out, s);
}

void
archive_plan_start(struct buf *out, const struct archive_top *t)
{
	buf_add(out, (struct span){magic, sizeof(magic)});
	put(out, t->form, 1);
	put_span(out, t->dir);
	put_span(out, t->prefix);
}

void
archive_plan_member(struct buf *out, const struct archive_member *m)
{
	buf_addc(out, IS_MEMBER);
	put(out, m->size, 8);
	put(out, (uint64_t)m->mtime_s, 8);
	put(out, m->mtime_ns, 4);
	put(out, m->crc, 4);
	put_span(out, m->path);
}

void
archive_plan_end(struct buf *out, const struct archive_last *l)
{
	buf_addc(out, IS_LAST);
	put(out, l->crc ? 1 : 0, 1);
	put(out, (uint64_t)l->mtime, 8);
	put_span(out, l->name);
	put_span(out, l->text);
}

/* ---- reading one ---- */

struct entry {
	uint64_t at;      /* of its head */
	uint32_t record;  /* in the plan, behind the letter; of the text: 0 */
	uint32_t central; /* zip: from the beginning of the directory */
};

struct archive {
	struct span plan;
	struct archive_top top;
	struct archive_last last;
	struct entry *entry; /* n of them */
	size_t n, room;
	uint32_t text_crc;
	struct zip_end end; /* tar: `at` alone, where the last data have ended */
	uint64_t size;
};

static void
read_member(struct unpack *u, struct archive_member *m)
{
	m->size = unpack_le(u, 8);
	m->mtime_s = (int64_t)unpack_le(u, 8);
	m->mtime_ns = (uint32_t)unpack_le(u, 4);
	m->crc = (uint32_t)unpack_le(u, 4);
	m->path = unpack_span(u, ARCHIVE_PATH_MAX);
}

static bool
member_ok(const struct archive_member *m, struct span before)
{
	return archive_path_ok(m->path) && m->size <= INT64_MAX && m->mtime_ns <= NS_MAX &&
	       (before.p == NULL || span_cmp(before, m->path) < 0);
}

static bool
entry_add(struct archive *a, uint32_t record)
{
	if (a->n == a->room) {
		size_t room = a->room > 0 ? a->room * 2 : 64;
		struct entry *more = reallocarray(a->entry, room, sizeof(*more));
		if (more == NULL)
			return false;
		a->entry = more;
		a->room = room;
	}
	a->entry[a->n++] = (struct entry){.record = record};
	return true;
}

static bool
read_members(struct archive *a, struct unpack *u, struct err *e)
{
	struct archive_member m;
	struct span before = SPAN_NONE;
	char letter = '\0';

	while ((letter = (char)unpack_u8(u, UINT8_MAX)) == IS_MEMBER) {
		size_t record = (size_t)(u->rest.p - a->plan.p);
		read_member(u, &m);
		if (u->bad || !member_ok(&m, before))
			return err_set(e, ERR_SYNTAX, NULL, "member %zu of a plan", a->n);
		if (a->n > ARCHIVE_MEMBERS_MAX || !entry_add(a, (uint32_t)record))
			return err_set(e, ERR_LIMIT, NULL, "a plan of %zu members", a->n);
		before = m.path;
	}
	return letter == IS_LAST || err_set(e, ERR_SYNTAX, NULL, "a plan without an end");
}

static bool
read_plan(struct archive *a, struct err *e)
{
	struct unpack u = {.rest = a->plan};
	struct span start = unpack_bytes(&u, sizeof(magic));

	if (!span_eq(start, (struct span){magic, sizeof(magic)}))
		return err_set(e, ERR_SYNTAX, NULL, "not a plan");
	a->top.form = (enum archive_form)unpack_u8(&u, ARCHIVE_ZIP);
	a->top.dir = unpack_span(&u, ARCHIVE_DIR_MAX);
	a->top.prefix = unpack_span(&u, ARCHIVE_PATH_MAX);
	if (u.bad || !dir_ok(a->top.dir) || !prefix_ok(a->top.prefix))
		return err_set(e, ERR_SYNTAX, NULL, "the beginning of a plan");
	if (!read_members(a, &u, e))
		return false;
	a->last.crc = unpack_u8(&u, 1) == 1;
	a->last.mtime = (int64_t)unpack_le(&u, 8);
	a->last.name = unpack_span(&u, ARCHIVE_PATH_MAX);
	a->last.text = unpack_span(&u, ARCHIVE_PLAN_MAX);
	if (!unpack_end(&u, "plan", e))
		return false;
	return (archive_path_ok(a->last.name) && a->last.text.p != NULL) ||
	       err_set(e, ERR_SYNTAX, NULL, "the text of a plan");
}

void
archive_member(const struct archive *a, size_t i, struct archive_member *ret)
{
	struct unpack u = {.rest = span_skip(a->plan, a->entry[i].record)};

	read_member(&u, ret);
}

/* Is there a member of that name? */
static bool
has(const struct archive *a, struct span name)
{
	size_t low = 1;
	size_t high = a->n;
	struct archive_member m;

	while (low < high) {
		size_t i = low + (high - low) / 2;
		archive_member(a, i, &m);
		int c = span_cmp(m.path, name);
		if (c == 0)
			return true;
		if (c < 0)
			low = i + 1;
		else
			high = i;
	}
	return false;
}

/* ---- entries as the two forms have them ---- */

static void
any(const struct archive *a, size_t i, struct archive_member *m)
{
	if (i > 0)
		archive_member(a, i, m);
	else
		*m = (struct archive_member){.path = a->last.name,
			.size = a->last.text.n,
			.mtime_s = a->last.mtime,
			.crc = a->text_crc};
}

static struct tar_entry
as_tar(const struct archive *a, const struct archive_member *m)
{
	return (struct tar_entry){
		.dir = a->top.dir, .path = m->path, .size = m->size, .mtime = m->mtime_s};
}

static struct zip_entry
as_zip(const struct archive *a, const struct archive_member *m, size_t i)
{
	return (struct zip_entry){
		.dir = a->top.dir,
		.path = m->path,
		.size = m->size,
		.mtime = m->mtime_s,
		.crc = m->crc,
		.late = !a->last.crc,
		.at = a->entry[i].at,
	};
}

/* Bytes in front of the data and behind them. */
static void
around(const struct archive *a, const struct archive_member *m, size_t i, size_t *head,
	size_t *tail)
{
	struct tar_entry t = as_tar(a, m);
	struct zip_entry z = as_zip(a, m, i);

	if (a->top.form == ARCHIVE_TAR) {
		*head = tar_head_size(&t);
		*tail = tar_pad(m->size);
	} else {
		*head = zip_local_size(&z);
		*tail = zip_tail_size(&z);
	}
}

static bool
lay_out(struct archive *a, struct err *e)
{
	uint64_t at = 0;
	uint64_t central = 0;

	for (size_t i = 0; i < a->n; i++) {
		struct archive_member m;
		size_t head = 0;
		size_t tail = 0;

		any(a, i, &m);
		a->entry[i].at = at;
		a->entry[i].central = (uint32_t)central;
		around(a, &m, i, &head, &tail);
		if (m.size > INT64_MAX - at || head + tail > INT64_MAX - at - m.size)
			return err_set(e, ERR_LIMIT, NULL, "an archive of 2^63 bytes");
		at += m.size + head + tail;
		struct zip_entry z = as_zip(a, &m, i);
		central += zip_central_size(&z);
	}
	a->end = (struct zip_end){.members = a->n, .at = at, .size = central};
	a->size = at + (a->top.form == ARCHIVE_TAR ? TAR_END : central + zip_end_size(&a->end));
	return central <= UINT32_MAX || err_set(e, ERR_LIMIT, NULL, "too many names");
}

static bool
build(struct archive *a, struct err *e)
{
	if (!entry_add(a, 0))
		return err_set(e, ERR_LIMIT, NULL, "no memory for a plan");
	if (!read_plan(a, e))
		return false;
	if (has(a, a->last.name))
		return err_set(e, ERR_SYNTAX, NULL, "the text of a plan has a member's name");
	a->text_crc = checksum_crc32(CHECKSUM_CRC32_INIT, a->last.text.p, a->last.text.n);
	return lay_out(a, e);
}

bool
archive_new(struct span plan, struct archive **ret, struct err *e)
{
	struct archive *a = calloc(1, sizeof(*a));

	if (a == NULL || plan.n > ARCHIVE_PLAN_MAX) {
		free(a);
		return err_set(e, ERR_LIMIT, NULL, "a plan of %zu bytes", plan.n);
	}
	a->plan = plan;
	if (!build(a, e)) {
		archive_free(a);
		return false;
	}
	*ret = a;
	return true;
}

void
archive_free(struct archive *a)
{
	if (a == NULL)
		return;
	free(a->entry);
	free(a);
}

uint64_t
archive_size(const struct archive *a)
{
	return a->size;
}

size_t
archive_entries(const struct archive *a)
{
	return a->n;
}

struct span
archive_prefix(const struct archive *a)
{
	return a->top.prefix;
}

enum archive_form
archive_form(const struct archive *a)
{
	return a->top.form;
}

bool
archive_late(const struct archive *a)
{
	return a->top.form == ARCHIVE_ZIP && !a->last.crc;
}

uint64_t
archive_at(const struct archive *a, size_t i)
{
	return i < a->n ? a->entry[i].at : a->end.at;
}

uint32_t
archive_text_crc(const struct archive *a)
{
	return a->text_crc;
}

/* ---- from an offset to what stands there ---- */

/* The last entry whose head stands at `at` or before it. */
static size_t
find_entry(const struct archive *a, uint64_t at)
{
	size_t low = 0;
	size_t high = a->n;

	while (high - low > 1) {
		size_t i = low + (high - low) / 2;
		if (a->entry[i].at <= at)
			low = i;
		else
			high = i;
	}
	return low;
}

static size_t
find_central(const struct archive *a, uint64_t at)
{
	size_t low = 0;
	size_t high = a->n;

	while (high - low > 1) {
		size_t i = low + (high - low) / 2;
		if (a->entry[i].central <= at)
			low = i;
		else
			high = i;
	}
	return low;
}

/* Behind the data of the last entry. */
static void
find_end(const struct archive *a, uint64_t at, struct archive_piece *ret)
{
	*ret = (struct archive_piece){.part = ARCHIVE_END, .from = at};
	if (a->top.form == ARCHIVE_TAR) {
		ret->n = TAR_END - at;
	} else if (at >= a->end.size) {
		ret->from = at - a->end.size;
		ret->n = zip_end_size(&a->end) - ret->from;
	} else {
		size_t i = find_central(a, at);
		uint64_t next = i + 1 < a->n ? a->entry[i + 1].central : a->end.size;
		*ret = (struct archive_piece){.part = ARCHIVE_CENTRAL,
			.entry = i,
			.from = at - a->entry[i].central,
			.n = next - at};
	}
}

void
archive_find(const struct archive *a, uint64_t at, struct archive_piece *ret)
{
	struct archive_member m;
	size_t head = 0;
	size_t tail = 0;

	if (at >= a->end.at) {
		find_end(a, at - a->end.at, ret);
		return;
	}
	size_t i = find_entry(a, at);
	any(a, i, &m);
	around(a, &m, i, &head, &tail);
	*ret = (struct archive_piece){.entry = i, .from = at - a->entry[i].at};
	if (ret->from < head) {
		ret->part = ARCHIVE_HEAD;
		ret->n = head - ret->from;
		return;
	}
	ret->from -= head;
	if (ret->from < m.size) {
		ret->part = i == 0 ? ARCHIVE_TEXT : ARCHIVE_DATA;
		ret->n = m.size - ret->from;
		return;
	}
	ret->from -= m.size;
	ret->part = ARCHIVE_TAIL;
	ret->n = tail - ret->from;
}

static void
write_tar(const struct archive *a, const struct archive_piece *p, struct buf *out)
{
	static const char zero[TAR_END];
	struct archive_member m;

	any(a, p->entry, &m);
	struct tar_entry t = as_tar(a, &m);
	if (p->part == ARCHIVE_HEAD)
		tar_write_head(out, &t);
	else
		buf_add(out, (struct span){zero, (size_t)(p->from + p->n)});
}

static void
write_zip(const struct archive *a, const struct archive_piece *p, const uint32_t *found,
	struct buf *out)
{
	struct archive_member m;

	any(a, p->entry, &m);
	struct zip_entry z = as_zip(a, &m, p->entry);
	if (z.late && found != NULL)
		z.crc = found[p->entry];
	switch (p->part) {
	case ARCHIVE_HEAD:
		zip_write_local(out, &z);
		return;
	case ARCHIVE_TAIL:
		zip_write_tail(out, &z);
		return;
	case ARCHIVE_CENTRAL:
		zip_write_central(out, &z);
		return;
	case ARCHIVE_END:
		zip_write_end(out, &a->end);
		return;
	case ARCHIVE_TEXT:
	case ARCHIVE_DATA:
		return;
	}
}

struct span
archive_text(const struct archive *a, const struct archive_piece *p, const uint32_t *found,
	struct buf *scratch)
{
	if (p->part == ARCHIVE_TEXT)
		return span_skip(a->last.text, (size_t)p->from);
	buf_reset(scratch);
	if (a->top.form == ARCHIVE_TAR)
		write_tar(a, p, scratch);
	else
		write_zip(a, p, found, scratch);
	return buf_ok(scratch) ? span_skip(buf_span(scratch), (size_t)p->from) : SPAN_NONE;
}
