/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/settings.h"
#include "auth/accounts.h"
#include "auth/answers.h"
#include "auth/auth.h"
#include "auth/courier.h"
#include "auth/exchange.h"
#include "auth/issuers.h"
#include "auth/keyring.h"
#include "auth/oidc.h"
#include "auth/refusals.h"
#include "auth/replay.h"
#include "auth/seats.h"
#include "auth/token_cache.h"

#include <stdatomic.h>
#include <stddef.h>

/*
 * What the files behind auth/auth.h share, and nobody else: auth_load.c makes it, auth.c judges
 * with it.  After the load only what guards itself changes (keyring, cache, counters).
 */

/* What a request waits for (auth_wait.what). */
enum waiting { WAITING_NOTHING, WAITING_KEYS, WAITING_ANSWER, WAITING_EXCHANGE };
#define EXCHANGE_ID (1ULL << 63) /* in the ids of exchanges, to tell them from answers' */

struct auth {
	const struct settings *settings;
	char *origin; /* with a slash at its end */
	struct issuers issuers;
	struct keyring *keys;
	struct oidc *oidc; /* NULL: signatures by the kept keys */
	struct token_cache *cache;
	struct accounts *accounts; /* NULL: no file */
	struct answers *answers;
	struct replay *replay;
	struct exchange *exchange;
	errand_fn *send; /* NULL: no courier */
	void *send_arg;
	atomic_uint_fast64_t exchanges; /* counted, for their ids */
	struct refusals *refusals;
	struct seats *seats; /* of requests that wait */
	atomic_uint_fast64_t hits;
};

/* One request being judged. */
struct check {
	struct auth *a;
	const struct auth_request *q;
	int64_t now_ms;
	struct arena *mem;
	struct auth_wait *wait;
	bool late;            /* it has waited as long as it may */
	bool too_many;        /* the refusal is 429 */
	bool bad_proof;       /* it is invalid_dpop_proof */
	bool prove;           /* a proof may help: a DPoP challenge as well */
	bool dpop;            /* by the scheme DPoP */
	bool somebody;        /* the token itself has the unique id */
	struct span token;    /* absent: none */
	uint8_t key[32];      /* its place in the cache of verified tokens */
	size_t issuer;        /* REFUSALS_NOBODY: not known yet */
	unsigned retry_after; /* of a refusal for now; 0: not said */
	struct token_cached got;
};

/* The request is to be parked: few for each issuer, and none for longer than AUTH_WAIT_MS.  NO with
 * ERR_UPSTREAM when it may not wait. */
enum auth_verdict check_park(struct check *c, enum waiting what, uint64_t id, struct err *e);
