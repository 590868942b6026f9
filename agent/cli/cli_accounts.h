/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/settings.h"
#include "auth/accounts.h"
#include "auth/issuers.h"

#include <stdbool.h>

/*
 * The issuers of a configuration with their presets, and the file that links their users to
 * accounts: what the commands on the machine itself need to know of both.
 */
struct cli_accounts {
	char *origin; /* borrowed by the issuers, as the settings are */
	struct issuers issuers;
	struct accounts *accounts; /* NULL: no file */
};

/*
 * Faults and warnings of both go to `report` as FILE:LINE:COLUMN lines; false after an error, and
 * *ret is to be freed all the same.  `file`: without it the accounts are not read.
 */
bool cli_accounts_load(
	const struct settings *s, bool file, struct buf *report, struct cli_accounts *ret);
void cli_accounts_fini(struct cli_accounts *a); /* works on a zeroed one */
