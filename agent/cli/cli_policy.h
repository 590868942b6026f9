/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/policy.h"

#include <stddef.h>

/* `pan-agent policy`: a table of subcommands, one file cli_policy_<name>.c or cli_explain.c each.
 */
int cli_policy(int argc, char **argv);

/* Policy files in memory; texts and names live as long as it. */
struct cli_policy_files {
	struct policy_source *sources;
	struct buf *texts;
	size_t n;
};
/* False: one of them cannot be read, which was said on standard error. */
bool cli_policy_read(const char *const *names, size_t n, struct cli_policy_files *ret);
void cli_policy_files_fini(struct cli_policy_files *f);
/* NULL: faults, which were written to standard error. */
struct policy_set *cli_policy_load(const struct cli_policy_files *f);
