/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/json.h"
#include "agent/base/span.h"
#include "auth/issuers.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * accounts.yaml: whom of an issuer's users the facility knows, and by which account (SUB-2).  The
 * user office writes it when somebody has linked an outside identity to a local one.
 *
 *   accounts:
 *     - {issuer: https://login.example.org, value: "0ab1@umbrellaid.org", user: mmuster}
 *     - {issuer: https://login.example.org, claim: voperson_id, value: "7f@egi.eu",
 *        user: mmuster, proposals: [MX-1234, MA-6021]}
 *
 * issuer: the text of `iss` as in agent.yaml, or one of its `formerly` names.  claim: a claim of
 * the issuer's tokens ("a/b" below another one); without it, and with the name of the profile's own
 * claim, the unique id.  user, proposals: at least one of them.  Who is linked to a user is
 * `registered`; who is linked to a proposal belongs to its team as `coproposer`; more than that
 * needs a row of the team in proposals.yaml (`user: mmuster`).
 *
 * `email` counts only where the token says `email_verified: true` (OpenID Connect Core 1.0, 5.1 and
 * 5.7): an address that nobody checked is whatever its holder typed.
 *
 * Pure.  Immutable after accounts_load: a look-up is safe in any number of threads.
 */
struct accounts;

#define ACCOUNTS_MAX           100000U
#define ACCOUNTS_BYTES_MAX     (24UL * 1024 * 1024)
#define ACCOUNTS_CLAIMS_MAX    8U    /* different ones for one issuer: each is one look-up */
#define ACCOUNTS_PROPOSALS_MAX 1000U /* of one row */
#define ACCOUNTS_VALUES_MAX    16U   /* of a claim that is a list */
#define ACCOUNTS_TEXT_MAX      256U  /* bytes of a value, a user, a proposal */

/*
 * Every fault is one "FILE:LINE:COLUMN: error: ..." in report (at most 20 are written), what may be
 * meant a "warning:"; false with at least one error, and nothing of the file counts then.
 */
bool accounts_load(struct span text, const char *file, const struct issuers *issuers,
	struct buf *report, struct accounts **ret, struct err *e);
void accounts_free(struct accounts *a); /* NULL is allowed */
size_t accounts_count(const struct accounts *a);
/*
 * Row i: the issuer and the unique id, and the account (absent: proposals alone).  False: it goes by
 * another claim.
 */
bool accounts_row(const struct accounts *a, size_t i, struct span *iss, struct span *id,
	struct span *user);
/*
 * Sets s->local_user and s->proposals (borrowed from `a`) when a row fits s->iss and s->sub or
 * another claim of `claims`: the unique id first, then the claims in the order in which the file
 * names them; the first row found is the one that counts.  No row is no error.  `a` NULL: no file.
 * `claims` is the payload, or an answer of the issuer that was checked to be of the same sub; with
 * several of them, call once for each: who is linked stays as he is.
 */
void accounts_find(const struct accounts *a, const struct issuer *i, const struct json *claims,
	struct subject *s);
