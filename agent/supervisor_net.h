/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/supervisor.h"

#include <stdbool.h>

/*
 * The seats of the two roles that make sockets: the courier is there while the configuration in
 * force has an issuer that is fetched (config_wants_courier), the mover while it lets files be
 * moved elsewhere (config_wants_mover); neither for one job of the indexer.
 */
bool supervisor_net_is(enum seat seat);
/* False for a seat that is neither, too. */
bool supervisor_net_wanted(const struct supervisor *s, enum seat seat);
/* All that are wanted are confined and serve. */
bool supervisor_net_ready(const struct supervisor *s);
/* The daemon starts: nothing depends on them yet. */
void supervisor_net_start(struct supervisor *s);
/*
 * Another configuration is in force: they come back with that bundle, come, or go.  The mover stays
 * where nothing of what it has is different, for it has transfers under way.
 */
void supervisor_net_renew(struct supervisor *s);
/*
 * Now and then: one that does not end is ended, and both are started again where this host's name
 * service was configured anew (/etc/resolv.conf and its like, which are replaced, not rewritten, so
 * that Landlock no longer knows them).
 */
void supervisor_net_tend(struct supervisor *s);
