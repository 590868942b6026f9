/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "agent/catalog/limits.h"
#include "agent/catalog/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a dataset's files say about it, merged: for each field the first value in path order wins, a
 * different one is noted with its file; the time runs from the earliest start to the latest end.
 * These are words for people and for search: decisions rest on proposals.yaml (R19 of the HDF5
 * reference).  Only the fields of this list leave a file (R22).  Pure.
 */
struct record_field {
	struct span value, path;             /* absent: no file says it */
	struct span other_value, other_path; /* the first file that says something else */
	uint64_t others;                     /* how many do */
};

struct record_note {
	struct span path, text;
};

struct record {
	struct arena *a;
	struct span
		proposal; /* of the dataset, to compare with what the files claim; may be absent */
	struct record_field field[READING_TEXT_COUNT];
	int64_t start, end; /* seconds UTC; INT64_MIN: not known */
	bool assumed_zone;  /* of the start */
	struct span users[LIMIT_USERS];
	size_t n_users;
	struct reading_parameter parameters[LIMIT_PARAMETERS];
	size_t n_parameters;
	struct record_note notes[LIMIT_NOTES];
	size_t n_notes;
	uint64_t dropped; /* users, parameters and notes above the limits */
};

/* 4 MiB of arena hold the largest. */
void record_init(struct record *r, struct span proposal, struct arena *a);
/* Call in path order; copies what it keeps. */
void record_add(struct record *r, struct span path, const struct reading *from);
struct span record_value(const struct record *r, enum reading_text what); /* absent: none */
void record_write_json(const struct record *r, struct buf *out);
