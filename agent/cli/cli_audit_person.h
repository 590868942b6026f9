/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "agent/cli/cli_audit_files.h"
#include "policy/audit_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The names of persons in the log, by the keys of the months that lie beside its files.  Only root
 * and the agent's user can read them.
 */
#define CLI_AUDIT_MONTHS 1200U

struct cli_audit_month {
	char month[AUDIT_MONTH_LEN];
	uint8_t key[AUDIT_KEY_LEN];
};

struct cli_audit_months {
	struct cli_audit_month *item;
	size_t n;
	size_t unreadable; /* keys that are there and may not be read */
};

/* All months' keys in the folders of these files.  False: no memory. */
bool cli_audit_person_months(const struct cli_audit_files *f, struct cli_audit_months *ret);
void cli_audit_person_months_fini(struct cli_audit_months *m); /* wipes; works on a zeroed one */

/* NAME@ISSUER, cut at the last '@'. */
bool cli_audit_person_split(struct span text, struct span *sub, struct span *iss);
