/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/request.h"
#include "tests/fuzz/hold.h"

/*
 * Property: what is taken has a time, an action and only values of the closed vocabularies; a
 * malformed event keeps nothing of what was read.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_event(const struct policy_event *ev)
{
	if (ev->malformed) {
		hold(!ev->at.given && ev->id.p == NULL && !ev->has_period);
		return;
	}
	hold(ev->type < EVENT_COUNT && ev->at.given && ev->by < ROLE_COUNT);
	if (ev->type == EVENT_EXTENSION)
		hold(ev->has_period != ev->until.given);
	hold((ev->of.p != NULL) == (ev->type == EVENT_APPROVAL || ev->type == EVENT_OBJECTION));
	hold(ev->release.given == (ev->type == EVENT_AGREEMENT));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_JSON j = json_parse((struct span){(const char *)data, n}, NULL, NULL);
	AUTO_ARENA a = {0};
	struct request r;

	hold(arena_init(&a, 4U << 20));
	if (j == NULL || !request_parse(j, &a, &r))
		return 0;
	hold(r.facts.now.given && r.facts.action < ACTION_COUNT);
	hold(r.facts.network < NETWORK_COUNT && r.facts.object.route < ROUTE_COUNT);
	hold(r.facts.roles >> ROLE_COUNT == 0 && (r.facts.roles & 3U) == 0);
	hold(r.facts.subject == NULL || r.facts.subject->authenticated);
	for (size_t i = 0; i < r.facts.object.n_events; i++)
		check_event(&r.facts.object.events[i]);
	return 0;
}
