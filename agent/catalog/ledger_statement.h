/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/catalog/ledger.h"
#include "agent/catalog/store.h"

/* The ledger's statements and its tables, for ledger*.c alone. */
struct ledger {
	struct store *store; /* NULL: there is no file, so nothing in it */
	bool writer, held;
	uint64_t epoch; /* at which `any` was asked; 0: not yet */
	bool any;       /* something stands in it */
};

#define LEDGER_APPLICATION 0x50414e4c /* "PANL" */
#define LEDGER_VERSION     1
#define LEDGER_DEADLINE_MS 2000

enum ledger_statement {
	LQ_BEGIN,
	LQ_END,
	LQ_ANY,
	LQ_EVENTS,
	LQ_EVENTS_SINCE,
	LQ_EVENT_COUNT,
	LQ_EVENT_ADD,
	LQ_FLAG_ADD,
	LQ_FLAGS,
	LQ_COUNT
};
extern const char *const ledger_statements[LQ_COUNT];
extern const char ledger_tables[];

/* May there be an answer at all?  Also sets the deadline of the question. */
bool ledger_ask(struct ledger *l);
/* A copy of a column in the arena; absent where it is NULL. */
struct span ledger_text(struct ledger *l, size_t q, int col, struct arena *a);
