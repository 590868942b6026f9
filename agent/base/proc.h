/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Start this very program again with other arguments.  The child has `fd` as its descriptor 3,
 * nothing but that and the standard three open, no input, no blocked signals; it ignores SIGINT,
 * SIGTERM, SIGHUP and SIGPIPE (the parent tells it what to do), and SIGXFSZ (a file that may not
 * grow is a write that fails, as on a full disk), and dies with the parent.  Call it from the thread
 * that lives as long as the process.
 */
bool proc_spawn(char *const argv[], int fd, pid_t *ret, struct err *e);

/*
 * Has this child of ours ended?  Never waits.  *status is as of waitpid(2).
 */
bool proc_ended(pid_t pid, int *status);
/* "exit status 3" or "signal 9 (Killed)" into out; returns out. */
const char *proc_status_text(int status, char *out, unsigned long n);

/* Milliseconds of a clock that never jumps. */
long long proc_now_ms(void);
