/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/catalog/ledger.h"
#include "policy/audit.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The gate's one way to write into the ledger, shared by its threads: rows, audit record and commit
 * belong together, and then all grants are decided again.
 */
struct gate_ledger;

/* audit and epoch are borrowed.  Makes the file when it is not there; before confinement. */
bool gate_ledger_open(const char *path, struct audit *audit, uint64_t *epoch,
	struct gate_ledger **ret, struct err *e);
void gate_ledger_close(struct gate_ledger *g); /* NULL allowed */

struct gate_entry {
	const char *kind;   /* of the audit record, as "event" */
	struct span record; /* its members (policy/audit_record.h); may be set by `insert` */
	int64_t now_ms;
	/* Writes the rows.  False: nothing happens, and *e says why. */
	bool (*insert)(struct ledger *l, struct gate_entry *x, struct err *e);
	void *what;   /* insert's own */
	bool nothing; /* set by insert: all of it stood there already, so nothing is recorded */
};

/*
 * In a transaction: insert and write, so that a full disk shows; then the audit record, then the
 * commit; then the epoch moves.  Where another process holds the ledger it waits 250 ms, and then
 * fails at once for a second.  A record
 * that cannot be written takes the rows back, so there is no event without its record; a commit
 * that fails after the record is told as a failure.  Blocks for the disk.
 */
bool gate_ledger_write(struct gate_ledger *g, struct gate_entry *x, struct err *e);

/* Requests for access that wait for an answer. */
bool gate_ledger_waiting(struct gate_ledger *g, uint64_t *ret, struct err *e);
