/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/grant.h"

/*
 * The receiving end of a grant that was issued in the gate and came with its descriptor by
 * SCM_RIGHTS. Only agent/wire.c and agent/haul.c may include this file.  Takes *fd on success.
 */
bool grant_adopt(int *fd, const struct grant_info *info, struct grant **ret, struct err *e);
/* GRANT_WRITE: its descriptor, to be sent back to the gate with the commit; else -1. */
int grant_adopt_fd(const struct grant *g);
