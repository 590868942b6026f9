/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/metric.h"
#include "agent/base/settings.h"
#include "agent/trusted_time.h"
#include "policy/audit.h"
#include "policy/policy.h"

#include <stdint.h>

/*
 * What the audit log needs beside its records, by the gate's main thread: checkpoints, flushes, the
 * end of what is too old (once an hour), and that an operator hears of it.
 */
struct gate_audit {
	struct audit *audit;
	struct audit_place at;
	struct policy_audit rules; /* the longest of all policies */
	struct metrics *metrics;
	int64_t expire_at; /* proc_now_ms; 0: at the first turn */
};

/* The log of these settings, in its folder (-1: none). */
struct audit_place gate_audit_place(const struct settings *s, int dir);
void gate_audit_init(struct gate_audit *g, struct audit *audit, const struct audit_place *at,
	const struct policy_set *policies, struct metrics *m);
/* Once a second.  now_ms: trusted time (policy language 13.1), for nothing may end too early. */
void gate_audit_tick(struct gate_audit *g, int64_t now_ms);
/* The last records are signed, and all is flushed. */
void gate_audit_end(struct gate_audit *g, int64_t now_ms);
/* Policy language 13.1: a step of the wall clock is told once, with the time that is used instead.
 */
void gate_audit_clock(struct gate_audit *g, struct trusted_time *time);
