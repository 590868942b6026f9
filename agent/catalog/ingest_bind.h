/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/catalog/ingest.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The policy that was in force when a dataset's data were taken is stored when the dataset first
 * has a date (policy reference, 6), so that a date that is corrected later does not move it to
 * another policy unnoticed.  A policy that proposals.yaml names goes before it at each decision.
 */
struct ingest_binding {
	struct span pid;
	struct span was, now; /* identifiers; absent: none */
};

struct ingest_bind {
	const struct policy_set *policies;
	bool again;      /* whatever is stored; else the datasets that have none yet */
	struct span pid; /* with `again`: this one alone; absent: all */
	void (*tell)(void *ctx, const struct ingest_binding *b); /* what changed; NULL: nobody */
	void *ctx;
	/* and out of it */
	int64_t at; /* the id of the last one; begin with 0 */
	uint64_t looked, changed;
	bool done;
};
/* Some hundred datasets, in a transaction of the caller's; again until b->done. */
bool ingest_bind(struct ingest *i, struct ingest_bind *b, struct err *e);
