/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/zip.h"

#include "agent/base/civil.h"

#define LOCAL_SIZE   30U
#define CENTRAL_SIZE 46U
#define END_SIZE     22U
#define END64_SIZE   56U
#define FIND64_SIZE  20U
#define STAMP_SIZE   9U /* the extra field with the time */
#define FLAG_LATE    0x0008U
#define FLAG_UTF8    0x0800U
#define MADE_BY      (3U << 8 | 45U) /* Unix, version 4.5 */
#define MODE         (0100644UL << 16)
#define MAX16        0xffffU
#define MAX32        0xffffffffU

/* ---- which fields there are ---- */

static bool
large(const struct zip_entry *m)
{
	return m->size >= MAX32;
}

static bool
far(const struct zip_entry *m)
{
	return m->at >= MAX32;
}

/* Seconds that the extended timestamp can hold. */
static bool
stamped(const struct zip_entry *m)
{
	return m->mtime >= INT32_MIN && m->mtime <= INT32_MAX;
}

static size_t
name_size(const struct zip_entry *m)
{
	return m->dir.n + 1 + m->path.n;
}

static size_t
local_extra(const struct zip_entry *m)
{
	return (stamped(m) ? STAMP_SIZE : 0) + (large(m) ? 4U + 16U : 0);
}

static size_t
central_zip64(const struct zip_entry *m)
{
	return (large(m) ? 16U : 0) + (far(m) ? 8U : 0);
}

static size_t
central_extra(const struct zip_entry *m)
{
	size_t wide = central_zip64(m);

	return (stamped(m) ? STAMP_SIZE : 0) + (wide > 0 ? 4 + wide : 0);
}

static bool
end64(const struct zip_end *z)
{
	return z->members >= MAX16 || z->at >= MAX32 || z->size >= MAX32;
}

size_t
zip_local_size(const struct zip_entry *m)
{
	return LOCAL_SIZE + name_size(m) + local_extra(m);
}

size_t
zip_tail_size(const struct zip_entry *m)
{
	if (!m->late)
		return 0;
	return large(m) ? 24 : 16;
}

size_t
zip_central_size(const struct zip_entry *m)
{
	return CENTRAL_SIZE + name_size(m) + central_extra(m);
}

size_t
zip_end_size(const struct zip_end *z)
{
	return END_SIZE + (end64(z) ? END64_SIZE + FIND64_SIZE : 0);
}

/* ---- writing ---- */

static void
put(struct buf *out, uint64_t v, unsigned bytes)
{
	char le[8];

	for (unsigned i = 0; i < bytes; i++)
		le[i] = (char)(v >> (8 * i));
	buf_add(out, (struct span){le, bytes});
}

static uint64_t
narrow(uint64_t v, uint64_t max)
{
	return v < max ? v : max;
}

/* Date and time as DOS has them: two seconds are the least, 1980 to 2107. */
static uint32_t
dos(int64_t mtime)
{
	struct civil t;

	if (mtime < civil_days(1980, 1, 1) * 86400)
		return 1U << 21 | 1U << 16;
	if (mtime >= civil_days(2108, 1, 1) * 86400)
		return 127U << 25 | 12U << 21 | 31U << 16 | 23U << 11 | 59U << 5 | 29U;
	civil_from_secs(mtime, &t);
	return (uint32_t)(t.year - 1980) << 25 | (uint32_t)t.month << 21 | (uint32_t)t.day << 16 |
	       (uint32_t)t.hour << 11 | (uint32_t)t.min << 5 | (uint32_t)t.sec / 2;
}

/* From `version needed` to the sizes: the same in both headers. */
static void
put_common(struct buf *out, const struct zip_entry *m, uint32_t crc, bool wide)
{
	put(out, wide ? 45 : 20, 2);
	put(out, FLAG_UTF8 | (m->late ? FLAG_LATE : 0), 2);
	put(out, 0, 2); /* stored */
	put(out, dos(m->mtime), 4);
	put(out, crc, 4);
	put(out, narrow(m->size, MAX32), 4);
	put(out, narrow(m->size, MAX32), 4);
	put(out, name_size(m), 2);
}

static void
put_name(struct buf *out, const struct zip_entry *m)
{
	buf_add(out, m->dir);
	buf_addc(out, '/');
	buf_add(out, m->path);
}

static void
put_stamp(struct buf *out, const struct zip_entry *m)
{
	if (!stamped(m))
		return;
	put(out, 0x5455, 2); /* "UT" */
	put(out, 5, 2);
	put(out, 1, 1); /* a time of change, and no other */
	put(out, (uint64_t)m->mtime, 4);
}

void
zip_write_local(struct buf *out, const struct zip_entry *m)
{
	put(out, 0x04034b50, 4);
	put_common(out, m, m->late ? 0 : m->crc, large(m));
	put(out, local_extra(m), 2);
	put_name(out, m);
	put_stamp(out, m);
	if (!large(m))
		return;
	put(out, 1, 2); /* zip64: both sizes, 4.5.3 */
	put(out, 16, 2);
	put(out, m->size, 8);
	put(out, m->size, 8);
}

void
zip_write_tail(struct buf *out, const struct zip_entry *m)
{
	unsigned n = large(m) ? 8 : 4;

	if (!m->late)
		return;
	put(out, 0x08074b50, 4);
	put(out, m->crc, 4);
	put(out, m->size, n);
	put(out, m->size, n);
}

void
zip_write_central(struct buf *out, const struct zip_entry *m)
{
	size_t wide = central_zip64(m);

	put(out, 0x02014b50, 4);
	put(out, MADE_BY, 2);
	put_common(out, m, m->crc, wide > 0);
	put(out, central_extra(m), 2);
	put(out, 0, 2); /* no comment */
	put(out, 0, 2); /* the first disk */
	put(out, 0, 2);
	put(out, MODE, 4);
	put(out, narrow(m->at, MAX32), 4);
	put_name(out, m);
	put_stamp(out, m);
	if (wide == 0)
		return;
	put(out, 1, 2);
	put(out, wide, 2);
	if (large(m)) {
		put(out, m->size, 8);
		put(out, m->size, 8);
	}
	if (far(m))
		put(out, m->at, 8);
}

static void
put_end64(struct buf *out, const struct zip_end *z)
{
	put(out, 0x06064b50, 4);
	put(out, END64_SIZE - 12, 8); /* of what follows */
	put(out, MADE_BY, 2);
	put(out, 45, 2);
	put(out, 0, 8); /* disks */
	put(out, z->members, 8);
	put(out, z->members, 8);
	put(out, z->size, 8);
	put(out, z->at, 8);
	put(out, 0x07064b50, 4); /* where that is */
	put(out, 0, 4);
	put(out, z->at + z->size, 8);
	put(out, 1, 4);
}

void
zip_write_end(struct buf *out, const struct zip_end *z)
{
	if (end64(z))
		put_end64(out, z);
	put(out, 0x06054b50, 4);
	put(out, 0, 4); /* disks */
	put(out, narrow(z->members, MAX16), 2);
	put(out, narrow(z->members, MAX16), 2);
	put(out, narrow(z->size, MAX32), 4);
	put(out, narrow(z->at, MAX32), 4);
	put(out, 0, 2); /* no comment */
}
