/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The JSON answer of a reader about one file (its form: transfer/reading.h), read as what it is: a
 * stranger's bytes, since the reader that wrote it had parsed a stranger's file.  Pure.
 */
#define READING_BYTES      ((size_t)60 * 1024) /* of the answer */
#define READING_TEXT       2048U               /* bytes kept of one text */
#define READING_ENTRIES    64U
#define READING_USERS      64U
#define READING_PARAMETERS 256U
#define READING_NOTES      32U

struct reading_parameter {
	struct span name, unit; /* unit absent: none given */
	double value;           /* finite */
};

enum reading_text {
	READING_NAME,
	READING_TITLE,
	READING_DEFINITION,
	READING_EXPERIMENT,
	READING_ENTRY_ID,
	READING_RUN_CYCLE,
	READING_INSTRUMENT,
	READING_SOURCE,
	READING_SOURCE_TYPE,
	READING_PROBE,
	READING_SAMPLE,
	READING_FORMULA,
	READING_TECHNIQUE,
	READING_TEXT_COUNT
};
extern const char *const reading_text_names[READING_TEXT_COUNT]; /* keys in the JSON */

struct reading_entry {
	struct span text[READING_TEXT_COUNT]; /* absent: not known */
	int64_t start, end;                   /* seconds UTC; INT64_MIN: not known */
	bool assumed_zone;                    /* the file gave no zone */
	const struct span *users;
	size_t n_users;
	const struct reading_parameter *parameters;
	size_t n_parameters;
};

/* How the reading of the file ended.  All but the first come with a problem and without entries. */
enum reading_end {
	READING_DONE,
	READING_DIED,    /* the file ended its reader */
	READING_OVERRAN, /* so did the deadline */
	READING_MISSED,  /* no fault of the file: it was not looked at */
};

struct reading {
	enum reading_end end;
	struct span format;  /* nexus, hdf5, hdf4, other */
	struct span problem; /* absent: none */
	const struct span *notes;
	size_t n_notes;
	const struct reading_entry *entries;
	size_t n_entries;
	bool cut; /* there was more than the limits take */
};

/*
 * ERR_SYNTAX when it is not of that form, ERR_LIMIT when it is too long.  Texts are cleaned:
 * control characters become blanks, blanks at the ends go, an empty text is absent.  Lives in the
 * arena (1 MiB is enough).
 */
bool reading_parse(struct span text, struct arena *a, struct reading *ret, struct err *e);
