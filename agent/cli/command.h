/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Exit status of every command. */
enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_CALL = 2 };

/*
 * The commands of pan-agent: one row each in command.c, one file cli_<name>.c each.
 * argv[0] is the command's own name.  Exit status: 0 done, 1 the answer is no or something failed,
 * 2 wrong call or unreadable input.  `--help` prints at most 24 lines ending with one example, on
 * stdout, and exits 0.
 */
struct command {
	const char *name;
	const char *summary; /* one line for `pan-agent --help` */
	int (*run)(int argc, char **argv);
};

/* Dispatches argv[1]; the whole of main(). */
int command_main(int argc, char **argv);

/* A command that is a table of subcommands: dispatches argv[1]; `example` ends its --help. */
int command_group(const struct command *table, const char *example, int argc, char **argv);

/* The configuration file: --config of the command, else $PAN_AGENT_CONFIG, else
 * /etc/pan-agent/agent.yaml. */
const char *command_config(const char *given);
