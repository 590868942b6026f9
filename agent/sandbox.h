/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/role.h"

#include <stdbool.h>

/*
 * Confine this process for good: no capabilities, no new privileges, not dumpable, rlimits,
 * Landlock (paths), seccomp (system calls).  One row of tables for each role says what it may do;
 * the supervisor has none and may not call it.
 *
 * Call it after everything is opened and BEFORE the first thread is started: Landlock confines the
 * calling thread and what it starts later, nothing else.  Threads can be started afterwards,
 * processes cannot; but a reader starts processes and no threads.  From then on nothing may be
 * loaded: no dlopen (so no pthread_exit and no pthread_cancel, for which glibc loads libgcc_s), no
 * iconv, no name look-up; the courier looks names up, but has its libraries load their modules
 * before (fetch_prepare).
 *
 * With settings->sandbox_required any part that cannot be set up is ERR_SYSTEM naming it and what
 * to do; the process is then half confined and must exit.  Else what is missing is named in
 * `missing` (n bytes, comma list, may be empty).
 */
bool sandbox_enter(struct role *r, char *missing, unsigned long n, struct err *e);

/*
 * The second stage of a reader, in the process that it forked to read one file: it ends with its
 * parent, makes no process and no descriptor, and a filter leaves it bytes, memory and the end. Set
 * the alarm before: from here on nothing can put it off.  Errors as above; what may be missing was
 * named by the first stage.
 */
bool sandbox_enter_child(const struct role *r, struct err *e);
