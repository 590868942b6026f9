/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/catalog/ledger.h"

/* The log of a dataset out of two: that of proposals.yaml and that of the ledger. */

/*
 * The events of proposals.yaml (own) and those of the ledger, each in its own order, merged by
 * time; a date counts from its first instant UTC.  *ret: an array in the arena.  Pure.
 */
bool ledger_merge(const struct policy_event *own, size_t n_own, const struct ledger_event *more,
	size_t n_more, struct arena *a, struct policy_event **ret, size_t *ret_n);

/* Add what the ledger holds of the dataset o->pid and of its proposal to its log and flags. */
bool ledger_join(struct ledger *l, struct arena *a, struct object_facts *o, struct err *e);
