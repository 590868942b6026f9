/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/courier_run.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Keys and discovery document of one issuer.  One round at a time: the document where it is due
 * (every 6 h, and at once when the key set is answered with 4xx), then the key set; five seconds
 * for both.  A round that fails is tried again after 1, 2, 4, ... 30 s, and what came before stays
 * good for stale_max (KEY-1 to KEY-10).  After each round all gates are told.
 */
void courier_keys_init(struct courier_issuer *i);
void courier_keys_fini(struct courier_issuer *i);
bool courier_keys_restore(struct courier_issuer *i, struct span text, struct err *e);
/* Begins a round when one is due, ends keys that are too old; when to come again. */
int64_t courier_keys_turn(struct courier_issuer *i);
/* A gate wants them now: a round begins, or runs, or the gate is told at once what there is. */
void courier_keys_refresh(struct courier_issuer *i, unsigned link);
/* What there is, to one gate or all; nothing when nothing was tried. */
void courier_keys_report(const struct courier_issuer *i, unsigned link);
/* Where to ask, by the settings or else the document; NULL: not known. */
const char *courier_keys_endpoint(const struct courier_issuer *i, enum courier_endpoint what);
/* Is a round under way, or may one begin now, that may tell more endpoints?  Begins it. */
bool courier_keys_hope(struct courier_issuer *i);
