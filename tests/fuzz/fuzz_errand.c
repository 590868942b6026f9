/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a message that is read writes back to the same bytes, and it is either an errand or a
 * report. */
#include "agent/errand.h"
#include "tests/fuzz/hold.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct errand errand;
	struct report report;
	AUTO_BUF b = BUF_INIT((size_t)512 * 1024);

	if (errand_read(in, &errand, NULL)) {
		errand_write(&errand, &b);
		hold_same(&b, in);
		if (errand_read_report(in, &report, NULL))
			abort();
	} else if (errand_read_report(in, &report, NULL)) {
		errand_write_report(&report, &b);
		hold_same(&b, in);
	}
	return 0;
}
