/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "agent/http/target.h"
#include "tests/fuzz/hold.h"

/* No empty, "." or ".." segment leaves; encoding the path and reading it again gives the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char out[8192];
	static char again[8192];
	struct target t;
	struct target u;
	AUTO_BUF b = BUF_INIT(65536);

	if (!target_parse(
		    (struct span){(const char *)data, size}, HTTP_GET, out, sizeof(out), &t, NULL))
		return 0;
	hold(t.path.n > 0 && t.path.p[0] == '/' && span_utf8(t.path) && !span_has(t.path, '\0'));
	struct span rest = span_skip(t.path, 1);
	while (rest.p != NULL) {
		struct span segment = span_cut(&rest, '/');
		hold(segment.n > 0 || rest.p == NULL);
		hold(!span_is(segment, ".") && !span_is(segment, ".."));
	}
	buf_add_url(&b, t.path);
	if (b.n > sizeof(again))
		return 0;
	hold(target_parse(buf_span(&b), HTTP_GET, again, sizeof(again), &u, NULL));
	hold(span_eq(u.path, t.path));
	return 0;
}
