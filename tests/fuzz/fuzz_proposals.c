/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/proposals.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A role that a team gives, and one way of naming its holder. */
static void
check_member(const struct proposals_member *m)
{
	int ways = (m->sub.n > 0) + (m->entitlement.n > 0) + (m->user.n > 0);

	if (m->role <= ROLE_REGISTERED || ways != 1 || (m->sub.n > 0 && m->issuer.n == 0) ||
		(m->user.n > 0 && m->issuer.p != NULL))
		abort();
}

/* A refusal has its line; what is taken holds only events that the policy reads as well-formed. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA a = {0};
	AUTO_BUF report = BUF_INIT(65536);
	struct proposals all;
	struct policy_event event;
	struct err e = {0};

	if (!arena_init(&a, (size_t)80 << 20))
		return 0;
	if (!proposals_parse("p", (struct span){(const char *)data, size}, &a, &report, &all, &e)) {
		if (report.n == 0 && e.code != ERR_LIMIT)
			abort();
		return 0;
	}
	for (size_t i = 0; i < all.n; i++) {
		const struct proposals_item *p = &all.item[i];
		if (p->id.n == 0)
			abort();
		for (size_t k = 0; k < p->n_events; k++)
			if (event_read(&p->events[k], &event) != NULL)
				abort();
		for (size_t k = 0; k < p->n_team; k++)
			check_member(&p->team[k]);
	}
	return 0;
}
