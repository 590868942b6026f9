/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/http/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Answers that the gate allowed to be used again (http_answer.keep), for all worker threads: at
 * most `max`, the least recently used goes first.  Found by the whole text of everything that the
 * decision may depend on, never by a digest alone.  Questions with a DPoP proof, a cookie of ours
 * or a client certificate are never answered from here.  An answer is gone when its grant expires,
 * when the epoch moves, or when its file is no longer what it was.  Thread-safe; a large table has
 * several parts with a lock each, and the order of use is that of a part.
 */
#define KEPT_KEY_MAX    12288U /* longer questions are always asked */
#define KEPT_FIELDS_MAX 4096U

struct kept;

bool kept_new(size_t max, const uint8_t seed[16], struct kept **ret, struct err *e);
void kept_free(struct kept *k); /* NULL allowed; no answer is in use any more */

/* Borrowed until kept_done(); its grant too.  id is 0. */
const struct http_answer *kept_get(
	struct kept *k, const struct http_ask *q, int64_t now, uint64_t epoch);
void kept_done(const struct http_answer *a); /* NULL allowed */
/*
 * Remember `a` for questions like `q`, with a reference of its own to the grant.  Does nothing for
 * an answer that must not be kept.
 */
void kept_put(struct kept *k, const struct http_ask *q, const struct http_answer *a);
/*
 * Drop what `now` and `epoch` have ended, and with it the descriptors: everything after a change of
 * the epoch, else a part at each call.
 */
void kept_sweep(struct kept *k, int64_t now, uint64_t epoch);
/* Descriptors are short: `n` answers that were not used for long make room.  How many there were.
 */
size_t kept_yield(struct kept *k, size_t n);
size_t kept_count(struct kept *k);
