/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/zone.h"
#include "tests/fuzz/hold.h"

/*
 * Property: offsets stay within RFC 8536 3.2, entries follow each other in time, and the offset at
 * an instant is the one of the entry that holds it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct zone *z = NULL;
	int64_t at = -5000000000;

	if (!zone_parse((struct span){(const char *)data, n}, &z, NULL)) {
		hold(z == NULL);
		return 0;
	}
	for (int i = 0; i < 200 && at < 50000000000; i++) {
		int64_t until = 0;
		int32_t east = zone_offset(z, at, &until);
		hold(east >= -89999 && east <= 93599);
		hold(until > at);
		if (until == INT64_MAX)
			break;
		hold(zone_offset(z, until - 1, NULL) == east);
		at = until;
	}
	zone_free(z);
	return 0;
}
