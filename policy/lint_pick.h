/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The inputs of a question that conditions can only ask for, never exclude: milestones, assurance,
 * entitlement, issuer, proposal, instrument, pid.  To meet one or two rules and as few others as
 * can be, a question has exactly what these rules ask for, and of each list one item: no other
 * choice meets fewer.  Pure.
 */
enum { PICK_RULES = 2 };

struct pick {
	uint32_t reached; /* of enum milestone */
	enum assurance assurance;
	struct span issuer, proposal, instrument, pid; /* absent: another than those named */
	struct span entitlements[PICK_RULES];
	bool bare[PICK_RULES]; /* the entitlement counts where no issuer is named with it, too */
};

/* What a dataset's state brings: is it open, and which milestones have then been reached? */
struct pick_state {
	bool open;
	uint32_t reached;
};
/* Do these conditions of the rule hold? */
bool pick_suits(const struct pick *k, const struct rule *r, const struct pick_state *s);

/* All choices for one or two rules, one after the other. */
enum { PICK_KEYS = 2 * PICK_RULES + 4 };
struct picks {
	const struct rule *rules[PICK_RULES];
	size_t n;
	size_t at[PICK_KEYS], of[PICK_KEYS];
	bool over;
};
void picks_init(struct picks *p, const struct rule *const *rules, size_t n);
bool picks_next(struct picks *p, struct pick *ret);
