/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/catalog/madmp_wish.h"
#include "agent/cli/cli_dmp_report.h"
#include "agent/cli/cli_facts.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A plan is a proposal, never an order (FAIR-12): what it wants of one dataset against what policy
 * gives.  It may open data earlier, as far as the policy lets the asking role do that, and may call
 * them personal; whatever else differs is a conflict, and the policy's word stands.
 */
struct cli_dmp_desk {
	struct cli_facts *w;
	struct cli_dmp_report *report;
	enum policy_role by; /* in which role the plan asks */
	struct span note;    /* which plan it is, for the log */
	int64_t now;         /* seconds UTC */
	bool dry;            /* ask nobody */
	bool named;          /* entries of the plan name datasets */
};

/* Adds its rows to the report, and asks. */
void cli_dmp_judge(const struct cli_dmp_desk *d, const struct catalog_dataset *ds,
	const struct madmp_wish *wish);
/* The same of a proposal that has no dataset in the catalogue yet: flags alone can be asked for. */
void cli_dmp_judge_proposal(
	const struct cli_dmp_desk *d, struct span proposal, const struct madmp_wish *wish);
/* The licence of the policy that the dataset is bound to; absent: none is. */
struct span cli_dmp_licence(const struct cli_dmp_desk *d, const struct catalog_dataset *ds);
