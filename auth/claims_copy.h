/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "auth/claims.h"

#include <stddef.h>

/*
 * Claims that outlive the request: the one place that knows where a subject's spans point, for the
 * tables that keep them (token_cache, answers).  Pure.
 */

/* Bytes that claims_copy_to needs; may be 0. */
size_t claims_copy_size(const struct claims *c);
/* A copy whose spans all lie in `to`, which is 16-byte aligned and of claims_copy_size bytes. */
struct claims claims_copy_to(const struct claims *c, void *to);
