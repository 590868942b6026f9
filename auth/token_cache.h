/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "auth/claims.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Tokens that were verified, by the SHA-256 of their text (of which there is one, since only
 * canonical base64url is accepted): what they said, never the token.  Bounded; the oldest of a set
 * goes.  The caller asks claims_alive again on every hit, so nothing outlives its `exp`; a new set
 * of keys or rules starts with a new cache.  Safe in any number of threads.
 */
#define TOKEN_CACHE_ENTRIES   4096U
#define TOKEN_CACHE_ENTRY_MAX 8192U /* bytes of one subject; a larger one is not kept */

struct token_cache;
struct token_cached {
	size_t issuer;       /* index, the caller's */
	uint64_t generation; /* of the issuer's keys, the caller's */
	int64_t until_ms;    /* UTC: not to be used from then on, the caller's; 0: no such limit */
	struct claims claims;
};

struct token_cache *token_cache_new(void);    /* NULL: no memory */
void token_cache_free(struct token_cache *c); /* NULL is allowed */
/* The subject is copied into `mem`. */
bool token_cache_get(
	struct token_cache *c, const uint8_t key[32], struct arena *mem, struct token_cached *ret);
void token_cache_put(
	struct token_cache *c, const uint8_t key[32], const struct token_cached *entry);
