/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "agent/catalog/catalog.h"
#include "agent/catalog/ledger.h"

#include <stdbool.h>
#include <stdio.h>

/* What the commands that read the catalogue do alike: their options, opening it, clean output. */
struct cli_catalogue {
	const char *command;      /* for messages */
	const char *config, *pid; /* pid NULL: none given */
	bool json;
	struct settings *settings;
	struct catalog *catalog; /* with the events and flags of the ledger */
	struct ledger *ledger;
	struct arena arena;
};

/*
 * Take [--config FILE] [--json] [PID] and open the catalogue.  -1: go on (then call _close); else
 * the exit status, and everything was said.
 */
int cli_catalogue_open(struct cli_catalogue *c, int argc, char **argv, const char *help);
void cli_catalogue_close(struct cli_catalogue *c);
/* Exit status 1 for what is not there, 2 else; says why. */
int cli_catalogue_complain(const struct cli_catalogue *c, const char *what, const struct err *e);
/* Text on a terminal: control characters become '?'.  Absent: "-". */
void cli_catalogue_print(struct span text);
