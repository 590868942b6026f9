/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "tests/fuzz/hold.h"
#include "transfer/nexus_time.h"
#include "transfer/text.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Properties: a time that is taken lies between 1949 and 2101, and its RFC 3339 form is taken as
 * the same moment; text that is shown is UTF-8, shorter than its limit, not blank at its ends, and
 * shown the same again.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct nexus_time t;
	struct nexus_time again;
	struct span shown;
	struct span twice;
	AUTO_ARENA a = {0};

	if (nexus_time_parse(in, &t)) {
		AUTO_BUF iso = BUF_INIT(64);
		hold(t.secs > -662774400 && t.secs < 4134096000);
		civil_write_iso(&iso, t.secs);
		/* A zone may carry the first and the last day out of the years that are taken. */
		if (t.secs >= -631152000 && t.secs < 4133980800)
			hold(nexus_time_parse(buf_span(&iso), &again) && again.zoned &&
				again.secs == t.secs);
	}
	hold(arena_init(&a, 1U << 20));
	struct span utf8 = text_utf8(in, &a);
	hold(utf8.p == NULL || span_utf8(utf8));
	if (utf8.p != NULL && text_shown(utf8, &a, &shown)) {
		hold(shown.n > 0 && shown.n <= TEXT_SHOWN && span_utf8(shown));
		hold(shown.p[0] != ' ');
		/* A cut may leave a blank, or a placeholder, at the end. */
		if (shown.n < TEXT_SHOWN - 4)
			hold(text_shown(shown, &a, &twice) && span_eq(shown, twice));
	}
	return 0;
}
