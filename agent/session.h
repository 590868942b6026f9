/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Logins of browsers.  They stand in shared memory that the supervisor makes once (memfd, all zero,
 * SESSION_BYTES) and hands to each gate, so they outlive a reload and the death of a gate, and end
 * with the daemon.  A browser holds 32 random bytes (its cookie); here is only their SHA-256.
 *
 * Any number of threads and processes may use one store.  The lock is robust: who dies with it
 * leaves a store that is whole, for a session counts only from its last write on.  Lengths found in
 * the memory are checked as if a stranger had written them.  Times are seconds UTC.
 */
#define SESSION_SLOTS      4096U
#define SESSION_SLOT_BYTES (16UL * 1024)
#define SESSION_HEAD_BYTES (512UL * 1024)
#define SESSION_BYTES      (SESSION_HEAD_BYTES + SESSION_SLOTS * SESSION_SLOT_BYTES)
#define SESSION_TEXT_MAX   SESSION_SLOT_BYTES /* bytes of issuer and claims together */
#define SESSION_COOKIE_LEN 43U                /* base64url of 32 bytes */
#define SESSION_LOCK_AT                                                                            \
	64U /* offset of the pthread_mutex_t, for the test that kills its holder                   \
	     */

struct session_store;

/* How long a session lives: asked on each use, so a reload changes it for those that are open. */
struct session_rules {
	unsigned idle; /* seconds unused */
	unsigned max;  /* seconds in all */
};

struct session {
	uint8_t id[CRYPTO_SHA256_SIZE]; /* of the cookie */
	int64_t created, used;          /* used: before this time */
	int64_t ends;                   /* at the latest, by the rules */
	struct span issuer, claims;     /* as given to session_make */
};

/*
 * The first one to come sets the memory up.  A file that is longer or shorter gives more or fewer
 * slots, at least one.  Borrows fd for the call.  ERR_SYNTAX: made by an agent of another layout.
 */
bool session_open(
	int fd, const struct session_rules *rules, struct session_store **ret, struct err *e);
void session_close(struct session_store *s); /* NULL is allowed; the sessions stay */
/* Random, of this store: for cookies that must survive a reload as the sessions do. */
const uint8_t *session_seal_key(const struct session_store *s);

/*
 * A new session under a new id; the cookie's value is added to `cookie`.  In a full store the one
 * that was unused the longest goes.  ERR_LIMIT: the texts are too long, or the lock is stuck.
 */
bool session_make(struct session_store *s, struct span issuer, struct span claims, int64_t now,
	struct buf *cookie, struct err *e);
/* The session of a cookie, and note its use; texts in `mem`.  ERR_ABSENT: none, or it has ended. */
bool session_find(struct session_store *s, struct span cookie, int64_t now, struct arena *mem,
	struct session *ret, struct err *e);
/* End it; none is fine. */
bool session_end(struct session_store *s, struct span cookie, struct err *e);
/* What a form of this session must send back: nobody else can know it. */
bool session_form_token(const struct session_store *s, const struct session *of, struct buf *out);
/*
 * Note that `what` (a login's state) was used up; ERR_DENIED when it was before.  Remembered until
 * `until`, the last SESSION_SLOTS of them.
 */
bool session_spend(
	struct session_store *s, struct span what, int64_t until, int64_t now, struct err *e);
/* How many live. */
size_t session_count(struct session_store *s, int64_t now);
