/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/role.h"

#include <stdbool.h>

/*
 * The paths that are left to this thread and to what it starts later (landlock(7)): beneath some
 * folders of its bundle, by role, and for the courier what name service and the system's
 * authorities are read from.  For sandbox_enter.
 */
bool sandbox_landlock(const struct role *r, struct err *e);
