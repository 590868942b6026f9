/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* cmocka.h 1.1.5 does not compile alone: these come first.  The one place that includes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/base/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names of rows: `CHECK_ROW(row->name)` first in a loop, so that a failure says which fact
 * broke. */
#define CHECK_ROW(name) print_message("    row: %s\n", (name))

#define check_span(got, want)                                                                      \
	do {                                                                                       \
		struct span g_ = (got);                                                            \
		struct span w_ = span_of(want);                                                    \
		if (!span_eq(g_, w_))                                                              \
			fail_msg("got \"%.*s\", want \"%.*s\"", SPAN_ARG(g_), SPAN_ARG(w_));       \
	} while (0)
