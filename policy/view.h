/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/decision.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The policy partially evaluated for one asker: what of each dataset's record may be shown to them
 * at one instant (POL-15).  Every list and every count of the catalogue takes a view, inside the
 * question and before any limit, so that what is hidden is in no list, no count, no page and no
 * order.  A dataset shows where `meta.public` is permitted, with its fields; `meta.full` adds the
 * rest; nothing else shows one.
 *
 * For each policy and each set of roles the rules are reduced once to what is left of them when
 * only the dataset is unknown: where nothing is left that could permit, no date and no log is
 * looked at.  What the answer is, policy/eval.c decides, here as everywhere.
 *
 * A view lives in the arena of its request, in one thread, and borrows all that it was made of.
 */
struct view;

struct view_asker {
	const struct policy_set *policies;
	const struct subject *subject; /* NULL: anonymous */
	uint32_t roles;                /* that they have towards every dataset: registered */
	enum network network;
	enum purpose purpose;
	enum protocol protocol;
	const struct span *supports; /* x- obligations that the asking component carries out */
	size_t n_supports;
	const struct span *accepted; /* terms */
	size_t n_accepted;
	int64_t now; /* seconds UTC */
};

/* ERR_LIMIT: no memory. */
bool view_new(
	const struct view_asker *who, struct arena *a, const struct view **ret, struct err *e);

#define VIEW_FIELDS ((1U << FIELD_COUNT) - 1U)

/* How a dataset shows: spans of the decision belong to the policy set. */
struct view_shown {
	bool full;                /* all that is known may be shown */
	uint32_t fields;          /* of enum meta_field; all of them with `full` */
	struct decision decision; /* on meta.public; all zero in the administrator's view */
};

/*
 * Does the dataset show to somebody who has `roles` towards it (beside those that they have
 * everywhere)?  False: it does not exist for this asker, and *ret is left alone.
 */
bool view_shows(
	const struct view *v, const struct object_facts *o, uint32_t roles, struct view_shown *ret);
/* May this field be shown?  A filter or an order on one that may not does not match. */
static inline bool
view_has(const struct view_shown *s, enum meta_field f)
{
	return (s->fields >> f & 1U) != 0;
}

const struct subject *view_subject(const struct view *v); /* NULL: anonymous, or everything shows */
bool view_is_all(const struct view *v);                   /* policy/view_all.h */
