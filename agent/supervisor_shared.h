/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/supervisor.h"

#include <stdbool.h>

/*
 * The memory that outlives every role: the epoch, the metrics, the browsers' logins.  It is made
 * once, sealed against another size, and handed over with each bundle (agent/config.h).
 */
bool supervisor_shared_open(struct supervisor *s, struct err *e);
void supervisor_shared_close(struct supervisor *s);
