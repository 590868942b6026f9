/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted, written and read again is the same value, and writing that gives the same text.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_limits limits = {.bytes = 65536, .members = 1000};
	AUTO_JSON j = json_parse((struct span){(const char *)data, size}, &limits, NULL);
	AUTO_BUF once = BUF_INIT(1U << 22);
	AUTO_BUF twice = BUF_INIT(1U << 22);

	if (j == NULL)
		return 0;
	json_write(j, &once);
	if (!buf_ok(&once))
		abort();
	AUTO_JSON again = json_parse(buf_span(&once), NULL, NULL);
	if (again == NULL || !json_same(j, again))
		abort();
	json_write(again, &twice);
	if (!span_eq(buf_span(&once), buf_span(&twice)))
		abort();
	return 0;
}
