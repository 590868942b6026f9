/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/lint_region.h"
#include "policy/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which rule of a policy can decide which questions, over all questions that there are (policy
 * language 10.1): closed inputs are gone through, open ones count as one of those that rules name,
 * or another.  Values that no rule tells apart are gone through once.
 *
 * Sound: COVER_NONE is only said when no question exists.  It goes through a few more than those:
 * any two milestones may be reached in any order, any roles may be held together.
 */
struct cover;
enum cover_answer {
	COVER_NONE,
	COVER_SOME,
	COVER_UNKNOWN /* too many combinations to tell */
};

/* Which questions are meant. */
struct cover_query {
	uint32_t actions, states; /* bits of enum action; of enum state, less one */
	bool anonymous, known;    /* subjects without and with a checked token */
	uint32_t roles;           /* roles that known subjects may have */
};
extern const struct cover_query cover_all;

/* One of them, as an example. */
struct cover_case {
	enum action action;
	enum state state;
	enum route route;
	uint32_t flags, roles, reached; /* roles with anonymous or authenticated */
	enum kind kind;
	enum network network;
	enum purpose purpose;
	enum protocol protocol;
	enum assurance assurance;
	struct span issuer, proposal, instrument, pid; /* absent: another than those named */
	struct span entitlements[2];
};

/* NULL: no memory.  The policy must outlive it. */
struct cover *cover_new(const struct policy *p);
void cover_free(struct cover *c); /* NULL is allowed */

/* Are there such questions at all, whatever the rules say? */
bool cover_possible(const struct cover *c, const struct cover_query *q);
/* Is there a kind of dataset that rule i suits? */
bool cover_dataset(const struct cover *c, size_t i);
/* Is there one that rule i decides? */
enum cover_answer cover_decides(
	struct cover *c, const struct cover_query *q, size_t i, struct cover_case *ret);
/*
 * After COVER_NONE for all questions: the rules that leave none to rule i, as few as will do, by
 * their places; their number.  0: its own conditions leave none.
 */
size_t cover_blockers(struct cover *c, size_t i, size_t *ret, size_t max);
/* Is there one about data.read that permit i decides for a preview, and that is denied for raw? */
enum cover_answer cover_preview_only(struct cover *c, size_t i, struct cover_case *ret);
