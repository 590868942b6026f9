/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/supervisor.h"

#include <stdbool.h>

/*
 * The seat of the courier: it is taken only while the configuration in force has an issuer that is
 * fetched (config_wants_courier), and never for one job of the indexer.
 */
bool supervisor_courier_wanted(const struct supervisor *s);
/* The daemon starts: nothing depends on it yet. */
void supervisor_courier_start(struct supervisor *s);
/* Another configuration is in force: it comes back with that bundle, comes, or goes. */
void supervisor_courier_renew(struct supervisor *s);
/*
 * Now and then: one that does not end is ended, and one whose host's name service was configured
 * anew (/etc/resolv.conf and its like, which are replaced, not rewritten, so that Landlock no
 * longer knows them) is started again.
 */
void supervisor_courier_tend(struct supervisor *s);
