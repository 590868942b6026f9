/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "transfer/nexus_walk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One NXentry: what is read of it, what it means, and how it is written. */
#define NEXUS_USERS      50U
#define NEXUS_PARAMETERS 32U

enum nexus_place {
	NEXUS_AT_ENTRY,
	NEXUS_AT_SUBENTRY,
	NEXUS_AT_INSTRUMENT,
	NEXUS_AT_SOURCE,
	NEXUS_AT_SAMPLE,
	NEXUS_PLACES
};

enum nexus_key {
	NEXUS_TITLE,
	NEXUS_DEFINITION,
	NEXUS_START,
	NEXUS_END,
	NEXUS_EXPERIMENT,
	NEXUS_IDENTIFIER,
	NEXUS_CYCLE,
	NEXUS_INSTRUMENT_NAME,
	NEXUS_SOURCE_NAME,
	NEXUS_SOURCE_TYPE,
	NEXUS_PROBE,
	NEXUS_SAMPLE_NAME,
	NEXUS_FORMULA,
	NEXUS_KEYS
};

struct nexus_parameter {
	const char *name;
	double value;
	struct span unit;
};

struct nexus_entry {
	const char *name;
	struct nexus_group places[NEXUS_PLACES];
	const char *names[NEXUS_PLACES]; /* of the groups; NULL: there is none */
	struct span texts[NEXUS_KEYS];
	struct span users[NEXUS_USERS];
	size_t n_users;
	struct nexus_parameter parameters[NEXUS_PARAMETERS];
	size_t n_parameters;
	int64_t times[2]; /* start, end: seconds UTC */
	bool timed[2];
	const char *start_zone;
};

/* Empty; name is borrowed. */
void nexus_entry_init(struct nexus_entry *en, const char *name);
void nexus_entry_fini(const struct nexus_entry *en);
#define AUTO_NEXUS_ENTRY __attribute__((cleanup(nexus_entry_fini))) struct nexus_entry
/* Fills all but `name` and places[NEXUS_AT_ENTRY], which the caller has set. */
void nexus_entry_read(struct nexus_walk *w, struct nexus_entry *en);
/* A text that claims to be a time into en->times; a note where it is none. */
void nexus_entry_time(struct nexus_walk *w, struct nexus_entry *en, enum nexus_key key);
/* The JSON object of transfer/reading.h; out->bad when there is no room. */
void nexus_entry_write(const struct nexus_entry *en, struct buf *out);
