/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"
#include "agent/gate_people.h"

/*
 * /datasets/PID/links: addresses that let whoever holds them read an embargoed dataset, for
 * reviewers who shall not have to say who they are.  Made by those roles that the policy names
 * (`reviewer_links`), for a time that it limits; revoked at any moment (DELETE .../links/ID).  The
 * address is told once; only a hash of its secret is kept.  gate_review.h serves what is behind it.
 */
void gate_links_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/* Who may let somebody in, and until when. */
struct gate_link_plan {
	uint32_t roles; /* of the maker */
	struct span by; /* the role that allows it */
	int64_t until;
	bool sooner; /* than was asked: as long as the policy allows */
};
/*
 * May the person of this question make a link to c->dataset, or a grant for another (`personal`)?
 * By the state at this moment, by the maker's roles, and by what the policy would then say to the
 * one who is let in.  ERR_DENIED, ERR_RANGE (the state, a rule, or `until`).
 */
bool gate_links_plan(struct gate_desk *d, struct gate_case *c, const struct gate_words *w,
	bool personal, struct gate_link_plan *ret, struct err *e);

/* The administrator's word: end this link or grant, of whichever dataset.  ERR_ABSENT. */
bool gate_links_revoke(struct gate_desk *d, struct gate_case *c, struct span id, struct err *e);
