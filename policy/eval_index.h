/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "policy/facts.h"
#include "policy/model.h"
#include "policy/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The rules of a policy, laid out for deciding (POL-21): for each action and state a list of the
 * rules that ask for no text, and for each text that rules ask for a list of those.  A rule with
 * several such conditions stands in the lists of one of them.  The conditions from closed lists
 * are bits, so that most rules are passed over by one AND.  Made once, by the load.
 */
struct index_bits {
	/*
	 * Exactly one bit of each vocabulary that has one value at a time, and those of the roles
	 * and flags: a rule holds the bits that rule it out.
	 */
	uint64_t is;
	/* Roles, flags and milestones of which a rule wants one: three groups in one word. */
	uint32_t some;
};

struct index_entry {
	uint64_t never; /* holds only if none of these bits is in index_bits.is */
	uint32_t some;  /* and one bit of each group is in index_bits.some */
	uint16_t rule;  /* its number in the file */
	uint16_t texts; /* text conditions that are left to look at, 1U << (key - WHEN_ENTITLEMENT)
			 */
};

/* Deny rules first, each kind in the order of the file. */
struct index_list {
	struct index_entry *entry;
	uint32_t denies, n;
};

struct index_bucket {
	struct span text;
	uint32_t hash;
	uint8_t key;    /* enum when_key */
	uint64_t cells; /* 1U << (action * STATE_OPEN + state - 1), of any of its rules */
	struct index_list list;
};

struct eval_index {
	struct index_list cells[ACTION_COUNT][STATE_OPEN]; /* by action, and state - 1 */
	struct index_list all;                             /* of the file */
	struct index_bucket *slots;                        /* a power of two of them */
	size_t n_slots;
};

/* Into the arena of the policy; false: no memory. */
bool eval_index_build(struct policy *p);
/* The bits of a question, without its action. */
struct index_bits eval_index_bits(const struct facts *f, const struct state_view *v);
/* Rules that ask for this text under this key; NULL: there are none. */
const struct index_bucket *eval_index_bucket(
	const struct eval_index *ix, enum when_key key, struct span text);
struct prepared;
const struct rule *eval_index_find(const struct prepared *q, enum action action);
