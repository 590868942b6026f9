/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/trusted_time.h"
#include "tests/fuzz/hold.h"

#include <string.h>

/*
 * Properties: whatever the wall clock says and the file holds, the time never goes back, never runs
 * further ahead than the boot clock and five minutes, is the wall clock's when that is within
 * reach, and a step is told with its sign; a line that was written is read.
 */
static int64_t
number(const uint8_t **data, size_t *n, size_t bytes)
{
	int64_t v = 0;

	for (size_t i = 0; i<bytes && * n> 0; i++, (*n)--)
		v = v << 8 | *(*data)++;
	return v;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = {(const char *)data, n};
	int64_t stored = trusted_kept_read(text);
	int64_t boot = number(&data, &n, 4);
	int64_t last = INT64_MIN;
	char line[TRUSTED_LINE + 1];
	struct trusted_core c;

	hold(stored >= 0);
	trusted_core_start(&c, number(&data, &n, 5), boot, stored);
	int64_t first = c.first;
	int64_t start = boot;
	while (n > 0) {
		int64_t wall = number(&data, &n, 5);
		int64_t step = 0;
		boot += number(&data, &n, 3);
		int64_t most = first + (boot - start) + TRUSTED_STEP_MS;
		int64_t now = trusted_core_now(&c, wall, boot, &step);
		hold(now >= last && now >= first && now <= most);
		hold(now >= wall || wall > most);
		hold(step == 0 || step == wall - now);
		last = now;
	}
	trusted_kept_line(first, line);
	hold(strlen(line) == TRUSTED_LINE && trusted_kept_read(span_of(line)) == first);
	return 0;
}
