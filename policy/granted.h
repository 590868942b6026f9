/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/facts.h"
#include "policy/policy.h"

#include <stdint.h>

/*
 * Roles that somebody has by a reviewer's link or a personal grant alone: let in before the opening
 * to look, and to nothing else.  They count for reading (meta.public, meta.full, data.list,
 * data.read), under embargo and once the data are open; not for what is on hold, withdrawn or
 * proprietary, whatever the policy gives to their role there.
 *
 * Adds those that count to f->roles, and returns the ones that are new there.  f->action, object
 * and now are set.  Pure.
 */
uint32_t granted_roles(const struct policy_set *s, struct facts *f, uint32_t roles);
