/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/metric.h"
#include "policy/audit.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Refused credentials cost a stranger nothing, so what is written about them has a limit: so many
 * audit records and so many lines of the log in each second, for all threads of a gate together.
 * What goes beyond is counted, and the count is told once a second (LOG-3).  Thread-safe; NULL is
 * allowed everywhere and limits nothing.
 */
struct gate_refused;

#define GATE_REFUSED_RECORDS 100U /* audit records in a second */
#define GATE_REFUSED_LINES   10U  /* lines of the log in a second */

bool gate_refused_new(struct gate_refused **ret, struct err *e);
void gate_refused_free(struct gate_refused *r);
/* May this one be written by itself?  Else it is counted. */
bool gate_refused_record(struct gate_refused *r, int64_t now_ms);
bool gate_refused_line(struct gate_refused *r, int64_t now_ms);
/*
 * Tells what was left out before the second of now_ms, or `all` of it: a record "refused-more" and
 * a line of the log.  By one thread, once a second.  A count that the audit log does not take stays
 * for the next time.
 */
void gate_refused_tell(
	struct gate_refused *r, struct audit *log, struct metrics *m, int64_t now_ms, bool all);
