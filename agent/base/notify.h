/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The notify protocol of systemd (sd_notify(3)), without its library.  Without NOTIFY_SOCKET every
 * call is true and does nothing.  A failure is one for the log and nothing else.  Supervisor only.
 */
struct notify {
	int fd;               /* a datagram socket, connected; -1: nobody listens */
	uint64_t watchdog_us; /* send WATCHDOG=1 at least every half of it; 0: not asked for */
};

/*
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment, so
 * that no role inherits them.  *n is usable (fd -1) after a failure too.
 */
bool notify_init(struct notify *n, struct err *e);
void notify_fini(struct notify *n);

/* READY=1 with a STATUS line and our MAINPID; after a reload too, whether it was applied or not. */
bool notify_ready(const struct notify *n, const char *status, struct err *e);
/* RELOADING=1 with MONOTONIC_USEC. */
bool notify_reloading(const struct notify *n, struct err *e);
bool notify_stopping(const struct notify *n, const char *status, struct err *e);
/* EXTEND_TIMEOUT_USEC: while draining, before `seconds` of the time before run out. */
bool notify_extend(const struct notify *n, unsigned seconds, struct err *e);
bool notify_watchdog(const struct notify *n, struct err *e);
