/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/form.h"

/* The list of tests into f->p; the rules are known by then. */
void parse_tests(struct form *f, const struct yaml_node *v);
