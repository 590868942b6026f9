/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stddef.h>

/*
 * What a role reports for GET /metrics, before it is shown: a role that was taken over shall not
 * forge the series of others, or break the page.  A line passes as it is when it is one of
 *   # HELP NAME text     # TYPE NAME counter|gauge     NAME value     NAME{label="value",...} value
 * with one blank between the parts, NAME beginning with a prefix of the list and having
 * [a-zA-Z0-9_] behind it, a value in decimal, and no control byte; all other lines are left out.
 * At most METRIC_LINE_MAX bytes each.  Pure.  Fuzz target: metric_lines.
 */
#define METRIC_LINE_MAX 1024U

/* prefixes: a list that ends with NULL.  Returns how many lines were left out. */
size_t metric_lines(struct span text, const char *const *prefixes, struct buf *out);
