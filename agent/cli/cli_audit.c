/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit.h"

#include "agent/cli/cli_audit_query.h"
#include "agent/cli/cli_audit_verify.h"
#include "agent/cli/cli_audit_who.h"
#include "agent/cli/command.h"

#include <stdio.h>
#include <string.h>

/* One row for each subcommand, in the order of `pan-agent audit --help`; argv[0] is its name. */
static const struct command subcommands[] = {
	{"verify", "is the log what the agent wrote, whole and unchanged?", cli_audit_verify},
	{"query", "who asked for what, and what was the answer?", cli_audit_query},
	{"who", "whom does a name in the log mean?", cli_audit_who},
	{NULL, NULL, NULL},
};

int
cli_audit(int argc, char **argv)
{
	return command_group(
		subcommands, "pan-agent audit verify /var/log/pan-agent/audit*.jsonl", argc, argv);
}
