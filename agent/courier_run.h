/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/courier.h"

/* The state of one issuer, between courier.c, courier_keys.c, courier_ask.c and courier_tell.c. */

#define COURIER_ROUND_MS 5000 /* of one retrieval: the document and the keys together (KEY-2) */
#define COURIER_TEXT_MAX 200U
#define COURIER_ETAG_MAX 1024U

enum courier_state {
	COURIER_NEVER,   /* no retrieval succeeded yet */
	COURIER_FRESH,   /* the last one did */
	COURIER_STALE,   /* it did not, but what came before is still good */
	COURIER_EXPIRED, /* nor is that */
	COURIER_STATES
};

enum courier_round {
	ROUND_NONE,
	ROUND_DOCUMENT,  /* waits for the discovery document */
	ROUND_ELSEWHERE, /* waits for it from the place of RFC 8414 */
	ROUND_KEYS       /* waits for the key set */
};

struct courier_keys {
	enum courier_round round;
	int64_t round_ms;    /* when this round began */
	bool round_document; /* it has asked for the document */
	bool has_document, document_due;
	int64_t document_ms; /* when the document came */
	struct courier_discovery document;
	bool has_keys;
	struct buf jwks;
	char etag[COURIER_ETAG_MAX + 1]; /* "": none */
	size_t n, dropped;
	bool tried;
	int64_t fetched, fetched_ms; /* the last success, by both clocks */
	int64_t ended_ms;            /* the last round's end */
	int64_t next_ms;             /* the next round */
	unsigned failures;           /* in a row */
	uint64_t failed;             /* ever */
	int64_t since;               /* of the first failure in a row, seconds UTC */
	char error[COURIER_TEXT_MAX + 1];
	bool refetched;
	int64_t refetch_ms; /* the last retrieval that a gate asked for, with keys at hand */
	int64_t kept_ms;    /* when they were kept on disk; 0: not yet */
	bool same;          /* the set of the last success was the one of before */
	enum courier_state state;
	bool trouble; /* told: the last round failed */
};

struct courier_ask;

struct courier_asks {
	struct courier_ask *waiting, **last; /* oldest first */
	struct courier_ask *running;
	unsigned n_waiting, n_running;
	uint64_t results[RESULT_BUSY + 1];
	/* The last line about what the administrator is to mend ([1]), and about other failures. */
	bool warned[2];
	int64_t warned_ms[2];
};

struct courier_issuer {
	struct courier *courier;
	const struct courier_world *world;
	const struct issuer *rules;
	const struct settings_issuer *settings;
	struct courier_files files;
	bool fetched;        /* it has a part in this at all */
	bool needs_keys;     /* its keys are not in a file */
	bool needs_document; /* an endpoint is not in the settings */
	struct courier_keys keys;
	struct courier_asks asks;
};

struct courier {
	struct courier_world world;
	struct courier_issuer *issuer;
	size_t n;
	bool changed, draining;
};

static inline struct courier_now
courier_now(const struct courier_issuer *i)
{
	return i->world->now(i->world->arg);
}

static inline void
courier_note(const struct courier_issuer *i, enum log_level l, const char *event, const char *msg,
	struct span text)
{
	i->world->note(i->world->arg, l, event, msg, i->rules->iss, text);
}
