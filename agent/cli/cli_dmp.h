/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/cli/cli_facts.h"

#include <stdbool.h>
#include <stddef.h>

/* `pan-agent dmp`: data management plans in and out (reference "FAIR", 11). */
int cli_dmp(int argc, char **argv);

struct cli_dmp_pids {
	struct span *item;
	size_t n;
};

/* The pids of all datasets of a proposal, in their order, in the arena; none is fine. */
bool cli_dmp_of_proposal(struct cli_facts *w, struct span proposal, struct arena *a,
	struct cli_dmp_pids *ret, struct err *e);
/* public_url without a slash at the end. */
struct span cli_dmp_origin(const struct cli_facts *w);
