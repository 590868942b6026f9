/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_size.h"

#include <stdio.h>

const char *
cli_size(uint64_t bytes, char *out, size_t n)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 999.95 && u + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000;
		u++;
	}
	(void)snprintf(out, n, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return out;
}
