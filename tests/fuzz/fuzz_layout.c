/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/layout.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next text up to a zero byte. */
static const char *
next(struct span *rest, char *out, size_t n)
{
	struct span one = span_cut(rest, '\0');

	return one.n > 0 && span_cstr(one, out, n) ? out : NULL;
}

/* A dataset that comes out has a pid that can stand in a URL, and each of its levels fits. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = {(const char *)data, size};
	char text[3][1024];
	struct settings_root root = {.name = "root"};
	struct layout l;
	struct layout_dataset d;
	AUTO_ARENA a = {0};

	root.layout = next(&rest, text[0], sizeof(text[0]));
	root.pid = next(&rest, text[1], sizeof(text[1]));
	root.proposal = next(&rest, text[2], sizeof(text[2]));
	if (!layout_parse(&root, &l, NULL) || !arena_init(&a, 1 << 20))
		return 0;
	struct span folder = rest.p != NULL ? rest : SPAN("");
	if (!layout_match(&l, folder, &a, &d, NULL))
		return 0;
	if (!layout_is_pid(d.pid) || (d.proposal.p != NULL && d.proposal.n == 0))
		abort();
	for (size_t i = 0; i < l.n; i++)
		if (!layout_fits(&l, i, span_cut(&folder, '/')))
			abort();
	return 0;
}
