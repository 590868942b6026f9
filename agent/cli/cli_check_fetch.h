/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/settings.h"
#include "auth/issuers.h"

/*
 * Asks each issuer that the agent would fetch for its discovery document and its keys, all at once
 * and each for at most CLI_CHECK_FETCH_MS, and says what cannot be reached, does not fit, or cannot
 * be used: "FILE:LINE:1: warning: ..." lines in `notes`.  Nothing of it is a fault, since the agent
 * would start, and try again.  `issuers` are those of `s`.  Blocks.
 */
#define CLI_CHECK_FETCH_MS 5000

void cli_check_fetch(const struct settings *s, const struct issuers *issuers, struct buf *notes);
