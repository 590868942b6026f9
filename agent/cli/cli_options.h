/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The options of one command as a table; a row takes a value or is a switch. */
struct cli_option {
	const char *name;   /* "--issuer" */
	const char **value; /* NULL: a switch */
	bool *on;           /* NULL: it has a value */
};

/*
 * Reads argv from index `from`: options of the table, and at most one other word into *word (NULL:
 * none is allowed).  --help and -h set *help and end the reading.  False: a message was written to
 * standard error that begins with "pan-agent COMMAND: ".
 */
struct cli_call {
	const char *command;
	int argc;
	char **argv;
	int from;
};
bool cli_options_read(const struct cli_call *c, const struct cli_option *table, size_t n,
	const char **word, bool *help);
