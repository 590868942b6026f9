/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/catalog/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What people did in front of a closed door, in the ledger: terms that they accepted, requests for
 * access, links and personal grants for reviewers.  A row never changes: what happens to it later
 * is another row (withdrawn, answered, ended).  Times are seconds UTC.  Functions that write want a
 * transaction (ledger_begin); results of the others lie in the caller's arena.
 *
 * The person's identifier stands here in the clear, for it has to be found again (policy language,
 * section 16); it is never in the audit log or in a log line.
 */
struct ledger_person {
	struct span iss, sub; /* absent: the administrator of the agent */
};

/* ---- terms ---- */

struct ledger_terms {
	struct span terms; /* "ID@VERSION" */
	int64_t at;
};
/* Those in force, the one accepted first first. */
bool ledger_terms_of(struct ledger *l, const struct ledger_person *who, struct arena *a,
	struct ledger_terms **ret, size_t *ret_n, struct err *e);
/*
 * Accept, or take that back.  *ret_new false: it stood so already, and nothing was written.
 * ERR_RANGE: LEDGER_TERMS changes of this person are younger than a day.
 */
#define LEDGER_TERMS 50U
struct ledger_terms_change {
	struct ledger_person who;
	struct span terms;
	bool accept;
	int64_t at;
};
bool ledger_terms_put(
	struct ledger *l, const struct ledger_terms_change *c, bool *ret_new, struct err *e);

/* ---- requests for access ---- */

enum ledger_answer { ANSWER_NONE, ANSWER_DECLINE, ANSWER_GRANT, ANSWER_WITHDRAW, ANSWER_COUNT };
/* "open", "declined", "granted", "withdrawn": what has become of a request. */
extern const char *const ledger_answer_states[ANSWER_COUNT];

struct ledger_request {
	struct span id, pid;
	struct ledger_person who;
	struct span action, text;
	int64_t at;
	enum ledger_answer answer; /* ANSWER_NONE: it waits for one */
	int64_t answered;
	struct span by, note; /* of the answer: role, and a word to the asker (may be absent) */
};
#define LEDGER_REQUESTS 500U /* of one list; the newest */
/*
 * ERR_DENIED: this person has an open request for this dataset.  ERR_RANGE: `most` of this person's
 * requests are younger than a day.
 */
bool ledger_request_add(
	struct ledger *l, const struct ledger_request *r, unsigned most, struct err *e);
bool ledger_request_get(struct ledger *l, struct span id, struct arena *a,
	struct ledger_request *ret, struct err *e);
/* The newest first.  Open ones of a dataset, or (pid absent) of all. */
bool ledger_requests_open(struct ledger *l, struct span pid, struct arena *a,
	struct ledger_request **ret, size_t *ret_n, struct err *e);
bool ledger_requests_by(struct ledger *l, const struct ledger_person *who, struct arena *a,
	struct ledger_request **ret, size_t *ret_n, struct err *e);
bool ledger_requests_count(struct ledger *l, uint64_t *ret_open, struct err *e);
struct ledger_reply {
	struct span id; /* of the request */
	enum ledger_answer answer;
	struct ledger_person who;
	struct span by, note; /* note may be absent */
	int64_t at;
};
/* ERR_DENIED: it was answered before. */
bool ledger_request_answer(struct ledger *l, const struct ledger_reply *r, struct err *e);

/* ---- links and personal grants ---- */

#define LEDGER_LINK_HASH 32U  /* SHA-256 of a link's secret, which is kept nowhere */
#define LEDGER_LINKS     100U /* that live of one dataset, or are younger than a day */

struct ledger_link {
	struct span id, pid;
	bool personal;            /* for one person's own token; else whoever holds the link */
	struct ledger_person who; /* personal */
	struct span by;           /* role of its maker */
	struct ledger_person maker;
	struct span to, note; /* may be absent */
	int64_t at, until;    /* until: the first second without it */
	int64_t ended;        /* taken back then; 0: it was not */
	struct span ended_by; /* role */
	int64_t last_day;     /* of its use, days since 1970-01-01; -1: never */
	uint64_t days;        /* on which it was used */
};
static inline bool
ledger_link_live(const struct ledger_link *k, int64_t now)
{
	return k->ended == 0 && now < k->until;
}
/* hash: NULL for a personal grant.  ERR_RANGE: LEDGER_LINKS of this dataset live or are younger
 * than a day. */
bool ledger_link_add(struct ledger *l, const struct ledger_link *k,
	const uint8_t hash[LEDGER_LINK_HASH], struct err *e);
bool ledger_link_by_hash(struct ledger *l, const uint8_t hash[LEDGER_LINK_HASH], struct arena *a,
	struct ledger_link *ret, struct err *e);
bool ledger_link_get(
	struct ledger *l, struct span id, struct arena *a, struct ledger_link *ret, struct err *e);
/* All of a dataset, dead ones too, the newest first, at most LEDGER_REQUESTS. */
bool ledger_links(struct ledger *l, struct span pid, struct arena *a, struct ledger_link **ret,
	size_t *ret_n, struct err *e);
/* The personal grants that live at `now`. */
bool ledger_grants_of(struct ledger *l, const struct ledger_person *who, int64_t now,
	struct arena *a, struct ledger_link **ret, size_t *ret_n, struct err *e);
struct ledger_link_end {
	struct span id;
	struct ledger_person who;
	struct span by;
	int64_t at;
};
/* ERR_DENIED: it had ended before. */
bool ledger_link_end(struct ledger *l, const struct ledger_link_end *x, struct err *e);
/* Note that it was used on this day; once is enough. */
bool ledger_link_use(struct ledger *l, struct span id, int64_t day, struct err *e);
