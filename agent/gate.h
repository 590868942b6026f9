/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/catalog/catalog.h"
#include "agent/catalog/ledger.h"
#include "agent/http/exchange.h"
#include "auth/auth.h"
#include "policy/audit.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * The one decision path: who is asking, what is it, may they, open it, write it down, answer.
 * `struct gate` is shared by the gate's threads and never changes once they run; `struct gate_desk`
 * is one thread's own place: catalogue connection, memory of the request, buffers of the answer.
 */
struct gate {
	const struct settings *settings;
	const struct policy_set *policies;
	struct auth *auth;
	struct audit *audit;
	const struct span *mentioned; /* entitlements that the policies mention, for the log */
	size_t n_mentioned;
	int *roots; /* O_PATH descriptors, in the order of settings->roots */
	const uint64_t *epoch;
	struct trusted_time *time; /* policy goes by it; NULL: by the wall clock */
	struct metrics *metrics;
	struct session_store *sessions; /* logins of browsers; NULL: there are none */
	struct gate_refused *refused;   /* limits what is written of refusals; NULL: nothing does */
	uint64_t rate_key[4];           /* secret: names those whose rates are limited */
	struct gate_mover *mover;       /* takes files elsewhere; NULL: nothing does */
	struct gate_ledger *ledger;     /* what people do is written there; NULL: it is not */
	struct gate_indexer *indexer;   /* writes the catalogue; NULL: it cannot be asked */
};

#define GATE_TELL_MS   60000 /* between two such lines of one thread */
#define GATE_LOGINS    5U    /* codes for each address in a second, and thread */
#define GATE_LOGINS_OF 1024U /* addresses that are remembered for that */

/* The folder of the dataset that was opened last; for one turn, so that it is looked up each time.
 */
struct gate_folder {
	bool open;
	int fd, root;
	struct buf name;
};

struct gate_desk {
	const struct gate *gate;
	struct catalog *catalog;
	struct ledger *ledger;   /* to read; NULL: there is none */
	struct metrics *metrics; /* this thread's stripe */
	uint64_t epoch; /* when the catalogue was held: what changes afterwards ends the grants */
	struct arena mem;
	size_t mark; /* of it, what the first halves of a turn took */
	struct buf fields, body;
	struct buf record;        /* audit records of the questions in work */
	int64_t told_ms;          /* when it was last said that the audit log fails; 0: never */
	struct peer_rate *logins; /* codes that each address may have exchanged */
	struct gate_folder folder;
};

/* How far the first half of a question got. */
enum gate_found {
	GATE_NOTHING, /* it needs nothing before its answer */
	GATE_REFUSED, /* the credential is not good */
	GATE_OUTSIDE, /* the credential does not cover the path */
	GATE_DECIDED, /* there is a decision */
	GATE_ABSENT,  /* no such dataset */
	GATE_FAILED,  /* the catalogue does not answer */
	GATE_WAITS,   /* somebody else has to answer first: c->wait, and nothing else was decided */
};

/*
 * What a question waits for; zero: nothing.  A plain value that goes with the question: it is given
 * to gate_begin when the question is asked again, or to gate_forget.
 */
struct gate_wait {
	struct auth_wait token; /* for what its token's issuer is asked */
	struct auth_wait login; /* for the issuer that a browser's login goes to */
	uint64_t keys;          /* then for its keys: keyring_more.turn + 1; 0: not for them */
	uint64_t wish;          /* for the indexer (gate_indexer.h); 0: not for it */
	int64_t wish_until_ms;
};

#define GATE_WISH_MS 20000L /* for the indexer; less than FRONT_LINK_ASK_MS */
#define GATE_WAIT_MS 15000L /* no question waits longer, whatever the clock does meanwhile */

struct gate_case;
/*
 * Paths that the gate answers; the front's table (agent/http/route.c) says which methods get here.
 */
