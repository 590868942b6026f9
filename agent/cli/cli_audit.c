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

static int
usage(FILE *out, int code)
{
	(void)fputs("usage: pan-agent audit SUBCOMMAND [options]\n\nsubcommands:\n", out);
	for (const struct command *c = subcommands; c->name != NULL; c++)
		(void)fprintf(out, "  %-10s %s\n", c->name, c->summary);
	(void)fputs("\n`pan-agent audit SUBCOMMAND --help` tells more.\n"
		    "\n"
		    "example: pan-agent audit verify /var/log/pan-agent/audit*.jsonl\n",
		out);
	return code;
}

int
cli_audit(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr, EXIT_CALL);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout, EXIT_DONE);
	for (const struct command *c = subcommands; c->name != NULL; c++)
		if (strcmp(argv[1], c->name) == 0)
			return c->run(argc - 1, argv + 1);
	(void)fprintf(stderr, "pan-agent audit: no subcommand '%s'; see pan-agent audit --help\n",
		argv[1]);
	return EXIT_CALL;
}
