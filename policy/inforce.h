/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/json.h"
#include "agent/base/span.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which policies are in force, as told to people and programs: by the gate at its start and at each
 * reload, and from one gate to the next, which says what it replaces.  Pure.
 */

/*
 * [{"policy":"esrf-2024","version":3,"sha256":"2cda...","valid_from":"2024-01-01",
 * "valid_until":null,"bind_on":"experiment_end","timezone":"Europe/Paris","title":"...",
 * "file":"/etc/...","loaded":"2026-11-25T03:00:00Z"}]; valid_until is the first day without it.
 * loaded INT64_MIN: null, for nobody has loaded it yet.
 */
void inforce_write(const struct policy_set *s, int64_t loaded, struct buf *json);

/* What was in force before; its texts are those of the JSON it was read from. */
#define INFORCE_MAX 64U
struct inforce {
	struct {
		struct span policy, sha256; /* 64 hex digits */
		unsigned version;
	} entry[INFORCE_MAX];
	size_t n;
};
/* Strict about what is used of it: names, versions and digests. */
bool inforce_read(const struct json *list, struct inforce *ret, struct err *e);

/* Are they the very same files? */
bool inforce_same(const struct inforce *before, const struct policy_set *now);
/* A line for each policy of `now`, and for each that is gone: what is in force, and what changed.
 * `before` may be NULL: then nothing is said of changes. */
void inforce_changes(const struct inforce *before, const struct policy_set *now, struct buf *text);
/* [{"policy":...,"version":...,"sha256":...}], as audit_record_policies would have written it. */
void inforce_replaced(const struct inforce *before, struct buf *json);
/* pan_policy_version_info and pan_policy_loaded_timestamp_seconds. */
void inforce_metrics(const struct policy_set *s, int64_t loaded, struct buf *lines);
