/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/model.h"
#include "policy/state.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * When a dataset opens, as far as that is known at an instant: by its embargo with what its log
 * adds or takes away, by an agreement, or at the end of a window for objections, if nobody does.
 * What only a new event could open never does.  Computed with policy/state.c alone.  Pure.
 */
enum opening_cause {
	OPENING_EMBARGO,   /* the period counts from the anchor, nothing else does */
	OPENING_EARLIER,   /* a release of the log */
	OPENING_LONGER,    /* an extension */
	OPENING_WINDOW,    /* a release, once its window is over without an objection */
	OPENING_AGREEMENT, /* the route opens by agreement */
	OPENING_COUNT
};
extern const char *const opening_causes[OPENING_COUNT]; /* "embargo", ... */

struct opening {
	enum state state; /* at the instant, with its detail (or NULL) */
	const char *detail;
	bool opens;   /* is open, or becomes so by time alone; then: */
	int64_t at;   /* seconds UTC */
	int32_t date; /* in the zone of the policy */
	enum opening_cause cause;
	bool has_plain;     /* with an embargo: */
	int32_t plain_date; /* the date without any event */
};

void opening_find(
	const struct policy *p, const struct object_facts *o, int64_t now, struct opening *ret);
