/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/eval_index.h"
#include "policy/model.h"
#include "policy/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Facts made ready for one policy at one instant, so that several actions are decided for the price
 * of one look at dates, log and text (policy language 17).  A plain value; it borrows the policy
 * and the facts, which must outlive it and stay as they are.
 */
#define PREPARED_BUCKETS 16U /* rules by text that one question can meet; more are scanned for */

struct prepared {
	const struct policy *policy; /* NULL: `refusal` is the answer to every action */
	enum refusal { REFUSAL_INPUT, REFUSAL_NO_POLICY } refusal;
	const struct facts *facts;
	int64_t now; /* facts->now in the zone of the policy */
	struct state_view view;
	int32_t release_date; /* of view.release_at, in the zone of the policy */
	struct index_bits bits;
	bool anonymous;
	/*
	 * How the rule is found: in the lists of the index; bit by bit in the list of all rules,
	 * where a question meets more buckets than fit; or by eval_scan(), the reference, which
	 * only tests set.
	 */
	enum { BY_INDEX, BY_LIST, BY_REFERENCE } way;
	/* What the proposal, the pid, ... select beside the rules for all. */
	uint32_t n_buckets;
	const struct index_bucket *bucket[PREPARED_BUCKETS];
};

/* Are the values of the closed vocabularies in their ranges, and is there a time (POL-8)? */
bool eval_input_ok(const struct facts *f);
/* For a policy that is already chosen, from facts that eval_input_ok().  No allocation. */
void eval_prepare(const struct policy *p, const struct facts *f, struct prepared *ret);
/* The rule that decides (POL-9), or NULL: by default. */
const struct rule *eval_find(const struct prepared *q, enum action action);
