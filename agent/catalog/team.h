/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "policy/subject.h"

#include <stdbool.h>

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
