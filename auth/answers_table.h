/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "auth/claims.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Answers by key, each until an instant, bounded in number and bytes: to make room, the oldest
 * goes. Keys are digests under a secret key, so nobody can choose where they fall.  Not for two
 * threads at once.
 */
#define ANSWERS_KEY_SIZE 32U

struct answers_entry {
	int64_t until_ms;
	size_t bytes;          /* of what the claims' spans point into */
	struct claims claims;  /* of a good answer */
	const struct err *why; /* NULL: a good answer */
};

#define ANSWERS_TABLE_MS                                                                           \
	60000 /* no entry lives longer; one that seems to was put before the clock went back */

struct answers_table;

/* bytes_max: of the claims of all entries together.  NULL: no memory. */
struct answers_table *answers_table_new(size_t entries_max, size_t bytes_max);
void answers_table_free(struct answers_table *t); /* NULL is allowed */
/* NULL: none, or only one that is over at now_ms.  Good until the table is used again. */
const struct answers_entry *answers_table_get(
	struct answers_table *t, const uint8_t key[ANSWERS_KEY_SIZE], int64_t now_ms);
/*
 * Copies *e, with a copy of its claims' texts (why NULL) or of *e->why; e->bytes is not read.  An
 * older one of this key goes.  False: no memory, or more than bytes_max.
 */
bool answers_table_put(struct answers_table *t, const uint8_t key[ANSWERS_KEY_SIZE],
	const struct answers_entry *e, int64_t now_ms);
void answers_table_drop(struct answers_table *t, const uint8_t key[ANSWERS_KEY_SIZE]);
size_t answers_table_count(const struct answers_table *t);
