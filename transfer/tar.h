/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What stands around the members of a tar archive: ustar (POSIX.1-1988) with a pax extended header
 * (POSIX.1-2001) in front where a name is longer than 100 bytes or not ASCII, where a size is 8 GiB
 * or more, and where a time does not fit.  Everything follows from the entry alone, so the layout
 * is known before a byte of data is.  Pure.
 */
#define TAR_BLOCK 512U
#define TAR_END   1024U /* zero bytes behind the last member */

struct tar_entry {
	struct span dir, path; /* the name is dir/path; not empty, no NUL */
	uint64_t size;
	int64_t mtime; /* seconds UTC */
};

/* Bytes of everything in front of the data: a multiple of TAR_BLOCK. */
size_t tar_head_size(const struct tar_entry *m);
void tar_write_head(struct buf *out, const struct tar_entry *m);
/* Zero bytes behind the data. */
static inline size_t
tar_pad(uint64_t size)
{
	return (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}
