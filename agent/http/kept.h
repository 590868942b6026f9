/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/http/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Answers that the gate allowed to be used again (http_answer.keep), for one worker thread: at most
 * `max`, the least recently used goes first.  Found by the whole text of everything that the
 * decision may depend on, never by a digest alone.  Questions with a DPoP proof, a cookie of ours
 * or a client certificate are never answered from here.  An answer is gone when its grant expires,
 * when the epoch moves, or when its file is no longer what it was.
 */
#define KEPT_KEY_MAX    12288U /* longer questions are always asked */
#define KEPT_FIELDS_MAX 4096U

struct kept;

bool kept_new(size_t max, const uint8_t seed[16], struct kept **ret, struct err *e);
void kept_free(struct kept *k); /* NULL allowed */

/* Borrowed until the next call; its grant too.  id is 0. */
const struct http_answer *kept_get(
	struct kept *k, const struct http_ask *q, int64_t now, uint64_t epoch);
/*
 * Remember `a` for questions like `q`, with a reference of its own to the grant.  Does nothing for
 * an answer that must not be kept.
 */
void kept_put(struct kept *k, const struct http_ask *q, const struct http_answer *a);
/* Drop what `now` and `epoch` have ended, and with it the descriptors. */
void kept_sweep(struct kept *k, int64_t now, uint64_t epoch);
size_t kept_count(const struct kept *k);
