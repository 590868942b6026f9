/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "auth/courier.h"
#include "auth/issuers.h"
#include "auth/jws.h"
#include "auth/oidc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The key sets of all issuers, as they come and go: from a file at the start, from the courier
 * later.  A set is swapped whole; a verification that runs keeps the one that it began with
 * (KEY-1). Any number of threads may verify; keyring_load and keyring_report are for one thread.
 *
 * Nothing here waits.  A token whose key may be in a set that is being fetched is KEYRING_WAIT: ask
 * again when keyring_ready says so.  For an unknown kid one retrieval is asked for, at most one in
 * KEYRING_REFETCH_MS for each issuer (KEY-7), and never for a bad signature under a known kid
 * (KEY-8).
 */
struct keyring;

#define KEYRING_REFETCH_MS 30000
#define KEYRING_ANSWER_MS  6000 /* a retrieval that was not reported by then has failed */

enum keyring_verdict { KEYRING_BAD, KEYRING_GOOD, KEYRING_WAIT };

/* What comes with a verdict. */
struct keyring_more {
	unsigned retry_after; /* BAD with ERR_UPSTREAM: seconds */
	uint64_t turn;        /* WAIT: for keyring_ready */
};

/* Borrows `issuers`, and `oidc`, which is NULL for signatures by the kept keys. */
bool keyring_new(
	const struct issuers *issuers, struct oidc *oidc, struct keyring **ret, struct err *e);
void keyring_free(struct keyring *k); /* NULL is allowed; no thread may be verifying */
/* Before threads; without it nothing is ever asked for. */
void keyring_courier(struct keyring *k, errand_fn *send, void *arg);
/* The set of an issuer whose keys stand in a file: never stale, never asked for.  One line for each
 * dropped key goes to `report` (may be NULL).  ERR_SYNTAX when it is no key set. */
bool keyring_load(
	struct keyring *k, size_t issuer, struct span jwks, struct buf *report, struct err *e);
/* REPORT_KEYS or REPORT_TROUBLE.  A set that cannot be read is trouble, and the old one stays. */
void keyring_report(struct keyring *k, size_t issuer, const struct report *r, int64_t now_ms);
/*
 * Did a key of this issuer, with this kid and fit for this alg, sign it (SIG-1 to SIG-4)?  BAD: *e
 * is ERR_UNAUTH, or ERR_UPSTREAM when the issuer's keys are not to be had.
 */
enum keyring_verdict keyring_verify(struct keyring *k, size_t issuer, const struct jws *j,
	int64_t now_ms, struct keyring_more *more, struct err *e);
/* Has a retrieval ended, or failed to, since keyring_verify said WAIT with this turn? */
bool keyring_ready(struct keyring *k, size_t issuer, uint64_t turn, int64_t now_ms);
/* Is there a set, and is it not too old to be used (KEY-6)? */
bool keyring_young(struct keyring *k, size_t issuer, int64_t now_ms);
/* Changes whenever the issuer's set does: what was verified under another number is void. */
uint64_t keyring_generation(struct keyring *k, size_t issuer);
/* How often a set of any issuer was replaced by another one. */
uint64_t keyring_changed(const struct keyring *k);
size_t keyring_count(struct keyring *k, size_t issuer); /* usable keys */
/*
 * What the issuer's discovery document says, appended to `authorize` and `end_session` (which may
 * be NULL).  False: there is no authorization endpoint, or it is not known yet.
 */
bool keyring_endpoints(struct keyring *k, size_t issuer, struct buf *authorize,
	struct buf *end_session, bool *ret_iss_parameter);
