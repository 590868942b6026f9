/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is accepted from one side is written again byte for byte, and refused from the other. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span msg = {(const char *)data, n};

	for (int side = 0; side < 2; side++) {
		AUTO_BUF out = BUF_INIT(CONTROL_MESSAGE);
		struct control c = {0};
		if (!control_read(msg, side == 1, &c, NULL))
			continue;
		control_write(&c, &out);
		if (!span_eq(buf_span(&out), msg) || control_read(msg, side == 0, &c, NULL))
			abort();
	}
	return 0;
}
