/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/catalog/event.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * proposals.yaml: what the user office says about proposals, on which decisions rest.
 *
 *   proposals:
 *     - id: "2026-0123"              # as the layout of a root gives it
 *       title: Pores in sandstone    # optional, as are all but id
 *       route: academic              # academic (default), inhouse, icrd, proprietary
 *       policy: esrf-2024            # explicit binding
 *       flags: [personal-data]       # personal-data, export-control, third-party-rights
 *       dates: {experiment_start: 2026-03-01, experiment_end: 2026-03-04}
 *                                    # proposal_accepted, experiment_start, experiment_end,
 *                                    # data_collected; `dates: from-files` takes the experiment
 *                                    # dates from the start and end times in the files
 *       team:
 *         - {role: pi, issuer: https://login.example.org, sub: alice}
 *         - {role: coproposer, entitlement: "urn:geant:example.org:group:p0123"}
 *         - {role: pi, user: mmuster}  # an account of the facility, linked by accounts.yaml
 *       events:                      # append-only log, policy language 2.3
 *         - {type: extension, at: 2027-01-02, by: director, period: 1y}
 */
struct proposals_member {
	enum policy_role role;
	struct span issuer, sub, entitlement; /* sub with its issuer, or entitlement; absent: */
	struct span user;                     /* an account of the facility */
};

struct proposals_item {
	struct span id;
	struct span title, policy; /* absent: not given */
	enum route route;
	uint32_t flags;                     /* of enum flag */
	struct span dates[MILESTONE_COUNT]; /* as given, and known to parse */
	bool dates_from_files;
	const struct proposals_member *team;
	size_t n_team;
	const struct event_text *events; /* known to be well-formed */
	size_t n_events;
};

struct proposals {
	const struct proposals_item *item; /* in the order of the file; ids are different */
	size_t n;
};

/*
 * Every fault is one line "FILE:LINE:COLUMN: error: MESSAGE" in report (at most 50 are written).
 * False with at least one; then nothing of the file counts, for half a user office's list could
 * open what the other half closes.  Pure.  The arena needs 64 MiB and twice the text.
 */
bool proposals_parse(const char *file, struct span text, struct arena *a, struct buf *report,
	struct proposals *ret, struct err *e);
