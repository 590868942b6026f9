/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/settings.h"

#include <stdbool.h>

/*
 * What only holds between the values of one issuer, and between issuers.  Pure.  Rule n of
 * SETTINGS_ISSUER_RULES for issuer i: false with a message, and in *key the key that it is about.
 */
#define SETTINGS_ISSUER_RULES 10U

bool settings_issuer_check(
	const struct settings *s, size_t i, unsigned rule, const char **key, struct err *e);
/* Is anything of it fetched from the network: keys, introspection, userinfo, a login? */
bool settings_issuer_fetched(const struct settings_issuer *i);
/* http://, and a loopback address or localhost behind it. */
bool settings_issuer_loopback(const char *url);
