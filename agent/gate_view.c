/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_view.h"

#include "agent/base/log.h"
#include "agent/gate_network.h"
#include "agent/gate_people.h"

#define MISSING_ARENA ((size_t)4 * 1024 * 1024)

bool
gate_view_asker(struct gate_desk *d, struct gate_case *c, struct view_asker *ret, struct err *e)
{
	if (!gate_people_asker(d, c, e))
		return false;
	*ret = (struct view_asker){
		.policies = d->gate->policies,
		.subject = c->subject.authenticated ? &c->subject : NULL,
		.roles = c->subject.local_user.p != NULL ? 1U << ROLE_REGISTERED : 0,
		.network = gate_network(d->gate->settings, c->ask->peer),
		.purpose = PURPOSE_UNSPECIFIED,
		.protocol = PROTOCOL_HTTPS,
		.accepted = c->accepted,
		.n_accepted = c->n_accepted,
		.now = c->now,
	};
	return true;
}

bool
gate_view(struct gate_desk *d, struct gate_case *c, const struct view **ret, struct err *e)
{
	struct view_asker who;

	return gate_view_asker(d, c, &who, e) && view_new(&who, &d->mem, ret, e);
}

static bool
loaded(const struct policy_set *s, struct span id)
{
	for (size_t i = 0; i < policy_set_count(s); i++)
		if (span_eq(policy_set_id(s, i), id))
			return true;
	return false;
}

void
gate_view_missing(const struct policy_set *policies, struct catalog *c)
{
	AUTO_ARENA a = {0};
	struct catalog_binding *list = NULL;
	size_t n = 0;

	if (!arena_init(&a, MISSING_ARENA) || !catalog_bindings(c, &a, &list, &n, NULL))
		return; /* whoever asks for a dataset will hear of it */
	for (size_t i = 0; i < n; i++)
		if (!loaded(policies, list[i].policy))
			log_warn("policy.missing",
				"datasets are bound to a policy that is not loaded, so nobody sees "
				"them: list its file in `policy`, or run `pan-agent index "
				"--rebind`",
				LOG_SPAN("policy", list[i].policy),
				LOG_U64("datasets", list[i].datasets));
}
