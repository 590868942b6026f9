/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Who belongs to the team of a proposal.  Pure.
 *
 * A row names somebody in one of three ways: issuer and sub; an entitlement, with or without an
 * issuer; or an account of the facility, which stands in `sub` with an empty issuer (no issuer has
 * an empty name; absent is something else).
 */
struct team_row {
	struct span issuer, sub, entitlement; /* as the catalogue has them; absent: NULL */
};

#define TEAM_LOCAL SPAN("") /* the issuer of an account of the facility */

bool team_has(const struct team_row *row, const struct subject *who);
/* Did the user office link this proposal to the subject (accounts.yaml)?  By its whole id. */
bool team_linked(struct span proposal, const struct subject *who);

/*
 * The entitlements that a team row may name so that `given` satisfies it: with and without the
 * role, with and without the authority.  Every row for which team_has() takes `given` names one of
 * them.  How many; spans into `given` and `texts`.
 */
#define TEAM_WANTED       4U
#define TEAM_WANTED_BYTES ((size_t)64 * 1024)
size_t team_wanted(struct span given, struct buf *texts, struct span ret[TEAM_WANTED]);
