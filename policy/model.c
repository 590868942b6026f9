/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/model.h"

#include <stdlib.h>

const char *const model_milestones[REACHED_COUNT] = {
	[MILESTONE_PROPOSAL_ACCEPTED] = "proposal_accepted",
	[MILESTONE_EXPERIMENT_START] = "experiment_start",
	[MILESTONE_EXPERIMENT_END] = "experiment_end",
	[MILESTONE_DATA_COLLECTED] = "data_collected",
	[REACHED_RELEASE] = "release",
	[REACHED_ALWAYS] = "always",
};
const char *const model_when[WHEN_COUNT] = {
	[WHEN_STATE] = "state",
	[WHEN_KIND] = "kind",
	[WHEN_ROUTE] = "route",
	[WHEN_NETWORK] = "network",
	[WHEN_PURPOSE] = "purpose",
	[WHEN_PROTOCOL] = "protocol",
	[WHEN_ROLE] = "role",
	[WHEN_NOT_ROLE] = "not_role",
	[WHEN_FLAG] = "flag",
	[WHEN_NOT_FLAG] = "not_flag",
	[WHEN_REACHED] = "reached",
	[WHEN_ASSURANCE] = "assurance",
	[WHEN_ENTITLEMENT] = "entitlement",
	[WHEN_ISSUER] = "issuer",
	[WHEN_PROPOSAL] = "proposal",
	[WHEN_INSTRUMENT] = "instrument",
	[WHEN_PID] = "pid",
};
const char *const model_states[STATE_OPEN] = {
	[STATE_WITHDRAWN - 1] = "withdrawn",
	[STATE_PROPRIETARY - 1] = "proprietary",
	[STATE_RESTRICTED - 1] = "restricted",
	[STATE_EMBARGOED - 1] = "embargoed",
	[STATE_OPEN - 1] = "open",
};
const char *const model_modes[MODE_COUNT] = {
	[MODE_AFTER_EMBARGO] = "after_embargo",
	[MODE_NEVER] = "never",
	[MODE_AGREEMENT] = "agreement",
};

const char *const model_mints[MINT_COUNT] = {
	[MINT_NEVER] = "never",
	[MINT_ON_REQUEST] = "on_request",
	[MINT_AT_EXPERIMENT_END] = "at_experiment_end",
	[MINT_AT_RELEASE] = "at_release",
};

void
model_free(struct policy *p)
{
	if (p == NULL)
		return;
	zone_free(p->zone);
	arena_fini(&p->arena);
	free(p);
}
