/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/tar.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_USTAR 100U
#define OCTAL_11       077777777777LL /* the largest number of eleven octal digits */

/* One block (POSIX.1-1988, 10.1.1): offsets of its fields. */
enum field {
	F_NAME = 0,
	F_MODE = 100,
	F_UID = 108,
	F_GID = 116,
	F_SIZE = 124,
	F_MTIME = 136,
	F_SUM = 148,
	F_TYPE = 156,
	F_MAGIC = 257,
};

static bool
ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static size_t
name_size(const struct tar_entry *m)
{
	return m->dir.n + 1 + m->path.n;
}

static bool
long_name(const struct tar_entry *m)
{
	return name_size(m) > NAME_MAX_USTAR || !ascii(m->dir) || !ascii(m->path);
}

static bool
large(const struct tar_entry *m)
{
	return m->size > OCTAL_11;
}

static bool
odd_time(const struct tar_entry *m)
{
	return m->mtime < 0 || m->mtime > OCTAL_11;
}

static size_t
digits(size_t n)
{
	size_t d = 1;

	for (; n >= 10; n /= 10)
		d++;
	return d;
}

/* Bytes of "LENGTH key=value\n", where LENGTH counts itself. */
static size_t
record_size(size_t key, size_t value)
{
	size_t rest = 1 + key + 1 + value + 1;
	size_t n = rest + digits(rest);

	return rest + digits(n);
}

/* A number as pax has it: decimal. */
static struct span
decimal(char out[24], int64_t v)
{
	int n = snprintf(out, 24, "%lld", (long long)v);

	return (struct span){out, (size_t)n};
}

static size_t
pax_size(const struct tar_entry *m)
{
	char number[24];
	size_t n = 0;

	if (long_name(m))
		n += record_size(sizeof("path") - 1, name_size(m));
	if (large(m))
		n += record_size(sizeof("size") - 1, decimal(number, (int64_t)m->size).n);
	if (odd_time(m))
		n += record_size(sizeof("mtime") - 1, decimal(number, m->mtime).n);
	return n;
}

size_t
tar_head_size(const struct tar_entry *m)
{
	size_t pax = pax_size(m);

	return TAR_BLOCK + (pax > 0 ? TAR_BLOCK + pax + tar_pad(pax) : 0);
}

/* ---- writing ---- */

static void
octal(char *at, size_t n, uint64_t v)
{
	for (size_t i = n - 1; i > 0; i--, v >>= 3)
		at[i - 1] = (char)('0' + (v & 7));
	at[n - 1] = '\0';
}

/* dir/path, as much of it as fits. */
static void
put_name(char *at, struct span dir, struct span path)
{
	struct span d = span_first(dir, NAME_MAX_USTAR - 1);
	struct span p = span_first(path, NAME_MAX_USTAR - 1 - d.n);

	for (size_t i = 0; i < d.n; i++)
		*at++ = d.p[i];
	*at++ = '/';
	for (size_t i = 0; i < p.n; i++)
		*at++ = p.p[i];
}

static void
put_block(struct buf *out, char type, const struct tar_entry *m, uint64_t size, uint64_t mtime)
{
	static const char magic[8] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};
	char b[TAR_BLOCK] = {0};
	unsigned sum = 0;

	put_name(b + F_NAME, m->dir, m->path);
	octal(b + F_MODE, 8, 0644);
	octal(b + F_UID, 8, 0);
	octal(b + F_GID, 8, 0);
	octal(b + F_SIZE, 12, size);
	octal(b + F_MTIME, 12, mtime);
	memset(b + F_SUM, ' ', 8);
	b[F_TYPE] = type;
	memcpy(b + F_MAGIC, magic, sizeof(magic));
	for (size_t i = 0; i < sizeof(b); i++)
		sum += (unsigned char)b[i];
	octal(b + F_SUM, 7, sum);
	buf_add(out, (struct span){b, sizeof(b)});
}

static void
put_key(struct buf *out, const char *key, size_t value)
{
	buf_addu(out, record_size(strlen(key), value));
	buf_addf(out, " %s=", key);
}

static void
put_number(struct buf *out, const char *key, int64_t v)
{
	char number[24];
	struct span text = decimal(number, v);

	put_key(out, key, text.n);
	buf_add(out, text);
	buf_addc(out, '\n');
}

static void
put_pax(struct buf *out, const struct tar_entry *m, uint64_t mtime)
{
	static const char zero[TAR_BLOCK];
	static const struct tar_entry any = {SPAN_INIT("PaxHeaders"), SPAN_INIT("entry"), 0, 0};
	size_t n = pax_size(m);

	if (n == 0)
		return;
	put_block(out, 'x', &any, n, mtime);
	if (long_name(m)) {
		put_key(out, "path", name_size(m));
		buf_add(out, m->dir);
		buf_addc(out, '/');
		buf_add(out, m->path);
		buf_addc(out, '\n');
	}
	if (large(m))
		put_number(out, "size", (int64_t)m->size);
	if (odd_time(m))
		put_number(out, "mtime", m->mtime);
	buf_add(out, (struct span){zero, tar_pad(n)});
}

void
tar_write_head(struct buf *out, const struct tar_entry *m)
{
	uint64_t mtime = odd_time(m) ? 0 : (uint64_t)m->mtime;

	put_pax(out, m, mtime);
	/* What the pax header says overrides the block: readers without pax see a shortened name.
	 */
	put_block(out, '0', m, large(m) ? 0 : m->size, mtime);
}
