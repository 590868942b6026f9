/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/grant.h"

/*
 * The privilege of the gate.  tests/arrows.sh lets only policy/grant.c and agent/gate_grant.c
 * include this file. Takes *fd on success.  ERR_ABSENT unless it is a regular file (GRANT_PIPE: a
 * pipe); the times are filled from fstat, and info->size, but for GRANT_WRITE.
 */
bool grant_issue(int *fd, const struct grant_info *info, struct grant **ret, struct err *e);
/* The descriptor, to be passed on by SCM_RIGHTS; still owned by the grant. */
int grant_issue_fd(const struct grant *g);
