/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

#include <stdbool.h>

/* Where what is added belongs, and whether that is a place for it; nothing here writes. */

/* Why something is not added. */
struct gate_ingest_no {
	unsigned status;
	const char *name; /* end of the problem's type */
	char text[400];   /* one sentence for people: what is wrong, what to do */
};

/* Does this agent take anything at all? */
bool gate_ingest_offered(const struct gate *g);
/*
 * Where c->ask->path leads: c->dataset, c->rest, and c->decision about data.write.  The dataset
 * with the longest pid, where its root is writable; else a new one (c->dataset.id 0, with the facts
 * of its proposal) of the first writable root whose pids look so; else the dataset all the same.
 * ERR_ABSENT: none of them.  Quiet, like gate_data_find.
 */
bool gate_ingest_find(struct gate_desk *d, struct gate_case *c, struct err *e);
/* Is its root writable? */
bool gate_ingest_writable(const struct gate *g, const struct catalog_dataset *s);
/* Is this path (without the slash at its end) the beginning of pids of a writable root, and less
 * than one of them? */
bool gate_ingest_leads(struct gate_desk *d, struct span path);
/*
 * The path from its root on of `inside` ("" or "sub/a.h5", without a slash at its end), a name
 * below c->dataset; in the desk's memory.
 */
bool gate_ingest_path(struct gate_desk *d, const struct gate_case *c, struct span inside,
	struct span *ret, struct gate_ingest_no *no);
/* Fills *no and returns false. */
bool gate_ingest_say(struct gate_ingest_no *no, unsigned status, const char *name, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));
