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
#define LEDGER_PATIENCE_MS 250 /* a writer's, for another process: downloads wait behind it */

enum ledger_statement {
	LQ_BEGIN,
	LQ_END,
	LQ_ANY,
	LQ_EVENTS,
	LQ_EVENTS_SINCE,
	LQ_EVENT_COUNT,
	LQ_EVENT_SAME,
	LQ_EVENT_ADD,
	LQ_FLAG_ADD,
	LQ_FLAGS,
	LQ_TERMS_OF,
	LQ_TERMS_STATE,
	LQ_TERMS_RECENT,
	LQ_TERMS_ADD,
	LQ_REQUESTS_OF,
	LQ_REQUESTS_OPEN,
	LQ_REQUESTS_BY,
	LQ_REQUESTS_COUNT,
	LQ_REQUEST,
	LQ_REQUEST_SAME,
	LQ_REQUEST_RECENT,
	LQ_REQUEST_ADD,
	LQ_ANSWERED,
	LQ_ANSWER_ADD,
	LQ_LINK_HASH,
	LQ_LINK,
	LQ_LINKS_OF,
	LQ_LINKS_COUNT,
	LQ_GRANTS_OF,
	LQ_LINK_ADD,
	LQ_LINK_ENDED,
	LQ_LINK_END,
	LQ_LINK_USE,
	LQ_COUNT
};
extern const char *const ledger_statements[LQ_COUNT];
extern const char ledger_tables[];

/* May there be an answer at all?  Also sets the deadline of the question. */
bool ledger_ask(struct ledger *l);
/* A copy of a column in the arena; absent where it is NULL. */
struct span ledger_text(struct ledger *l, size_t q, int col, struct arena *a);
