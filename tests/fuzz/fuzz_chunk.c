/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/chunk.h"
#include "tests/fuzz/hold.h"

#define LIMIT 1000U

/* Whole and byte by byte: the same verdict, length and data, never more than the limit. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	AUTO_BUF a = BUF_INIT(2 * LIMIT);
	AUTO_BUF b = BUF_INIT(2 * LIMIT);
	struct chunk whole;
	struct chunk pieces;
	size_t used = 0;
	size_t at = 0;
	enum step t = STEP_READ;

	chunk_init(&whole, LIMIT);
	chunk_init(&pieces, LIMIT);
	enum step s = chunk_feed(&whole, in, &a, &used, NULL);
	while (at < size && t == STEP_READ) {
		size_t one = 0;
		t = chunk_feed(&pieces, span_first(span_skip(in, at), 1), &b, &one, NULL);
		at += t == STEP_FAIL ? 1 : one;
	}
	hold(s == t && whole.status == pieces.status && whole.total == pieces.total);
	hold(span_eq(buf_span(&a), buf_span(&b)) && a.n <= LIMIT);
	hold(s == STEP_FAIL || used == at);
	hold(s != STEP_DONE || a.n == whole.total);
	return 0;
}
