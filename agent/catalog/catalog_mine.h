/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/catalog/catalog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The proposals in which somebody has roles, found at once: what a list asks for each of its rows.
 * The same as catalog_roles() for each proposal by itself.
 */
struct catalog_mine {
	struct catalog_mine_roles {
		int64_t document;
		uint32_t roles; /* of enum policy_role */
	} * item;               /* by document */
	size_t n;
};

/* s NULL: anonymous, nothing.  In a transaction of the caller's, or of its own for each question.
 */
bool catalog_mine(struct catalog *c, const struct subject *s, struct arena *a,
	struct catalog_mine *ret, struct err *e);
uint32_t catalog_mine_of(const struct catalog_mine *m, int64_t document); /* 0: none */
