/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "agent/catalog/catalog.h"
#include "agent/catalog/ledger.h"
#include "agent/cli/cli_accounts.h"
#include "agent/cli/cli_policy.h"
#include "policy/explain_bind.h"
#include "policy/facts.h"
#include "policy/policy.h"
#include "policy/subject.h"

#include <stdbool.h>

/*
 * What the commands need that decide about datasets of this machine as its agent would: the
 * configuration, the policy files, the accounts and the catalogue, opened together.
 */
struct cli_facts {
	const char *command; /* for messages: "policy explain" */
	struct settings *settings;
	const struct policy_set *policies;
	struct cli_accounts accounts;
	struct catalog *catalog;
	struct ledger *ledger;        /* what it adds is in the datasets' logs already */
	struct arena arena;           /* what the functions below give lives here */
	struct policy_set *own;       /* policies, where they are the configuration's */
	struct cli_policy_files file; /* of own */
};

/*
 * -1: go on, then close; else the exit status, everything was said and nothing is open.  config
 * NULL: as command_config has it; policies NULL: the files that the configuration names.
 */
int cli_facts_open(struct cli_facts *f, const char *command, const char *config,
	const struct policy_set *policies);
void cli_facts_close(struct cli_facts *f); /* works on a zeroed one */
/* Says it on standard error, with e's message unless e is NULL; the exit status 2. */
int cli_facts_complain(const struct cli_facts *f, const char *what, const struct err *e);

/* Whose question it is. */
struct cli_facts_who {
	struct subject subject; /* not authenticated: anonymous */
	uint32_t roles;         /* of roles:..., without looking at a dataset */
	bool named;             /* a person: the catalogue knows the roles */
	struct span link;       /* id of a reviewer's link; absent: none */
	uint32_t granted;       /* by cli_facts_fill: roles by a grant alone (policy/granted.h) */
};

/* anonymous, roles:pi,registered, sub:NAME@ISSUER, local:ACCOUNT or link:ID; false: said what is
 * wrong. */
bool cli_facts_who(const struct cli_facts *f, const char *as, struct cli_facts_who *ret);

/* The dataset with its dates, flags and log of events; ERR_ABSENT. */
bool cli_facts_dataset(
	struct cli_facts *f, struct span pid, struct catalog_dataset *ret, struct err *e);
/* Where the name of its policy comes from, where it has one. */
enum explain_binding cli_facts_binding(const struct catalog_dataset *ds);
/*
 * Who asks about what: subject, roles, accepted terms and object of *ret are set, all else is left;
 * ret->now says at what time a link or grant must live.  `who` must
 * outlive *ret.  A named person's account is the one that the accounts link to it.
 */
bool cli_facts_fill(struct cli_facts *f, const struct catalog_dataset *ds,
	struct cli_facts_who *who, struct facts *ret, struct err *e);
