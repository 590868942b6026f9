/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading metadata out of one HDF5 file over a descriptor.  libhdf5 has a long record of faults on
 * hostile files: call this in the confined reader (or another child that may die) only, never where
 * tokens, connections or other files are.  It blocks for disk and has no deadline of its own: set
 * an alarm.
 *
 * Closed on purpose: external links (the driver opens nothing but the descriptor given), external
 * raw storage, virtual datasets, filter plugins.  Soft links are followed inside the file.
 */

/* Limits of one file; what lies above is left out, or ends the walk (hdf5_exhausted). */
#define HDF5_TEXT_MAX  4096U      /* bytes of one text */
#define HDF5_NAME_MAX  1024U      /* bytes of one link name */
#define HDF5_MEMBERS   2000U      /* members of one group */
#define HDF5_OBJECTS   20000U     /* objects opened */
#define HDF5_CHUNK_MAX (1U << 20) /* decoded bytes of the chunk around one value */

/* The library, set up.  Once for each process, before it is confined; never taken down. */
struct hdf5_library;
bool hdf5_start(struct hdf5_library **ret, struct err *e);

/* An open file.  Borrows fd until hdf5_close.  ERR_SYNTAX: the library refuses it, with its reason.
 */
struct hdf5;
bool hdf5_open(const struct hdf5_library *lib, int fd, struct hdf5 **ret, struct err *e);
void hdf5_close(struct hdf5 *f);             /* NULL is allowed; closes what is still open in it */
bool hdf5_exhausted(const struct hdf5 *f);   /* HDF5_OBJECTS or HDF5_MEMBERS was reached */
unsigned hdf5_refused(const struct hdf5 *f); /* external links and storage, virtual datasets */

enum hdf5_kind { HDF5_GROUP, HDF5_DATASET, HDF5_OTHER };

/* An open object, by value; HDF5_NODE_NONE is none.  Close each with hdf5_node_fini. */
struct hdf5_node {
	int64_t id;
	enum hdf5_kind kind;
	uint64_t address; /* the same for each hard link to the object */
};
#define HDF5_NODE_NONE ((struct hdf5_node){-1, HDF5_OTHER, 0})
void hdf5_node_fini(const struct hdf5_node *n);
#define AUTO_HDF5_NODE __attribute__((cleanup(hdf5_node_fini))) struct hdf5_node

/* False: there is none, it cannot be reached, or the limit of objects. */
bool hdf5_root(struct hdf5 *f, struct hdf5_node *ret);
bool hdf5_child(
	struct hdf5 *f, const struct hdf5_node *group, const char *name, struct hdf5_node *ret);

/*
 * Names of a group's hard and soft links in byte order, in the arena; the first HDF5_MEMBERS, names
 * above HDF5_NAME_MAX left out.  False: not a group, or it cannot be read.
 */
bool hdf5_names(struct hdf5 *f, const struct hdf5_node *group, struct arena *a,
	const char *const **ret, size_t *ret_n);

/*
 * The value of an attribute or of a dataset with one element, as UTF-8 text in the arena (bytes
 * that are not UTF-8 are read as ISO-8859-1; ends at the first NUL; numbers are written out), or as
 * a number (never from text).  False: absent, more than one element, another type, above a limit,
 * or in a closed place.
 */
bool hdf5_attr_text(struct hdf5 *f, const struct hdf5_node *n, const char *name, struct arena *a,
	struct span *ret);
bool hdf5_text(struct hdf5 *f, const struct hdf5_node *dataset, struct arena *a, struct span *ret);
bool hdf5_number(struct hdf5 *f, const struct hdf5_node *dataset, double *ret);
/* Of the library as it runs, "1.10.8", into out (at least 32 bytes); returns out. */
const char *hdf5_version(char *out, size_t n);
