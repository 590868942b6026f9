/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "transfer/hdf5.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a whole file is sound: opens each object that hard links lead to, once, with its type,
 * extent, properties and attributes, and reads little ones.  Links that dangle, links to other
 * files, virtual data and data behind absent filters are no faults.  Opens no other file.  As
 * hdf5.h: blocks, and a hostile file may crash it.
 */

/* Limits, beside HDF5_OBJECTS and HDF5_CHUNK_MAX; what lies above is passed over without a word. */
#define HDF5_VISIT_READ   (64U << 10) /* bytes of one value read whole; of others one element */
#define HDF5_VISIT_VLEN   (64U << 10) /* bytes of variable length in one value */
#define HDF5_VISIT_CHUNKS 4096U       /* an extent of more: its index of chunks is not read */
#define HDF5_VISIT_LOOKED 16U         /* chunks whose place is looked at */

/*
 * False: ERR_SYNTAX, the first thing that is not as it should be, one line of UTF-8 without
 * control characters.  True: nothing was found until the limits or `until` (ms of CLOCK_MONOTONIC),
 * looked at between objects and attributes.  Borrows fd, the one that f was opened on.
 */
bool hdf5_visit(struct hdf5 *f, int fd, int64_t until, struct err *e);
