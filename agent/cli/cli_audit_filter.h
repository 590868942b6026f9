/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/audit_line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which records were asked for: all that is given must hold.  Pure. */
enum cli_audit_key {
	AUDIT_KEY_KIND,
	AUDIT_KEY_TRACE,
	AUDIT_KEY_SUBJECT,
	AUDIT_KEY_PID,
	AUDIT_KEY_PROPOSAL,
	AUDIT_KEY_INSTRUMENT,
	AUDIT_KEY_ACTION,
	AUDIT_KEY_EFFECT,
	AUDIT_KEY_RULE,
	AUDIT_KEY_POLICY,
	AUDIT_KEY_STATE,
	AUDIT_KEY_REASON,
	AUDIT_KEY_STATUS,
	AUDIT_KEY_NETWORK,
	AUDIT_KEY_DAY, /* those from here are made of the time, and only counted by */
	AUDIT_KEY_MONTH,
	AUDIT_KEY_COUNT
};
#define AUDIT_KEY_GIVEN AUDIT_KEY_DAY /* keys before it may be asked for */
extern const char *const cli_audit_keys[AUDIT_KEY_COUNT];

struct cli_audit_filter {
	bool has_since, has_until;
	int64_t since_ms, until_ms;        /* not before the one, before the other */
	struct span want[AUDIT_KEY_GIVEN]; /* absent: anything */
	const struct span *ids;            /* names of one person, one a month; any of them */
	size_t n_ids;
	bool by_ids; /* with none of them nothing fits */
};

/* A date (its first instant, UTC) or an instant. */
bool cli_audit_filter_time(struct span text, int64_t *ret_ms);
/*
 * The value of a key: text without its quotes and escapes as they stand, or a number; absent when
 * the record has none (or null).  room: for what is made of the time.
 */
struct span cli_audit_filter_value(
	const struct audit_line *l, enum cli_audit_key key, char room[16]);
bool cli_audit_filter_fits(const struct cli_audit_filter *f, const struct audit_line *l);
