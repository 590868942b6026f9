/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/jsonw.h"
#include "agent/base/span.h"
#include "transfer/hdf5.h"
#include "transfer/nexus.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Walking one file: what every step of transfer/nexus.c needs, and groups listed by NX_class. */
#define NEXUS_NOTES 32U

struct nexus_walk {
	struct hdf5 *f;
	struct arena *a;
	const struct nexus_zone *zone;
	struct jsonw notes; /* elements of a JSON list */
	unsigned n_notes;
};

/*
 * One line for the administrator, "entry: text"; entry may be NULL.  The first NEXUS_NOTES are
 * kept.
 */
void nexus_walk_note(struct nexus_walk *w, const char *entry, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct nexus_member {
	const char *name;
	struct span nx_class; /* of a group; absent elsewhere */
	enum hdf5_kind kind;
	uint64_t address;
};

struct nexus_group {
	struct hdf5_node node;
	struct nexus_member *members; /* in byte order of their names; those that can be opened */
	size_t n;
};
#define NEXUS_GROUP_NONE ((struct nexus_group){.node = {-1, HDF5_OTHER, 0}})
void nexus_walk_group_fini(const struct nexus_group *g);
#define AUTO_NEXUS_GROUP __attribute__((cleanup(nexus_walk_group_fini))) struct nexus_group

/* Takes node.  A group that cannot be listed is an empty one. */
struct nexus_group nexus_walk_list(struct nexus_walk *w, struct hdf5_node node);
/* The next group of a class from *at on (0 first), or NULL. */
const struct nexus_member *nexus_walk_find(
	const struct nexus_group *g, const char *nx_class, size_t *at);
/*
 * The text of a field as it may be published.  False: it says nothing; then *empty (may be NULL)
 * tells whether there was nothing to read at all.
 */
bool nexus_walk_text(struct nexus_walk *w, const struct hdf5_node *group, const char *field,
	struct span *ret, bool *empty);
