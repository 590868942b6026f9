/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>

/*
 * Persons that stand in the catalogue (teams of proposals) or in the ledger (who accepted terms,
 * asked for access, recorded an event, uses or made a reviewer's link), by issuer and sub.  For an
 * administrator's question who somebody is; reads the files themselves.
 */

/* Calls `person` for each, some of them twice, until it returns false. */
bool people_of_catalogue(const char *path,
	bool (*person)(void *ctx, struct span iss, struct span sub), void *ctx, struct err *e);
/* A ledger that is not there is an empty one. */
bool people_of_ledger(const char *path, bool (*person)(void *ctx, struct span iss, struct span sub),
	void *ctx, struct err *e);
