/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what is read writes back to the same bytes, and no wish leads out of its root. */
#include "agent/wish.h"
#include "tests/fuzz/hold.h"

#include <stdlib.h>

static void
stays_inside(struct span path)
{
	while (path.p != NULL && path.n > 0) {
		struct span step = span_cut(&path, '/');
		if (step.n == 0 || span_is(step, "..") || span_has(step, '\0'))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct wish w;
	struct wish_report r;
	AUTO_BUF b = BUF_INIT(65536);

	if (wish_read(in, &w, NULL)) {
		stays_inside(w.folder);
		stays_inside(w.path);
		wish_write(&w, &b);
		hold_same(&b, in);
	} else if (wish_read_report(in, &r, NULL)) {
		wish_write_report(&r, &b);
		hold_same(&b, in);
	}
	return 0;
}
