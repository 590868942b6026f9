/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/cli/cli_facts.h"

#include <stdbool.h>
#include <stdint.h>

/* What a plan asks of the running agent, which records it in the log of the dataset. */
struct cli_dmp_ask {
	struct span pid;
	struct span proposal; /* of a flag: of all of its datasets, now and later; absent: of pid */
	const char *by;       /* the role in which the plan asks */
	struct span note;     /* which plan */
	int32_t day;          /* of a release */
};

/* Both block.  False: *e says why, and nothing was recorded. */
bool cli_dmp_ask_release(struct cli_facts *w, const struct cli_dmp_ask *a, struct err *e);
bool cli_dmp_ask_flag(struct cli_facts *w, const struct cli_dmp_ask *a, struct err *e);
