/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/json.h"
#include "auth/issuers.h"

#include <stdbool.h>

/*
 * What the settings of an issuer demand of its tokens beyond the ordinary claims.  Pure. ERR_UNAUTH
 * with "claim: what is wrong (clause)"; no value but a time is quoted.
 */

/* require_claims: each is there, and is not null (section 4). */
bool demands_claims(const struct issuer *i, const struct json *payload, struct err *e);
/* max_lifetime: exp - iat is not longer; needs an iat.  exp and iat were read by claims_life. */
bool demands_lifetime(const struct issuer *i, const struct json *payload, struct err *e);
/* The profile's claim of a version, where it is there (WLCG profile 1.3, SciTokens 2.0). */
bool demands_version(const struct issuer *i, const struct json *payload, struct err *e);
/* All of them. */
bool demands_check(const struct issuer *i, const struct json *payload, struct err *e);
