/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/yaml.h"
#include "tests/fuzz/hold.h"

/*
 * Property: either a tree and a silent report, or no tree and exactly one line that begins with
 * "f:"; in the tree no text is empty, no mapping has a key twice, places count from 1.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_children(const struct yaml_node *n)
{
	size_t count = 0;

	for (const struct yaml_node *c = n->child; c != NULL; c = c->next, count++) {
		hold(c->line >= 1 && c->col >= 1);
		hold(c->kind != YAML_SCALAR || (c->text.n > 0 && c->child == NULL));
		hold((n->kind == YAML_MAP) == (c->key.p != NULL));
		for (const struct yaml_node *d = c->next; d != NULL && count < 50; d = d->next)
			hold(n->kind != YAML_MAP || !span_eq(c->key, d->key));
	}
	hold(count == n->n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_ARENA a = {0};
	AUTO_BUF report = BUF_INIT(4096);
	const struct yaml_node *path[8] = {0};
	size_t depth = 0;

	hold(arena_init(&a, 64U * 1024U * 1024U));
	const struct yaml_node *at =
		yaml_parse("f", (struct span){(const char *)data, n}, &a, &report);
	if (at == NULL) {
		hold(report.n > 2 && report.p[0] == 'f' && report.p[report.n - 1] == '\n');
		for (size_t i = 0; i + 1 < report.n; i++)
			hold(report.p[i] != '\n');
		return 0;
	}
	hold(report.n == 0);
	/* Depth first, by hand: down to the child, else to the next of the nearest ancestor. */
	while (at != NULL) {
		check_children(at);
		if (at->child != NULL) {
			hold(depth < 8);
			path[depth++] = at;
			at = at->child;
			continue;
		}
		while (at->next == NULL && depth > 0)
			at = path[--depth];
		at = at->next;
	}
	return 0;
}
