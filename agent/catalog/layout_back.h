/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/catalog/layout.h"

/*
 * The way back, from a pid to the folder that has it: for a root that takes new datasets.  Within
 * one segment of a pid (between two slashes) a {name} can be told from what stands around it only
 * when it is alone there.  Two of them in one segment, with text between, leave as many places as
 * that text occurs; then the proposal, which must be one of the two, says which is meant: the
 * caller looks for the one whose proposal is known.  Pure.
 */
#define LAYOUT_PLACES 64U /* for one pid; a pid with more is nobody's */

struct layout_place {
	struct span folder; /* beneath the root; "": the root itself */
	struct layout_dataset dataset;
};

/* May a root with this layout take new datasets?  ERR_SYNTAX says what its `pid` lacks. */
bool layout_back_check(const struct layout *l, struct err *e);
/*
 * The beginning of a path (pid, a slash, the name of a file) that has as many segments as pids of
 * this layout have; absent: the path has fewer.
 */
struct span layout_back_pid(const struct layout *l, struct span path);
/* Is the path the beginning of such pids, and shorter than they are? */
bool layout_back_leads(const struct layout *l, struct span path);
/*
 * The folders that have this pid: layout_match of each gives the pid again.  Their number; 0: none,
 * or too many to tell.  Strings are made in the arena.
 */
size_t layout_back_places(const struct layout *l, struct span pid, struct arena *a,
	struct layout_place ret[LAYOUT_PLACES]);
