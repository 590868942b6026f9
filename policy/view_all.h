/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/view.h"

/*
 * The administrator's view: everything shows.  For commands on the machine itself alone (agent/cli,
 * held by tests/arrows.sh): no answer to a stranger may be made with it.
 */
const struct view *view_all(void);
