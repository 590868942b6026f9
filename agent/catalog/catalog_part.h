/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/catalog/catalog.h"
#include "agent/catalog/ledger.h"
#include "agent/catalog/store.h"

#include <stdbool.h>

/* The reader's statements and state, shared by catalog.c, catalog_list.c and catalog_mine.c alone.
 */
enum catalog_statement {
	CQ_BEGIN,
	CQ_END,
	CQ_DATASET,
	CQ_WHOLE,
	CQ_LIST,
	CQ_PID,
	CQ_EVENTS,
	CQ_FILE,
	CQ_FILES,
	CQ_MEMBERS,
	CQ_PROPOSAL,
	CQ_MINE_SUB,
	CQ_MINE_ENTITLEMENT,
	CQ_MINE_PROPOSAL,
	CQ_BOUND,
	CQ_BLOCKS,
	CQ_NEW,
	CQ_BELOW,
	CQ_COUNT
};

/* The last match while held: what a neighbour in the same folder needs no questions for. */
struct last_match {
	struct span folder; /* of the path, with its slash; absent: none */
	struct catalog_dataset dataset;
	size_t n_pid;
};

struct catalog {
	struct store *store;
	struct ledger *ledger; /* NULL: none */
	bool held;
	struct last_match last;
};

/* One answer is one read transaction, so that its parts belong together. */
bool catalog_part_begin(struct catalog *c, struct err *e);
void catalog_part_end(struct catalog *c);
/* True, and says so in *e: the arena refused something. */
bool catalog_part_full(const struct arena *a, struct err *e);
/* Its log: that of its proposal (facts.n_events rows) and what the ledger adds. */
bool catalog_part_logs(
	struct catalog *c, struct arena *a, struct catalog_dataset *d, struct err *e);
