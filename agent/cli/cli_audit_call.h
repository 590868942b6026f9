/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/cli/cli_options.h"

#include <stdbool.h>
#include <stddef.h>

/* How the subcommands of `pan-agent audit` are called: options, and any number of other words. */
#define CLI_AUDIT_WORDS 1024U
#define CLI_AUDIT_KEYS  64U

struct cli_audit_call {
	const char *command;           /* for messages: "audit verify" */
	const struct cli_option *more; /* options of its own; NULL: none */
	size_t n_more;
	const char *config;
	bool json, help;
	const char *keys[CLI_AUDIT_KEYS]; /* --key, as often as given */
	size_t n_keys;
	const char *words[CLI_AUDIT_WORDS];
	size_t n_words;
};

/* argv[0] is the subcommand; `--` ends the options.  False: what is wrong was said. */
bool cli_audit_call_read(struct cli_audit_call *c, int argc, char **argv);
