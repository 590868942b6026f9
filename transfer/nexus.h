/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "transfer/hdf5.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a NeXus or openPMD file says of itself, as the JSON object of transfer/reading.h.  A closed
 * list of fields is read, never "everything": root attributes hold owners' addresses and telephone
 * numbers.  Runs where libhdf5 may run: in the confined reader.
 */
struct nexus_zone {
	const char *name; /* of the facility's time zone, for notes; NULL: not configured */
	/* Civil time (seconds as if UTC) in that zone to seconds UTC; false: no such moment. */
	bool (*to_utc)(const void *zone, int64_t civil, int64_t *ret);
	const void *zone;
};

/*
 * Writes the object to out.  A file that cannot be understood is an answer, not a failure (its
 * "problem").  False: the descriptor cannot be read, or out has no room.
 */
bool nexus_read(const struct hdf5_library *lib, int fd, const struct nexus_zone *zone,
	struct buf *out, struct err *e);

/* The answer for a file that could not be looked at: format "other" with this problem. */
void nexus_write_problem(const char *problem, struct buf *out);

/* The answer for a file that ended its reader: `died` as transfer/reading.h has it. */
void nexus_write_death(const char *died, const char *problem, struct buf *out);
