/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/form.h"

/* The list of rules into the struct policy at `into`; groups, terms and rates are known by then. */
void parse_rules(struct form *f, const struct yaml_node *v, void *into);
