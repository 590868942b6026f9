/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/event_json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write(const struct event_text *t, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	event_json_write(t, &w);
	jsonw_end(&w, '}');
}

/* What was read, written and read again is the same, and keeps its verdict. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_text t;
	struct event_text again;
	struct policy_event ev;
	struct policy_event ev_again;
	AUTO_BUF out = BUF_INIT(65536);
	AUTO_ARENA a = {0};

	if (!arena_init(&a, 1UL << 20) ||
		!event_json_read((struct span){(const char *)data, size}, &a, &t, NULL))
		return 0;
	write(&t, &out);
	if (!buf_ok(&out) || !event_json_read(buf_span(&out), &a, &again, NULL))
		abort();
	for (int i = 0; i < EVENT_TEXT_COUNT; i++)
		if ((t.value[i].p == NULL) != (again.value[i].p == NULL) ||
			!span_eq(t.value[i], again.value[i]))
			abort();
	if (event_read(&t, &ev) != event_read(&again, &ev_again) || ev.type != ev_again.type)
		abort();
	return 0;
}
