/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/reading.h"
#include "agent/catalog/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is taken is clean text within the limits, and its record can be written. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA a = {0};
	AUTO_BUF out = BUF_INIT((size_t)4 << 20);
	struct reading r;
	struct record record;
	struct err e = {0};

	if (!arena_init(&a, (size_t)8 << 20))
		return 0;
	if (!reading_parse((struct span){(const char *)data, size}, &a, &r, &e)) {
		if (e.code != ERR_SYNTAX && e.code != ERR_LIMIT)
			abort();
		return 0;
	}
	if (size > READING_BYTES || r.n_entries > READING_ENTRIES || r.n_notes > READING_NOTES)
		abort();
	if (r.end != READING_DONE && (r.n_entries > 0 || r.problem.p == NULL))
		abort();
	for (size_t i = 0; i < r.n_entries; i++)
		for (int k = 0; k < READING_TEXT_COUNT; k++) {
			struct span t = r.entries[i].text[k];
			if (t.p != NULL && (t.n == 0 || t.n > READING_TEXT || !span_utf8(t) ||
						   span_has(t, '\n') || span_has(t, '\0')))
				abort();
		}
	record_init(&record, SPAN("P"), &a);
	record_add(&record, SPAN("a.nxs"), &r);
	record_write_json(&record, &out);
	if (!buf_ok(&out) && !a.full)
		abort();
	return 0;
}
