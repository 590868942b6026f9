/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/simulate.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The lines of an audit log, through one buffer, to simulate_line.  Blocks for the file alone.
 */
struct simulate_limits {
	uint64_t bytes;      /* only the last so many, from the first whole line in them; 0: all.
				Needs a file that can be sought in */
	int64_t deadline_ms; /* of CLOCK_MONOTONIC; 0: none */
};
struct simulate_lines {
	uint64_t lines, unreadable; /* of the latter the first, from 1: */
	uint64_t first;
	struct err why;
	bool torn; /* the last line has no end, as after a crash; it was left out */
	bool late; /* the deadline came first: the counts are those of a part */
};
/* False: the file cannot be read.  Lines that are none are counted and passed over. */
bool simulate_log(struct simulate *s, int fd, const struct simulate_limits *l,
	struct simulate_lines *ret, struct err *e);
