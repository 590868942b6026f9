/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/catalog/event.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The ledger: what people did about datasets while the agent ran.  It holds what cannot be made
 * again from storage and proposals.yaml, so it is a file of its own beside the catalogue: events of
 * datasets, flags that plans set, accepted terms, requests for access, reviewers' links
 * (ledger_people.h).  The gate alone writes it; what it has committed is on disk.
 *
 * Events are append-only, and the database itself refuses to change or delete one.  One `struct
 * ledger` is one SQLite connection of one thread.  Results live in the caller's arena.
 */
struct ledger;

enum ledger_mode {
	LEDGER_READ,  /* a file that is not there is an empty ledger */
	LEDGER_WRITE, /* makes it; several writers wait for each other */
};
bool ledger_open(const char *path, enum ledger_mode mode, struct ledger **ret, struct err *e);
void ledger_close(struct ledger *l); /* NULL allowed */

/*
 * From hold to release all answers are of one state, no older than the hold.  epoch: as in the
 * gate; a ledger that was empty at this epoch is not asked again (every write moves it).  0: ask.
 */
void ledger_hold(struct ledger *l, uint64_t epoch);
void ledger_release(struct ledger *l);

/* Of a writer.  What was not committed never happened. */
bool ledger_begin(struct ledger *l, struct err *e);
bool ledger_flush(struct ledger *l, struct err *e); /* as store_flush: is there room? */
bool ledger_commit(struct ledger *l, struct err *e);
void ledger_rollback(struct ledger *l); /* nothing to do is fine */

/* ---- events ---- */

struct ledger_event {
	int64_t seq;        /* place in the ledger, from 1 */
	bool of_proposal;   /* target is a proposal: it holds for all of its datasets */
	struct span target; /* pid of a dataset, or a proposal */
	struct event_text text;
	struct span iss, sub; /* who; absent: the administrator of the agent */
};
#define LEDGER_EVENTS 1000U /* of one target; each is read at each decision */
#define LEDGER_SPARE  100U  /* of those: for the administrator, who can always close */
#define LEDGER_NOTE   4096U /* bytes */

/* Events of a dataset and of its proposal (may be absent), in the order of the ledger. */
bool ledger_events(struct ledger *l, struct span pid, struct span proposal, struct arena *a,
	struct ledger_event **ret, size_t *ret_n, struct err *e);
/* In a transaction.  ERR_LIMIT: the log of the target is full; ERR_RANGE: has an event of that id.
 */
bool ledger_event_add(
	struct ledger *l, const struct ledger_event *ev, int64_t *ret_seq, struct err *e);
/* The newest ones of all datasets with seq above `after`, at most `limit`, oldest first. */
bool ledger_events_since(struct ledger *l, int64_t after, size_t limit, struct arena *a,
	struct ledger_event **ret, size_t *ret_n, struct err *e);

/* ---- flags ---- */

struct ledger_flag {
	bool of_proposal;
	struct span target;
	enum flag flag;
	struct span at;   /* instant, RFC 3339 */
	struct span note; /* why */
};
/* In a transaction.  A flag only ever closes: it is set once and is never taken away here. */
bool ledger_flag_add(struct ledger *l, const struct ledger_flag *f, struct err *e);
/* Bits of enum flag. */
bool ledger_flags(
	struct ledger *l, struct span pid, struct span proposal, uint32_t *ret, struct err *e);
