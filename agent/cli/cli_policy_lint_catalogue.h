/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/cli/cli_facts.h"

/*
 * L10 for the catalogue of this machine: datasets whose stored binding is not what their dates and
 * the policies of today give, that are bound to a policy which is not loaded, or that have dates
 * which no policy fits.  Each is one line "CATALOGUE: warning: L10: MESSAGE" of out, or with json
 * one object of a list that the caller has begun.  *ret: how many.  False: said on standard error.
 */
bool cli_policy_lint_catalogue(struct cli_facts *f, struct buf *out, unsigned *ret);
