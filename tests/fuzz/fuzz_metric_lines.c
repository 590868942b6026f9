/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metric_lines.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What passed passes again as it is, and each line of it names a metric of the prefix. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const prefixes[] = {"pan_issuer_", NULL};
	AUTO_BUF once = BUF_INIT((size_t)1 << 20);
	AUTO_BUF twice = BUF_INIT((size_t)1 << 20);

	(void)metric_lines((struct span){(const char *)data, n}, prefixes, &once);
	if (metric_lines(buf_span(&once), prefixes, &twice) != 0 ||
		!span_eq(buf_span(&once), buf_span(&twice)))
		abort();
	struct span rest = buf_span(&once);
	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');
		if (span_starts(line, SPAN("# ")))
			line = span_skip(line, strlen("# HELP "));
		if (!span_starts(line, SPAN("pan_issuer_")))
			abort();
	}
	return 0;
}
