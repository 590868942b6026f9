/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/policy.h"

#include <stdbool.h>

/* One question about a dataset of this machine's catalogue; NULL: not given. */
struct cli_explain_question {
	const char *as, *on, *action, *at, *network, *purpose, *protocol, *kind, *config;
	bool json, exit_code, all;
	/* What if? */
	const char *assurance;
	const char **flags, **entitlements, **accepted; /* beside those that are known */
	size_t n_flags, n_entitlements, n_accepted;
};

/* Exit status.  `s` NULL: the policy files that the configuration names. */
int cli_explain_catalogue(const struct cli_explain_question *q, const struct policy_set *s);
