/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The keys of issuers as an agent on this machine has them: from the key file of its settings, or
 * what its courier keeps in STATE_DIR/issuers, one file for each issuer.
 */
#define CLI_AUTH_KEYS_MAX (512UL * 1024) /* bytes of a kept file */

/*
 * What the courier kept, strictly (the rest of it is the courier's own): the text of the key set,
 * and when it was fetched, seconds UTC.  Pure; fuzz target: cli_auth_keys.  *ret lies in `mem`.
 */
bool cli_auth_keys_parse(struct span text, struct span issuer, struct arena *mem, struct span *ret,
	int64_t *ret_fetched, struct err *e);
/*
 * The key set of one issuer.  ERR_ABSENT: the agent has none that is young enough (stale_max);
 * ERR_SYSTEM: it may not be read.
 */
bool cli_auth_keys(const struct settings *s, const struct settings_issuer *i, int64_t now,
	struct arena *mem, struct span *ret, struct err *e);
