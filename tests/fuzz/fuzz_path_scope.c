/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/path_scope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every path that is granted is absolute, below the base, without dot or empty components. */
static void
check(struct span base, struct span path)
{
	struct span rest = path;

	if (!span_starts(path, base) || !path_scope_covers(path, path) || path.n == 0)
		abort();
	rest = span_skip(path, base.n);
	if (!span_starts(rest, SPAN("/")) || span_has(rest, '\0'))
		abort();
	rest = span_skip(rest, 1);
	while (rest.p != NULL && rest.n > 0) {
		struct span c = span_cut(&rest, '/');
		if (c.n == 0 || span_is(c, ".") || span_is(c, ".."))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const bases[] = {"", "/data"};
	struct path_scopes got;
	AUTO_ARENA mem = {0};

	if (!arena_init(&mem, 1U << 20))
		return 0;
	for (size_t b = 0; b < 2; b++)
		if (path_scope_read((struct span){(const char *)data, size}, SPAN("read"),
			    span_of(bases[b]), &mem, &got, NULL))
			for (size_t i = 0; i < got.n; i++)
				check(span_of(bases[b]), got.path[i]);
	return 0;
}
