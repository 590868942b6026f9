/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PROPFIND (RFC 4918 9.1) as davix, gfal2 and rclone speak it.  Pure. */
enum dav_limit {
	DAV_UNKNOWN_MAX = 24, /* names that go back with a 404; further ones are left out */
	DAV_TEXT_MAX = 2048,  /* bytes of those names and their namespaces */
};

enum dav_prop {
	DAV_RESOURCETYPE,
	DAV_GETLASTMODIFIED,
	DAV_GETCONTENTLENGTH, /* of files, as the next two */
	DAV_GETETAG,
	DAV_GETCONTENTTYPE,
	DAV_MODE,      /* LCGDM: mode, st_mode in octal; only when asked by name, as the next */
	DAV_CHECKSUMS, /* checksums of owncloud.org, which rclone reads; of files */
	DAV_PROP_COUNT
};

/* What is asked.  A plain value: the names stand in `text` (ns, then local name, by lengths). */
struct dav_query {
	bool names;    /* propname: the names without values */
	uint32_t want; /* set of 1U << enum dav_prop */
	size_t n_unknown;
	struct {
		uint16_t ns, local; /* lengths in text, one after the other */
	} unknown[DAV_UNKNOWN_MAX];
	char text[DAV_TEXT_MAX];
};

struct dav_entry {
	struct span path; /* decoded, from the root; a final slash of a folder may be left out */
	bool folder;
	int64_t modified;       /* seconds UTC; INT64_MIN: not known */
	uint64_t size;          /* files */
	struct span etag, type; /* files; absent: not known */
	const uint8_t *md5;     /* files: 16 bytes, recorded with adler32; NULL: not known */
	uint32_t adler32;
};

enum dav_depth {
	DAV_DEPTH_0,
	DAV_DEPTH_1,
	DAV_DEPTH_INFINITE, /* also when there is no Depth: 403 with dav_write_finite_depth */
	DAV_DEPTH_BAD,      /* 400 */
};
enum dav_depth dav_read_depth(struct span field);

/* An empty body asks for everything.  Every failure is a 400. */
bool dav_parse(struct span body, struct dav_query *ret, struct err *e);

#define DAV_CONTENT_TYPE "application/xml; charset=\"utf-8\""
/* 207: start, an entry for each resource (the requested one first), end. */
void dav_write_start(struct buf *out);
void dav_write_entry(struct buf *out, const struct dav_query *q, const struct dav_entry *entry);
void dav_write_end(struct buf *out);
/* The body of the 403 to a Depth that is not 0 or 1. */
void dav_write_finite_depth(struct buf *out);
