/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/settings.h"

#include <stdbool.h>

/*
 * What `pan-agent check` says of issuers, their keys and secrets, and the accounts file (TOOL-2).
 * Faults go to `report`; what is allowed and probably not meant goes to `notes`, as does what the
 * network tells unless `offline`; with `shown` every issuer's effective values go there.
 */
struct cli_check_issuers {
	struct settings *settings; /* of settings_read: strings may be NULL */
	bool offline;
	struct buf *report, *notes;
	struct buf *shown; /* NULL: not wanted */
};

void cli_check_issuers(const struct cli_check_issuers *c);
/* A file that holds a secret: it is opened, never read.  `path` NULL: nothing. */
void cli_check_secret(const struct cli_check_issuers *c, const char *path);
