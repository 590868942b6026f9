/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/supervisor.h"

/*
 * Policy files that change on disk come into force without being asked (policy.watch, POL-19): when
 * they hold other bytes than those in force, or than those that were refused last.
 */

/* The policy files may be others now. */
void supervisor_watch_renew(struct supervisor *s);
/* For poll: the descriptor, or -1, and milliseconds until supervisor_watch_serve, or -1. */
int supervisor_watch_fd(const struct supervisor *s);
int supervisor_watch_wait(const struct supervisor *s);
void supervisor_watch_serve(struct supervisor *s);
