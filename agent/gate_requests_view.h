/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/jsonw.h"
#include "agent/catalog/ledger_people.h"
#include "agent/gate_people.h"

/* How requests for access look.  of_others: they wait for whoever sees them, so the asker is named.
 */

/* A member of the object that *w stands in: a list. */
void gate_requests_list(struct gate_desk *d, struct jsonw *w, const char *key,
	const struct ledger_request *list, size_t n, bool of_others);
/* A table, nothing where the list is empty.  p: with its buttons; NULL: with links to them. */
void gate_requests_table(struct gate_desk *d, const struct gate_person *p,
	const struct ledger_request *list, size_t n, bool of_others);
