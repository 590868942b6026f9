/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A whole dataset as one archive, laid out before a byte of it is read: a plan lists the members,
 * and from it follows what stands at each offset.  The gate writes plans, the front reads them as
 * strictly as a stranger's bytes.  A member's data are never in a plan: who sends an archive gets
 * them elsewhere, member by member.  Pure.
 *
 * An archive is: an entry of text (what was left out, and why), the members in byte order of their
 * paths, and what the form puts at its end.  All names begin with one directory.
 */
enum archive_form { ARCHIVE_TAR, ARCHIVE_ZIP };

#define ARCHIVE_MEMBERS_MAX 200000U
#define ARCHIVE_PLAN_MAX    (32UL * 1024 * 1024) /* bytes */
#define ARCHIVE_DIR_MAX     512UL
#define ARCHIVE_PATH_MAX    4096UL

struct archive_member {
	struct span path; /* UTF-8, relative: no empty, "." or ".." segment, no control character
			     and no backslash */
	uint64_t size;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint32_t crc; /* CRC-32, where archive_last says that all are known */
};

/* Would it be taken for the path of a member? */
bool archive_path_ok(struct span path);
/* The directory for a pid: what is not A-Za-z0-9._- becomes '_', and so does a first dot. */
void archive_dir(struct span pid, struct buf *out);

/* ---- plans ---- */

struct archive_top {
	enum archive_form form;
	struct span dir;
	struct span prefix; /* of the members' paths, to ask for one: "/data/10.5072/abc/" */
};
struct archive_last {
	bool crc;               /* the CRC-32 of each member is known */
	struct span name, text; /* of the entry of text */
	int64_t mtime;
};
/* One plan: start, each member in byte order of its path, end. */
void archive_plan_start(struct buf *out, const struct archive_top *t);
void archive_plan_member(struct buf *out, const struct archive_member *m);
void archive_plan_end(struct buf *out, const struct archive_last *l);

/* ---- layouts ---- */

/* 16 bytes for each member beside the plan, which is borrowed and must stay. */
struct archive;

/* ERR_SYNTAX: not a plan as above; ERR_LIMIT: too large, or no memory. */
bool archive_new(struct span plan, struct archive **ret, struct err *e);
void archive_free(struct archive *a);            /* NULL allowed */
uint64_t archive_size(const struct archive *a);  /* below 2^63 */
size_t archive_entries(const struct archive *a); /* the members and the text, which is number 0 */
struct span archive_prefix(const struct archive *a);
enum archive_form archive_form(const struct archive *a);
/* The CRC-32 of the members must be found on the way (zip): begin at 0, or not at all. */
bool archive_late(const struct archive *a);
/* Number i, from 1 on. */
void archive_member(const struct archive *a, size_t i, struct archive_member *ret);
/* Where the head of number i stands; of archive_entries(): where the last data have ended. */
uint64_t archive_at(const struct archive *a, size_t i);

enum archive_part {
	ARCHIVE_HEAD,    /* in front of an entry */
	ARCHIVE_TEXT,    /* the bytes of the text */
	ARCHIVE_DATA,    /* the bytes of a member */
	ARCHIVE_TAIL,    /* behind an entry */
	ARCHIVE_CENTRAL, /* zip: an entry in the directory at the end */
	ARCHIVE_END,
};
/* What stands at an offset: byte `from` of this part, of which `n` are left (at least 1). */
struct archive_piece {
	enum archive_part part;
	size_t entry;
	uint64_t from, n;
};
/* O(log members).  at < archive_size(). */
void archive_find(const struct archive *a, uint64_t at, struct archive_piece *ret);
/*
 * The p->n bytes of a piece that is not ARCHIVE_DATA, in `scratch` or in the plan; absent: no
 * memory.  `found`: the CRC-32 of each entry by its number, of a late archive; else NULL.
 */
struct span archive_text(const struct archive *a, const struct archive_piece *p,
	const uint32_t *found, struct buf *scratch);
/* What found[0] has to be. */
uint32_t archive_text_crc(const struct archive *a);
