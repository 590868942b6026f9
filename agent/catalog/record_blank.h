/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/view.h"

#include <stdbool.h>

/*
 * The record of a dataset's files (agent/catalog/record.h, JSON) without what the view does not
 * show.  What names files (contradictions, notes) is never kept: that is the file list, which is
 * decided by itself.  *ret lives in the arena.  Pure.
 */
bool record_blank(struct span json, const struct view_shown *s, struct arena *a, struct span *ret,
	struct err *e);
