/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What stands around the members of a zip archive (APPNOTE 6.3): stored, names in UTF-8, times in
 * UTC (the DOS field, and the extended timestamp where it fits), zip64 where a number needs it.
 * The CRC-32 of the data stands in the local header, or, `late`, in a data descriptor behind the
 * data.  All sizes follow from the entry without the CRC.  Pure.
 */
struct zip_entry {
	struct span dir, path; /* the name is dir/path, at most ZIP_NAME_MAX bytes */
	uint64_t size;
	int64_t mtime; /* seconds UTC */
	uint32_t crc;  /* not looked at in the local header of a late one */
	bool late;
	uint64_t at; /* of its local header; for the central directory */
};

#define ZIP_NAME_MAX 65535U

size_t zip_local_size(const struct zip_entry *m);
void zip_write_local(struct buf *out, const struct zip_entry *m);
/* The data descriptor: nothing unless late. */
size_t zip_tail_size(const struct zip_entry *m);
void zip_write_tail(struct buf *out, const struct zip_entry *m);
size_t zip_central_size(const struct zip_entry *m);
void zip_write_central(struct buf *out, const struct zip_entry *m);

struct zip_end {
	uint64_t members, at, size; /* of the central directory */
};
size_t zip_end_size(const struct zip_end *z);
void zip_write_end(struct buf *out, const struct zip_end *z);
