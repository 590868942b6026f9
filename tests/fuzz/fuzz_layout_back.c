/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/layout_back.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
next(struct span *rest, char *out, size_t n)
{
	struct span one = span_cut(rest, '\0');

	return one.n > 0 && span_cstr(one, out, n) ? out : NULL;
}

/* Every folder that a pid leads to has that pid. */
static void
check_places(const struct layout *l, struct span path, struct arena *a)
{
	struct layout_place at[LAYOUT_PLACES];
	struct layout_dataset d;
	struct span pid = layout_back_pid(l, path);

	if (pid.p == NULL)
		return;
	if (pid.n > path.n || (pid.n < path.n && path.p[pid.n] != '/'))
		abort();
	size_t n = layout_back_places(l, pid, a, at);
	for (size_t i = 0; i < n && !a->full; i++)
		if (!layout_match(l, at[i].folder, a, &d, NULL) ? !a->full : !span_eq(d.pid, pid))
			abort();
}

/* The folder of a dataset is one of those that its pid leads to, and with one name a segment the
 * only one. */
static void
check_folder(const struct layout *l, struct span folder, struct arena *a)
{
	struct layout_place at[LAYOUT_PLACES];
	struct layout_dataset d;
	bool found = false;

	if (!layout_match(l, folder, a, &d, NULL))
		return;
	size_t n = layout_back_places(l, d.pid, a, at);
	for (size_t i = 0; i < n; i++)
		found = found || span_eq(at[i].folder, folder);
	if (n > 0 && !found && !a->full)
		abort();
	struct span pid = layout_back_pid(l, d.pid);
	if (!span_eq(pid, d.pid))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = {(const char *)data, size};
	char text[3][1024];
	struct settings_root root = {.name = "root"};
	struct layout l;
	AUTO_ARENA a = {0};

	root.layout = next(&rest, text[0], sizeof(text[0]));
	root.pid = next(&rest, text[1], sizeof(text[1]));
	root.proposal = next(&rest, text[2], sizeof(text[2]));
	if (!layout_parse(&root, &l, NULL) || !layout_back_check(&l, NULL) ||
		!arena_init(&a, 1 << 22))
		return 0;
	check_places(&l, rest, &a);
	check_folder(&l, rest.p != NULL ? rest : SPAN(""), &a);
	return 0;
}
