/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/span.h"
#include "agent/base/zone.h"
#include "policy/decision.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One policy file in its compiled form: what policy/parse.c makes and policy/eval.c reads.  All
 * memory lives in the policy's own arena; nothing changes after the load.
 */

/* Milestones as bits; two more than the dates of an object have. */
enum { REACHED_RELEASE = MILESTONE_COUNT, REACHED_ALWAYS, REACHED_COUNT };
extern const char *const model_milestones[REACHED_COUNT];

/* Roles with groups replaced, as a set and in the order of the file. */
struct role_list {
	uint32_t set;
	enum policy_role order[ROLE_COUNT];
	size_t n;
};

/* Sorted by bytes, for bsearch. */
struct text_list {
	const struct span *item;
	size_t n;
};

/* Keys of `when`, as bits of rule.uses; a key that is not used always holds. */
enum when_key {
	WHEN_STATE,
	WHEN_KIND,
	WHEN_ROUTE,
	WHEN_NETWORK,
	WHEN_PURPOSE,
	WHEN_PROTOCOL,
	WHEN_ROLE,
	WHEN_NOT_ROLE,
	WHEN_FLAG,
	WHEN_NOT_FLAG,
	WHEN_REACHED,
	WHEN_SETS, /* those above are bit sets */
	WHEN_ASSURANCE = WHEN_SETS,
	WHEN_ENTITLEMENT,
	WHEN_ISSUER,
	WHEN_PROPOSAL,
	WHEN_INSTRUMENT,
	WHEN_PID,
	WHEN_COUNT,
	WHEN_TEXTS = WHEN_COUNT - WHEN_ENTITLEMENT
};
extern const char *const model_when[WHEN_COUNT];
extern const char *const model_states[STATE_OPEN]; /* index: enum state - 1 */

/* Where something stands in the file; line 0: it is not there. */
struct place {
	unsigned line, col;
};

struct rule {
	struct span id, reason;
	unsigned line, col, status; /* status 0: not given */
	bool permit;
	bool no_store;  /* an obligation that keeps the answer out of shared caches */
	bool tombstone; /* the answer is 410 */
	bool demands;   /* an x- or accept-terms: obligation, which is looked at first */
	bool full;      /* audit:full */
	bool confidential;
	const struct rate *rate; /* rate:CLASS, the last one; NULL: none */
	uint32_t actions, uses;
	uint32_t sets[WHEN_SETS];
	enum assurance assurance;
	struct text_list texts[WHEN_TEXTS];
	const struct span *obligations;
	size_t n_obligations;
};

/* A name for several roles; lists hold the roles themselves. */
struct group {
	struct span id;
	struct place at;
	bool used;
};

struct terms {
	struct span id, title, url;
	unsigned version;
	struct place at;
};

enum doi_mint { MINT_NEVER, MINT_ON_REQUEST, MINT_AT_EXPERIMENT_END, MINT_AT_RELEASE, MINT_COUNT };
extern const char *const model_mints[MINT_COUNT];

enum mode { MODE_AFTER_EMBARGO, MODE_NEVER, MODE_AGREEMENT, MODE_COUNT };
extern const char *const model_modes[MODE_COUNT];

struct embargo {
	enum milestone anchor;
	struct period period, max_extension;
	bool capped;
	struct role_list extend_by, approve, early_release, early_approve, objection_by;
	int32_t window; /* days for an objection */
	struct place approve_at, max_extension_at, early_approve_at, window_at;
};

/* What a test of the file asks and expects; a bit of `expects` says that a value was given. */
enum expect_key {
	EXPECT_RULE,
	EXPECT_REASON,
	EXPECT_STATUS,
	EXPECT_STATE,
	EXPECT_RELEASE,
	EXPECT_OBLIGATIONS,
	EXPECT_FIELDS,
	EXPECT_MAX_AGE
};
struct policy_test {
	struct span name;
	unsigned line, col;
	struct facts facts;
	struct subject subject; /* facts.subject points here, or is NULL */
	bool permit;
	uint32_t expects;
	struct span rule, reason;
	unsigned status, max_age;
	enum state state;
	bool has_release; /* false: `none` is expected */
	int32_t release;
	const struct span *obligations;
	size_t n_obligations;
	uint32_t fields;
};

struct policy {
	struct arena arena;
	const char *file;
	unsigned id_line, id_col, from_line, from_col; /* for messages */
	struct span id, title, facility, contact, licence, zone_name;
	unsigned version;
	uint8_t sha256[32];
	struct zone *zone;
	int32_t valid_from, valid_until; /* until: the first day without it */
	bool has_until;
	enum milestone bind_on;
	struct embargo embargo;
	enum mode modes[ROUTE_COUNT];
	uint32_t restrict_flags;
	struct role_list grant_proprietary, grant_agreement, grant_restricted, grant_withdrawn;
	uint32_t fields_at[REACHED_COUNT];
	struct terms *terms;
	size_t n_terms;
	struct rate *rates;
	size_t n_rates;
	struct place *rates_at;
	struct group *groups;
	size_t n_groups;
	bool finish;             /* streams.on_deny: finish (13.2) */
	unsigned stream_max_age; /* seconds that a body may go on after its start */
	unsigned cache_max_age;
	struct period audit_retention, audit_pseudonymise_after; /* 16 */
	struct period retention[KIND_COUNT];
	uint32_t has_retention; /* of enum kind */
	enum doi_mint mint;
	struct place mint_at;
	struct role_list links_by; /* who may hand a reviewer the address of a dataset */
	struct period links_max_age;
	struct rule *rules;
	size_t n_rules;
	const struct eval_index *index; /* of the rules, for deciding; NULL: none was made */
	struct policy_test *tests;
	size_t n_tests;
};

void model_free(struct policy *p); /* NULL is allowed */
