/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "auth/courier.h"
#include "auth/exchange.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who is calling: the one door of this folder.  An Authorization value becomes a subject or a
 * refusal.  Stages, cheapest first, and nothing of a token decides what is opened or contacted:
 * credential, jws, issuers, keys, signature (oidc or keys), claims.
 *
 * auth_load opens files through its libraries and must run before threads and before the process
 * is confined.  Afterwards any number of threads may use it; auth_report is for one of them.
 * auth_check opens nothing and waits for nobody: what has to be asked of an issuer is asked of the
 * courier, and the request waits as a value (AUTH_WAIT), not as a thread.
 */
struct auth;
struct accounts; /* auth/accounts.h */
struct issuers;  /* auth/issuers.h */
struct keyring;  /* auth/keyring.h */

struct auth_refusal {
	int status;            /* 400, 401, 403, 429 or 503; never 500 */
	const char *error;     /* code of RFC 6750 3.1, or NULL */
	char description[200]; /* ASCII of RFC 6750's set: "claim: what is wrong (clause)" */
	unsigned retry_after;  /* seconds, with 429 and 503; else 0 */
	struct span scope;     /* with insufficient_scope: the one that is missing; else absent */
	struct span
		acr_values; /* with insufficient_user_authentication (RFC 9470 3); else absent */
	bool dpop; /* a proof of possession failed, or is demanded: a DPoP challenge as well */
};

/* What a request shows of its sender.  Spans are borrowed for the call. */
struct auth_request {
	struct span authorization; /* field value; absent: none */
	struct span dpop;          /* DPoP field (RFC 9449 4.1); absent: none */
	bool two_proofs;           /* more than one of them */
	struct span method;        /* "GET" */
	struct span path;          /* decoded */
	const uint8_t *peer;       /* 16 bytes of client address; NULL: none, no limit by address */
	const uint8_t *certificate; /* SHA-256 of the client's TLS certificate; NULL: none */
	int64_t now_ms;             /* UTC: when it is judged */
	bool again; /* a file was granted for this very request already, and that grant has ended */
};

enum auth_verdict { AUTH_NO, AUTH_YES, AUTH_WAIT };

/* A request that waits.  Zeroed before its first auth_check; then kept with the request. */
struct auth_wait {
	uint64_t id; /* of the errand; 0: none */
	unsigned issuer;
	unsigned what;    /* auth.c's */
	unsigned seat;    /* auth/seats.h */
	int64_t until_ms; /* not longer than that, in all */
};

#define AUTH_WAITING_MAX 64U   /* requests for each issuer; half of them of one address */
#define AUTH_WAIT_MS     5000L /* one request, in all */

/* The files that belong to the settings; zeroed: none. */
struct auth_texts {
	/* Each issuer's key file, in the order of s->issuers; absent where there is none (the
	 * courier brings them; until then tokens wait, then are answered 503).  NULL: none at all.
	 */
	const struct span *jwks;
	struct span accounts; /* of s->accounts */
	/* Descriptor of a table of used proofs (replay_create), which stays the caller's; 0: one of
	 * this process alone. */
	int replay;
};

/*
 * public_url: NULL for that of the settings.  Borrows `s`, which must outlive it.  Faults go to
 * `report` as "FILE:LINE:1: error: ..." lines, and as "warning:" lines what is only worth knowing
 * (dropped keys); false after an error.  texts NULL: no files.
 */
bool auth_load(const struct settings *s, const struct auth_texts *texts, const char *public_url,
	struct buf *report, struct auth **ret, struct err *e);
void auth_free(struct auth *a); /* NULL is allowed */

/* Where errands go; before threads, or never: then nothing is ever asked. */
void auth_courier(struct auth *a, errand_fn *send, void *arg);
/* What came back; of one thread.  What waited for it is auth_ready from then on. */
void auth_report(struct auth *a, const struct report *r, int64_t now_ms);

/*
 * An absent or another kind of credential is AUTH_YES with the anonymous subject.  The
 * subject's spans lie in `mem` (or, for iss, in the settings).  256 KiB of arena are enough for
 * the longest token.  AUTH_WAIT: keep `wait` and ask again with the same request when auth_ready
 * says so; a wait that is not asked again must be given to auth_forget.  At wait->until_ms the
 * verdict is no longer WAIT.
 */
enum auth_verdict auth_check(struct auth *a, const struct auth_request *q, struct arena *mem,
	struct subject *ret, struct auth_refusal *why, struct auth_wait *wait);
bool auth_ready(struct auth *a, const struct auth_wait *wait, int64_t now_ms);
void auth_forget(struct auth *a, struct auth_wait *wait);

/*
 * For the login in a browser: have the courier exchange a code (ERRAND_CODE), and read the answer
 * when auth_ready says so.  The spans of the answer lie in `mem`; auth_forget ends it.  ERR_LIMIT:
 * too many are under way; ERR_UPSTREAM: the courier is not there.
 */
struct auth_code {
	struct span code, verifier, redirect;
};
bool auth_exchange(struct auth *a, size_t issuer, const struct auth_code *code, int64_t now_ms,
	struct auth_wait *wait, struct err *e);
bool auth_exchanged(struct auth *a, const struct auth_wait *wait, struct arena *mem,
	struct exchange_result *ret, struct err *e);
/* What the login needs of the rest. */
const struct issuers *auth_issuers(const struct auth *a);
struct keyring *auth_keyring(struct auth *a);
const struct accounts *auth_accounts(const struct auth *a); /* NULL: no file */

/* Does the token cover reading this path (decoded, without dot components)?  true where its issuer
 * demands no path scopes; else `why` is 403 insufficient_scope, its scope in `mem`. */
bool auth_covers(struct auth *a, const struct subject *s, struct span path, struct arena *mem,
	struct auth_refusal *why);
/* The same for adding a file or a folder there (storage.create, storage.modify; SciTokens: write).
 */
bool auth_covers_write(struct auth *a, const struct subject *s, struct span path, struct arena *mem,
	struct auth_refusal *why);
/* Moves whenever a key set was replaced by another: what was granted by the old one is void. */
uint64_t auth_keys_changed(const struct auth *a);
/* Tokens that were answered from the cache, since auth_load. */
uint64_t auth_cache_hits(const struct auth *a);

/*
 * The value of WWW-Authenticate (RFC 6750 3, RFC 9728 5.1).  refusal NULL: no credentials were
 * sent, so no error member.  realm: the host.
 */
void auth_write_challenge(struct buf *out, struct span realm, struct span metadata_url,
	const struct auth_refusal *refusal);
/* The protected resource document (RFC 9728 2), application/json. */
void auth_write_metadata(const struct auth *a, struct buf *out);
/* Refusals by issuer and reason, in the text format of /metrics. */
void auth_write_metrics(const struct auth *a, struct buf *out);
