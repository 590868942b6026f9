/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/role.h"

#include <stdbool.h>

/*
 * Confine this process for good: no new privileges, rlimits, Landlock (paths), seccomp (system
 * calls). One function for each role inside; the tables say what each may do.  Call it after
 * everything is opened and all threads are started (seccomp with TSYNC).  With
 * settings->sandbox_required any part that cannot be set up is ERR_SYSTEM; else it is named in
 * `missing` (comma list, may be empty).
 */
bool sandbox_enter(struct role *r, char *missing, unsigned long n, struct err *e);
