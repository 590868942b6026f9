/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/supervisor.h"

/*
 * A reload builds the new state beside the old: the configuration is read and opened, a second gate
 * is started with it, and only when that gate says that it is ready does it take over.  A fault
 * anywhere leaves everything as it is (POL-19).
 */

/* Begin one; `waiter` is an admin connection that wants to know the outcome, or -1. */
void supervisor_reload_begin(struct supervisor *s, long waiter);
/*
 * The same for the policy files alone, which have changed on disk; everything if the last reload
 * was refused, for then it is tried again.  False: not now, for another one runs, or gates of
 * earlier ones do.
 */
bool supervisor_reload_policies(struct supervisor *s);
/* Is something on disk refused, so that an older state is in force? */
bool supervisor_reload_stale(const struct supervisor *s);
/* The new gate is ready. */
void supervisor_reload_accept(struct supervisor *s);
/* It ended instead: its refusal stands in its report. */
void supervisor_reload_refuse(struct supervisor *s);
