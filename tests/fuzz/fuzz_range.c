/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/hold.h"
#include "transfer/range.h"

#include <stdbool.h>
#include <string.h>

/* Ranges lie inside of the object, do not overlap, and read the same when they are written again.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t object = 0;
	struct range_set set;
	struct range_set again;
	uint64_t sum = 0;
	AUTO_BUF b = BUF_INIT(65536);

	if (size < sizeof(object))
		return 0;
	memcpy(&object, data, sizeof(object));
	object &= INT64_MAX;
	struct span value = {(const char *)data + sizeof(object), size - sizeof(object)};
	if (range_parse(value, object, &set) != RANGE_PARTS)
		return 0;
	hold(set.n >= 1 && set.n <= RANGE_MAX);
	for (size_t i = 0; i < set.n; i++) {
		hold(set.r[i].first <= set.r[i].last && set.r[i].last < object);
		for (size_t k = 0; k < i; k++)
			hold(set.r[i].last < set.r[k].first || set.r[k].last < set.r[i].first);
		sum += range_length(&set.r[i]);
		buf_adds(&b, i == 0 ? "bytes=" : ",");
		buf_addu(&b, set.r[i].first);
		buf_addc(&b, '-');
		buf_addu(&b, set.r[i].last);
	}
	hold(sum == set.bytes && sum <= object);
	hold(range_parse(buf_span(&b), object, &again) == RANGE_PARTS);
	hold(again.n == set.n && memcmp(again.r, set.r, set.n * sizeof(set.r[0])) == 0);
	return 0;
}
