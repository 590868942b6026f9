/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>

/* What a file is by its signature; no library is asked. */
enum format { FORMAT_HDF5, FORMAT_HDF4, FORMAT_OTHER };

/*
 * HDF5 has its signature at byte 0, 512, 1024, 2048, ... (HDF5 file format III.A: a user block may
 * stand in front; synchrotron files start with an XMP packet), HDF4 at byte 0.  ERR_SYSTEM when the
 * descriptor cannot be read.
 */
bool format_sniff(int fd, enum format *ret, struct err *e);
