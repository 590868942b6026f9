/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "auth/auth.h"

/* One Authorization field judged, where nothing can wait. */
static inline bool
bearer(struct auth *a, struct span authorization, int64_t now, struct arena *mem,
	struct subject *ret, struct auth_refusal *why)
{
	const struct auth_request q = {.authorization = authorization, .now_ms = now * 1000};
	struct auth_wait wait = {0};

	return auth_check(a, &q, mem, ret, why, &wait) == AUTH_YES;
}
