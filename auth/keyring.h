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
 * later.  A set is swapped whole; a verification that runs keeps the one that it began with.  Any
 * number of threads may verify; keyring_load and keyring_report are for one thread.
 *
 * Nothing here waits.  A token whose key may be in a set that is being fetched is KEYRING_WAIT: ask
 * again when keyring_ready says so.  For an unknown kid one retrieval is asked for, at most one in
 * KEYRING_REFETCH_MS for each issuer, and never for a bad signature under a known kid (KEY-8).
 */
struct keyring;

#define KEYRING_REFETCH_MS 30000

enum keyring_verdict { KEYRING_GOOD, KEYRING_BAD, KEYRING_WAIT };

/* Borrows `issuers` and `oidc` (NULL: signatures by the kept keys).  `send` may be NULL until
 * keyring_courier. */
bool keyring_new(
	const struct issuers *issuers, struct oidc *oidc, struct keyring **ret, struct err *e);
void keyring_free(struct keyring *k); /* NULL is allowed; no thread may be verifying */
void keyring_courier(struct keyring *k, errand_fn *send, void *arg);
/* The set of an issuer whose keys stand in a file: never stale.  Dropped keys go to `report`. */
bool keyring_load(
	struct keyring *k, size_t issuer, struct span jwks, struct buf *report, struct err *e);
/* REPORT_KEYS or REPORT_TROUBLE.  A set that cannot be read is trouble, and the old one stays. */
void keyring_report(struct keyring *k, size_t issuer, const struct report *r, int64_t now_ms);
/*
 * Did a key of this issuer, with this kid and fit for this alg, sign it (SIG-1 to SIG-4)?  BAD: *e
 * is ERR_UNAUTH, or ERR_UPSTREAM when the issuer's keys are not to be had, and *retry_after then
 * tells in how many seconds it may be better.
 */
enum keyring_verdict keyring_verify(struct keyring *k, size_t issuer, const struct jws *j,
	int64_t now_ms, unsigned *retry_after, struct err *e);
/* Has a retrieval of its keys ended since keyring_verify said WAIT? */
bool keyring_ready(struct keyring *k, size_t issuer);
/* What the issuer's discovery document says; false: not known (yet).  Copied into `out`. */
bool keyring_authorization_endpoint(
	struct keyring *k, size_t issuer, struct buf *out, bool *ret_iss_parameter);
/* States, ages and keys, one "key: value" a line, for `pan-agent check`. */
void keyring_write(struct keyring *k, size_t issuer, int64_t now_ms, struct buf *out);
