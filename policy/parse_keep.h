/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/form.h"

/*
 * The sections of a policy file that no rule reads: what happens to running streams, how long data
 * and records are kept, when DOIs are minted, who may send a reviewer a link (policy language 7).
 * `into` is the struct policy.
 */
void parse_keep_defaults(struct policy *p);
void parse_keep_streams(struct form *f, const struct yaml_node *v, void *into);
void parse_keep_audit(struct form *f, const struct yaml_node *v, void *into);
void parse_keep_retention(struct form *f, const struct yaml_node *v, void *into);
void parse_keep_doi(struct form *f, const struct yaml_node *v, void *into);
/* Not in the reference: `reviewer_links: {by: ROLES, max_age: PERIOD}`, by default the pi, 90d. */
void parse_keep_links(struct form *f, const struct yaml_node *v, void *into);
