/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "auth/accounts.h"
#include "auth/issuers.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Why a token is accepted or not: all checks of auth.c in its order, each with what was found, what
 * was expected, the clause and the result; after a failure it goes on as far as there is sense in
 * it.  The verdict is auth_check's for the same token as a Bearer credential.  For
 * `pan-agent auth explain`; claims are shown, because whoever asks holds the token; of the
 * signature only its length, of the token's text nothing.  Nobody is asked: pure but for libcrypto.
 */
enum auth_explain_result {
	AUTH_EXPLAIN_OK,
	AUTH_EXPLAIN_FAILED,
	AUTH_EXPLAIN_SKIPPED, /* not reached, or it cannot be told here */
	AUTH_EXPLAIN_NOTE     /* worth knowing; decides nothing */
};
extern const char *const auth_explain_result_names[4]; /* "ok", "failed", "skipped", "note" */

struct auth_explain_step {
	const char *check;    /* "alg", "exp", "signature", ... */
	struct span value;    /* as found, for a terminal; absent: nothing */
	struct span expected; /* absent: nothing was */
	struct span clause;   /* absent: none */
	struct span why;      /* of FAILED, SKIPPED and NOTE; absent: none */
	enum auth_explain_result result;
};

#define AUTH_EXPLAIN_STEPS_MAX 256U

struct auth_explain_case {
	const struct issuers *issuers;
	const struct span *jwks; /* key set of each issuer, in their order; absent: not to be had */
	const struct accounts *accounts; /* NULL: no file */
	int64_t now;                     /* seconds UTC */
	struct span path;                /* that is to be read, decoded; absent: none */
	bool proven; /* as if the sender proved to hold the key that the token is bound to */
};

struct auth_explain {
	struct auth_explain_step step[AUTH_EXPLAIN_STEPS_MAX];
	size_t n;
	/* 200; 400, 401, 403 or 503 as the agent would answer; 0: only the issuer knows (opaque) */
	int status;
	size_t decisive;        /* index of the step that decided; n when none did */
	struct subject subject; /* with 200 and 403; spans in the arena, the issuers and accounts */
	const struct issuer *issuer; /* NULL: not found */
};

/* False: ERR_LIMIT, the arena is full (1 MiB is enough). */
bool auth_explain(const struct auth_explain_case *c, struct span token, struct arena *mem,
	struct auth_explain *ret, struct err *e);
/* One step a line (a second one for `why`), for a terminal of any width; then the verdict. */
void auth_explain_text(const struct auth_explain *x, struct buf *out);
/*
 * {"status":401,"decisive":"exp","steps":[{"check":..,"result":..,"value":..,"expected":..,
 * "clause":..,"why":..}],"subject":{...} or null}
 */
void auth_explain_json(const struct auth_explain *x, struct buf *out);
