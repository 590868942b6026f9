/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How often each value was seen.  Pure but for memory. */
#define CLI_AUDIT_VALUES 1000000U /* different ones */

struct cli_audit_count;
struct cli_audit_counted {
	struct span value; /* absent: the records that have none */
	uint64_t n;
};

bool cli_audit_count_new(struct cli_audit_count **ret);
void cli_audit_count_free(struct cli_audit_count *c); /* NULL is allowed */
/* False: too many different ones, or no memory. */
bool cli_audit_count_add(struct cli_audit_count *c, struct span value);
/* The most frequent first, then by value; the list belongs to `c`. */
const struct cli_audit_counted *cli_audit_count_list(struct cli_audit_count *c, size_t *ret_n);
