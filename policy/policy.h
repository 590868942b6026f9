/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/decision.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A set of compiled policy files: immutable once loaded, shared by threads without locks.
 */
struct policy_set;
struct policy;

struct policy_source {
	const char *name; /* as shown in messages */
	struct span text;
};

/*
 * Parse, check and test all files (grammar, in-file tests, overlaps between them).  Every fault is
 * one line "FILE:LINE:COLUMN: error: MESSAGE" in `report` (up to 20 a file).  NULL: at least one
 * fault; e says how many. Reads zone files of the tz database (TZif) from /usr/share/zoneinfo: call
 * it before confinement.
 */
struct policy_set *policy_set_load(
	const struct policy_source *files, size_t n, struct buf *report, struct err *e);
void policy_set_free(struct policy_set *s);
size_t policy_set_count(const struct policy_set *s);
struct span policy_set_id(const struct policy_set *s, size_t i);
unsigned policy_set_version(const struct policy_set *s, size_t i);
const uint8_t *policy_set_sha256(const struct policy_set *s, size_t i);
size_t policy_set_rules(const struct policy_set *s); /* of all its policies */

/* What the policies ask of the audit log (16): of several the longest counts. */
struct policy_audit {
	struct period retention, pseudonymise_after;
};
void policy_set_audit(const struct policy_set *s, struct policy_audit *ret);
/* The policy at place i, whose form is policy/model.h. */
const struct policy *policy_set_policy(const struct policy_set *s, size_t i);

/*
 * The policy that decides a dataset (the one in force when its data were taken), for explanations;
 * NULL: none or several fit.
 */
const struct policy *policy_bound(const struct policy_set *s, const struct object_facts *o);

/*
 * The one decision function of this program: pure, no allocation, no clock, thread-safe.
 */
void policy_decide(const struct policy_set *s, const struct facts *f, struct decision *ret);
/*
 * Its two halves, for whoever asks several actions of one dataset (facts->action is then not
 * looked at): the dates, the log and the text once, then each action for some ten nanoseconds.
 * struct prepared is a plain value (policy/eval_facts.h) that borrows the set and the facts.
 */
struct prepared;
void policy_prepare(const struct policy_set *s, const struct facts *f, struct prepared *ret);
void policy_decide_prepared(const struct prepared *q, enum action action, struct decision *ret);
