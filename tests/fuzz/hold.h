/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* What every fuzz target has: its entry, and how it says that a property does not hold (abort). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
hold(bool fact)
{
	if (!fact)
		abort();
}

/* What was written is what was read. */
static inline void
hold_same(const struct buf *b, struct span in)
{
	hold(buf_ok(b) && span_eq(buf_span(b), in));
}
