/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "policy/facts.h"
#include "policy/sentence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state {
	STATE_NONE,
	STATE_WITHDRAWN,
	STATE_PROPRIETARY,
	STATE_RESTRICTED,
	STATE_EMBARGOED,
	STATE_OPEN
};
extern const char *const state_names[STATE_OPEN + 1]; /* [STATE_NONE] is NULL */

enum meta_field {
	FIELD_TITLE,
	FIELD_ABSTRACT,
	FIELD_TEAM,
	FIELD_INSTRUMENT,
	FIELD_TECHNIQUE,
	FIELD_SAMPLE,
	FIELD_DATES,
	FIELD_KEYWORDS,
	FIELD_PARAMETERS,
	FIELD_RELATED,
	FIELD_FILES,
	FIELD_COUNT
};
extern const char *const field_names[FIELD_COUNT];

#define DECISION_OBLIGATIONS 32U

/* A rate class of a policy (`rates`, 7); 0: not limited. */
struct rate {
	struct span id;
	unsigned streams;          /* bodies at a time */
	unsigned mbit;             /* 10^6 bits a second, of all of them together */
	unsigned requests_per_min; /* requests in a minute */
};

/*
 * The outcome of policy_decide(): a plain value.  Spans point into the policy set, which must
 * outlive it. Source: the policy language, section 5.
 */
struct decision {
	bool permit;
	int status;         /* HTTP: 200, 401, 403, 404, 410, 451, 500 */
	struct span rule;   /* identifier; "default", "input", "no-policy" */
	unsigned line;      /* 0 for those three */
	struct span policy; /* absent with input and no-policy */
	unsigned version;
	const uint8_t *sha256; /* 32 bytes of the policy file, or NULL */
	enum state state;
	const char *detail; /* or NULL */
	struct span reason; /* absent for a permit */
	bool has_release;
	int64_t release_at;   /* seconds UTC */
	int32_t release_date; /* days since the epoch, in the policy's zone */
	uint32_t grantors;    /* of enum policy_role; grantors_self: the asker by accepting terms */
	enum policy_role grantor_order[ROLE_COUNT];
	size_t n_grantors;
	bool grantors_self;
	const struct span *obligations;
	size_t n_obligations;
	bool has_fields;
	uint32_t fields; /* of enum meta_field */
	bool has_next_change;
	int64_t next_change;     /* seconds UTC: the answer may change by time alone from then on */
	unsigned max_age;        /* seconds for a shared cache */
	const struct rate *rate; /* obligation rate:CLASS; NULL: none */
	bool full, confidential; /* obligations audit:full and confidential */
	/*
	 * A body that is under way when its permit becomes this deny may go on to its end, at most
	 * finish_s seconds after its start (13.2): never after a withdrawal or a restriction.  Of a
	 * permit: the same, if something else than this policy refuses it (a token that expired).
	 */
	bool finish;
	unsigned finish_s;
	struct span contact;  /* of the policy: whom to ask; absent: none */
	struct span licence;  /* SPDX identifier of the policy */
	struct span timezone; /* of the policy, as Europe/Paris */
	struct span terms;    /* reason terms-not-accepted: "ID@VERSION"; else absent */
	struct span unmet;    /* reason unknown-obligation: which one; else absent */
	struct span terms_title, terms_url; /* of those terms; the address may be absent */
};

/* The decision as one JSON object (policy language, section 5.1 and 11); `id` absent: null. */
void decision_write_json(const struct decision *d, struct span id, struct buf *out);
/* The same; `id` is JSON text of any kind. */
void decision_write_json_raw(const struct decision *d, struct span id, struct buf *out);
/* "pi, coproposer or delegate", with `last` (" or ") before the last one. */
void decision_write_roles(
	struct buf *out, const enum policy_role *order, size_t n, const char *last);
