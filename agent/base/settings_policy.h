/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/settings.h"

#include <stdbool.h>

/*
 * What only holds between the keys of the section `policy`: settings.signer_keys are made here, all
 * different, and no more signatures can be needed than there are signers.  False: *key is the key
 * whose value is wrong.
 */
bool settings_policy_complete(struct settings *s, const char **key, struct err *e);
