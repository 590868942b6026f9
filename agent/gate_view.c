/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_view.h"

#include "agent/gate_network.h"

bool
gate_view_asker(
	struct gate_desk *d, const struct gate_case *c, struct view_asker *ret, struct err *e)
{
	(void)e;
	*ret = (struct view_asker){
		.policies = d->gate->policies,
		.subject = c->subject.authenticated ? &c->subject : NULL,
		.roles = c->subject.local_user.p != NULL ? 1U << ROLE_REGISTERED : 0,
		.network = gate_network(d->gate->settings, c->ask->peer),
		.purpose = PURPOSE_UNSPECIFIED,
		.protocol = PROTOCOL_HTTPS,
		.now = c->now,
	};
	return true;
}

bool
gate_view(struct gate_desk *d, const struct gate_case *c, const struct view **ret, struct err *e)
{
	struct view_asker who;

	return gate_view_asker(d, c, &who, e) && view_new(&who, &d->mem, ret, e);
}
