/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_count.h"

#include "agent/base/arena.h"
#include "agent/base/siphash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 1024U
#define TEXT_BYTES  ((size_t)1 << 30) /* pages that are not touched cost nothing */

struct cli_audit_count {
	struct arena texts;
	struct cli_audit_counted *row;
	size_t n, slots; /* slots: a power of two */
	uint32_t *slot;  /* 0: empty; else the number of a row, from 1 */
};

bool
cli_audit_count_new(struct cli_audit_count **ret)
{
	struct cli_audit_count *c = calloc(1, sizeof(*c));

	if (c != NULL) {
		c->slots = SLOTS_FIRST;
		c->row = calloc(c->slots, sizeof(*c->row));
		c->slot = calloc(c->slots, sizeof(*c->slot));
	}
	if (c == NULL || c->row == NULL || c->slot == NULL || !arena_init(&c->texts, TEXT_BYTES)) {
		cli_audit_count_free(c);
		return false;
	}
	*ret = c;
	return true;
}

void
cli_audit_count_free(struct cli_audit_count *c)
{
	if (c == NULL)
		return;
	arena_fini(&c->texts);
	free(c->row);
	free(c->slot);
	free(c);
}

static bool
same(struct span a, struct span b)
{
	return (a.p == NULL) == (b.p == NULL) && span_eq(a, b);
}

/* The slot of the value, or the empty one where it belongs. */
static uint32_t *
slot_of(const struct cli_audit_count *c, struct span value)
{
	static const uint64_t key[2] = {0x70616e, 0x61756469}; /* nobody's table but one's own */
	size_t at = siphash(key, value) & (c->slots - 1);

	while (c->slot[at] != 0 && !same(c->row[c->slot[at] - 1].value, value))
		at = (at + 1) & (c->slots - 1);
	return &c->slot[at];
}

/* Twice the room; half of the slots stay empty. */
static bool
grow(struct cli_audit_count *c)
{
	size_t slots = 2 * c->slots;
	struct cli_audit_counted *row = reallocarray(c->row, slots, sizeof(*row));

	if (row == NULL)
		return false;
	c->row = row;
	uint32_t *slot = calloc(slots, sizeof(*slot));
	if (slot == NULL)
		return false;
	free(c->slot);
	c->slot = slot;
	c->slots = slots;
	for (size_t i = 0; i < c->n; i++)
		*slot_of(c, c->row[i].value) = (uint32_t)i + 1;
	return true;
}

bool
cli_audit_count_add(struct cli_audit_count *c, struct span value)
{
	uint32_t *slot = slot_of(c, value);

	if (*slot != 0) {
		c->row[*slot - 1].n++;
		return true;
	}
	if (c->n == CLI_AUDIT_VALUES || (2 * (c->n + 1) > c->slots && !grow(c)))
		return false;
	struct span copy = value.p != NULL ? arena_span(&c->texts, value) : SPAN_NONE;
	if (value.p != NULL && copy.p == NULL)
		return false;
	c->row[c->n++] = (struct cli_audit_counted){copy, 1};
	*slot_of(c, copy) = (uint32_t)c->n;
	return true;
}

static int
by_count(const void *a, const void *b)
{
	const struct cli_audit_counted *x = a;
	const struct cli_audit_counted *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return span_cmp(x->value, y->value);
}

const struct cli_audit_counted *
cli_audit_count_list(struct cli_audit_count *c, size_t *ret_n)
{
	memset(c->slot, 0, c->slots * sizeof(*c->slot)); /* rows change places */
	qsort(c->row, c->n, sizeof(*c->row), by_count);
	for (size_t i = 0; i < c->n; i++)
		*slot_of(c, c->row[i].value) = (uint32_t)i + 1;
	*ret_n = c->n;
	return c->row;
}
