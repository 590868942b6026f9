/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/buf.h"
#include "agent/base/settings_dump.h"
#include "agent/cli/cli_access.h"
#include "agent/cli/cli_audit.h"
#include "agent/cli/cli_auth.h"
#include "agent/cli/cli_check.h"
#include "agent/cli/cli_dmp.h"
#include "agent/cli/cli_index.h"
#include "agent/cli/cli_issuers.h"
#include "agent/cli/cli_login.h"
#include "agent/cli/cli_ls.h"
#include "agent/cli/cli_policy.h"
#include "agent/cli/cli_reload.h"
#include "agent/cli/cli_show.h"
#include "agent/cli/cli_status.h"
#include "agent/cli/cli_token.h"

/* One row for each command, in the order of `pan-agent --help`; the last row ends the table. */
static const struct command commands[] = {
	{"index", "catalogue the data roots", cli_index},
	{"ls", "list datasets, or the files of one", cli_ls},
	{"show", "all that is known of a dataset", cli_show},
	{"auth", "explain what an agent makes of a token, check by check", cli_auth},
	{"policy", "check, test, explain and sign policy files", cli_policy},
	{"audit", "check and search the audit log", cli_audit},
	{"dmp", "data management plans: take one, write one", cli_dmp},
	{"access", "ask for access to a dataset, answer, accept terms, make reviewers' links",
		cli_access},
	{"login", "get a token for a data server by a browser, and keep the login", cli_login},
	{"logout", "revoke the tokens of a login, and delete it", cli_logout},
	{"token", "print the token that a server would get; or mint one of a demo issuer",
		cli_token},
	{"check", "say everything that is wrong with the configuration", cli_check},
	{"reload", "have the running agent read its configuration again", cli_reload},
	{"issuers", "tell which issuers' keys the running agent has", cli_issuers},
	{"status", "tell what the running agent's processes do", cli_status},
	{NULL, NULL, NULL},
};

static int
usage(FILE *out, int code)
{
	(void)fputs("usage: pan-agent COMMAND [options]\n\ncommands:\n", out);
	for (const struct command *c = commands; c->name != NULL; c++)
		(void)fprintf(out, "  %-10s %s\n", c->name, c->summary);
	(void)fputs("\n`pan-agent COMMAND --help` tells more; `pan-agent --dump-options` lists the "
		    "keys of "
		    "agent.yaml;\n`pan-agent --version` prints the version.\n",
		out);
	return code;
}

const char *
command_config(const char *given)
{
	const char *env = given != NULL ? given : secure_getenv("PAN_AGENT_CONFIG");

	return env != NULL ? env : "/etc/pan-agent/agent.yaml";
}

/* Every key of agent.yaml, from the table that reads it. */
static int
dump_options(void)
{
	AUTO_BUF out = BUF_INIT(1UL << 20);

	settings_dump(&out);
	return buf_ok(&out) && fwrite(out.p, 1, out.n, stdout) == out.n ? 0 : 1;
}

int
command_main(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr, 2);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout, 0);
	if (strcmp(argv[1], "--version") == 0) {
		(void)puts("pan-agent " PAN_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "--dump-options") == 0)
		return dump_options();
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(argv[1], c->name) == 0)
			return c->run(argc - 1, argv + 1);
	(void)fprintf(stderr, "pan-agent: no command '%s'; see pan-agent --help\n", argv[1]);
	return 2;
}

/* ---- subcommands ---- */

static int
group_usage(const struct command *table, const char *group, const char *example, FILE *out)
{
	(void)fprintf(out, "usage: pan-agent %s SUBCOMMAND [options]\n\nsubcommands:\n", group);
	for (const struct command *c = table; c->name != NULL; c++)
		(void)fprintf(out, "  %-10s %s\n", c->name, c->summary);
	(void)fprintf(out, "\n`pan-agent %s SUBCOMMAND --help` tells more.\n\nexample: %s\n", group,
		example);
	return out == stdout ? EXIT_DONE : EXIT_CALL;
}

int
command_group(const struct command *table, const char *example, int argc, char **argv)
{
	if (argc < 2)
		return group_usage(table, argv[0], example, stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return group_usage(table, argv[0], example, stdout);
	for (const struct command *c = table; c->name != NULL; c++)
		if (strcmp(argv[1], c->name) == 0)
			return c->run(argc - 1, argv + 1);
	(void)fprintf(stderr, "pan-agent %s: no subcommand '%s'; see pan-agent %s --help\n",
		argv[0], argv[1], argv[0]);
	return EXIT_CALL;
}