struct gate_row {
	struct span prefix;
	bool whole; /* the path is the prefix, nothing behind it */
	bool login; /* a token that is presented is judged */
	void (*begin)(struct gate_desk *d, struct gate_case *c);
	void (*answer)(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
};

/* One question being answered: what is known so far. */
struct gate_case {
	const struct http_ask *ask;
	int64_t now, now_ms;   /* trusted time: of decisions, events and records */
	int64_t wall, wall_ms; /* wall clock: of tokens, sessions and proofs */
	uint64_t epoch;        /* as in the desk, when it was begun */
	const struct gate_row *row;
	enum gate_found found;
	struct gate_wait wait;
	bool wished;                 /* it has waited for the indexer, and does not again */
	struct auth_refusal refusal; /* GATE_REFUSED, GATE_OUTSIDE */
	size_t record_at, record_n;  /* of the desk's records; 0 bytes: none */
	const char *kind;            /* of the record */
	bool recorded;               /* the record stands in the log */
	struct subject subject;
	void *own; /* what the row's begin keeps for its answer, in the desk's memory; NULL: nothing
		    */
	bool asked_ledger;           /* for the two below (gate_people.h) */
	const struct span *accepted; /* terms of the subject, "ID@VERSION" */
	size_t n_accepted;
	const struct ledger_link *grants; /* personal ones that live */
	size_t n_grants;
	uint32_t granted; /* of the roles in `facts`: by a grant alone, so to read and no more */
	struct span link; /* id of the reviewer's link that the subject came with; absent: none */
	struct facts facts;
	struct catalog_dataset dataset;
	struct span rest; /* of the path behind the pid */
	struct decision decision;
	int64_t next_event; /* when an event of the log that lies ahead comes to be; 0: none does */
	uint64_t record;    /* sequence number of the audit record of the decision */
};

/* What policy takes for the time when the wall clock says wall_ms (trusted_time.h). */
int64_t gate_time_ms(const struct gate *g, int64_t wall_ms);

bool gate_desk_init(struct gate_desk *d, const struct gate *g, struct err *e);
void gate_desk_fini(struct gate_desk *d);

/*
 * Questions are answered in turns: gate_start; gate_begin for each question that has come in, which
 * decides; gate_record, which writes the records of them all at once; then gate_finish for each,
 * which opens and answers, so that no answer leaves before its record stands (POL-20); gate_end.
 * All of a turn see one state of the catalogue, no older than the youngest of its questions.
 * Nothing here blocks for more than the catalogue, the audit log and the opening of a file.
 */
#define GATE_TURN 32U /* questions of a turn */

void gate_start(struct gate_desk *d);
/*
 * `before`: what the question waited for, when it is asked again: all of it is decided anew; NULL
 * for a new one.  ret->found is GATE_WAITS when it has to wait (again): then ret->wait is the
 * caller's to keep with the question, and nothing of it is recorded or answered in this turn
 * (gate_parked.h).  Who cannot keep it goes on to gate_finish, which answers 503.
 */
void gate_begin(struct gate_desk *d, const struct http_ask *ask, int64_t wall_ms,
	const struct gate_wait *before, struct gate_case *ret);
void gate_record(struct gate_desk *d, struct gate_case *cases, size_t n);
/* Always fills *ret; its spans live in the desk until the next call, its grant (if any) is the
 * caller's. */
void gate_finish(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
/* May come early, when what follows can take long: it only lets the catalogue go. */
void gate_end(struct gate_desk *d);
/*
 * Have the indexer do something before this question is answered.  From a row's begin: then it sets
 * c->found to GATE_WAITS, and nothing is recorded yet.  From its answer, which is complete, but
 * leaves only when it is done: then the question is begun anew with c->wished, so what was done is
 * to be known again.  False: it was wished before, or the indexer is not there: go on without.
 */
struct wish;
bool gate_wish(struct gate_desk *d, struct gate_case *c, const struct wish *w);
/* Is it worth asking again: the answer is there, or the time is over? */
bool gate_ready(struct gate_desk *d, const struct gate_wait *w, int64_t now_ms);
/* When gate_ready says so at the latest, ms UTC. */
int64_t gate_until(const struct gate_wait *w);
/* The question is not asked again. */
void gate_forget(struct gate_desk *d, struct gate_wait *w);
/* A turn of one question, which does not wait. */
void gate_answer(
	struct gate_desk *d, const struct http_ask *ask, int64_t now_ms, struct http_answer *ret);

/* Log that the audit log fails, once in a while. */
void gate_tell(struct gate_desk *d, int64_t now_ms, const struct err *why);

/* "Name: value\r\n" to d->fields. */
void gate_field(struct gate_desk *d, const char *name, struct span value);
