/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "auth/claims.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What issuers were asked about tokens, and what they answered: for opaque tokens and for JWTs that
 * lack claims (reference: INT-1, INT-5, INT-6).  The key of an answer is an HMAC of the token under
 * a key of its issuer that is random at each start; the token itself is never kept.
 *
 * Good answers and refusals stand in two tables, so that hostile tokens cannot push good ones out;
 * of each the oldest goes first.  One question is under way for each token; whoever comes with the
 * same token meanwhile waits for the same errand.  Safe in any number of threads; nothing waits.
 * Memory comes as it is used.  `now_ms` is UTC.
 */
#define ANSWERS_ENTRIES     10000U  /* of each table */
#define ANSWERS_ENTRY_BYTES 8192U   /* claims of one entry, on average over ANSWERS_ENTRIES */
#define ANSWERS_ENTRY_MAX   131072U /* of one: 1000 groups; it takes the place of several */
#define ANSWERS_ASKED_MAX   64U     /* questions under way for each issuer */
#define ANSWERS_PEER_MAX    20U     /* of them by one client address */
#define ANSWERS_ASKED_MS    10000   /* without a report for so long, a question is given up */
#define ANSWERS_YES_MS      60000   /* or until exp: a revoked token works that long at most */
#define ANSWERS_NO_MS       5000
#define ANSWERS_TROUBLE_MS  2000
#define ANSWERS_RATE        20U   /* unknown tokens a second, for each client address */
#define ANSWERS_PEERS       4096U /* addresses that are counted */

struct answers;

/* Is that time to come, and no further away than it can be?  A clock that went back ends all. */
static inline bool
answers_lives(int64_t until_ms, int64_t most_ms, int64_t now_ms)
{
	return now_ms < until_ms && until_ms - now_ms <= most_ms;
}

struct answers_question {
	size_t issuer;       /* index, below that of answers_new */
	struct span token;   /* as it was sent */
	struct span payload; /* of a JWT, decoded; copied.  Absent: an opaque token */
	const uint8_t *peer; /* 16 bytes of client address; NULL: not limited */
};

enum answers_state {
	ANSWERS_NEW,     /* send an errand with this id; where that fails, answers_drop */
	ANSWERS_PENDING, /* such an errand is under way: wait for its report */
	ANSWERS_YES,
	ANSWERS_NO,      /* refused: `why` is ERR_UNAUTH */
	ANSWERS_TROUBLE, /* `why` says who failed: the issuer, or our memory */
	ANSWERS_FULL,    /* too many questions to this issuer are under way: 503 */
	ANSWERS_TOO_MANY /* unknown tokens from this address: 429 */
};

struct answers_found {
	enum answers_state state;
	uint64_t id;          /* NEW, PENDING */
	struct claims claims; /* YES: spans in the caller's arena; ask claims_alive as ever */
	int64_t until_ms;     /* YES: UTC; ask again from then on */
	struct err why;       /* NO, TROUBLE, FULL, TOO_MANY */
	unsigned retry_after; /* TROUBLE, FULL, TOO_MANY: seconds */
};

bool answers_new(size_t n_issuers, struct answers **ret, struct err *e);
void answers_free(struct answers *a); /* NULL is allowed */

void answers_ask(struct answers *a, const struct answers_question *q, int64_t now_ms,
	struct arena *mem, struct answers_found *ret);
/* Is the question with this id no longer under way?  Then ask again. */
bool answers_ready(struct answers *a, uint64_t id, int64_t now_ms);

/* What the report with this id is about; `payload` is copied into `mem`.  False: nothing that is
 * waited for, or no room in `mem`. */
bool answers_asked(struct answers *a, uint64_t id, struct arena *mem, size_t *ret_issuer,
	struct span *ret_payload);
/* End a question; an id that is not under way is ignored.  The claims are copied. */
void answers_put_yes(struct answers *a, uint64_t id, const struct claims *claims, int64_t now_ms);
/* ERR_UNAUTH is kept as a refusal, any other code as trouble. */
void answers_put_no(struct answers *a, uint64_t id, const struct err *why, int64_t now_ms);
void answers_drop(struct answers *a, uint64_t id);
