/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/answers_table.h"

#include <stdlib.h>
#include <string.h>

#include "auth/claims_copy.h"

#define BUCKETS 8192U
#define SWEEP   2U /* entries that are over, dropped at each look-up: as fast as they can come */

struct entry {
	uint8_t key[ANSWERS_KEY_SIZE];
	struct answers_entry is;
	struct entry *chain;         /* of one bucket */
	struct entry *older, *newer; /* by the time when they were put */
	_Alignas(16) char store[];
};

struct answers_table {
	size_t n, bytes, entries_max, bytes_max;
	struct entry *oldest, *newest;
	struct entry *bucket[BUCKETS];
};

struct answers_table *
answers_table_new(size_t entries_max, size_t bytes_max)
{
	struct answers_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->entries_max = entries_max;
	t->bytes_max = bytes_max;
	return t;
}

/* Where the entry with this key hangs, or would hang. */
static struct entry **
place(struct answers_table *t, const uint8_t key[ANSWERS_KEY_SIZE])
{
	struct entry **at = &t->bucket[(key[0] | (unsigned)key[1] << 8) % BUCKETS];

	while (*at != NULL && memcmp((*at)->key, key, ANSWERS_KEY_SIZE) != 0)
		at = &(*at)->chain;
	return at;
}

/* Take out what hangs at *at. */
static void
drop(struct answers_table *t, struct entry **at)
{
	struct entry *x = *at;

	if (x == NULL)
		return;
	*at = x->chain;
	*(x->older != NULL ? &x->older->newer : &t->oldest) = x->newer;
	*(x->newer != NULL ? &x->newer->older : &t->newest) = x->older;
	t->n--;
	t->bytes -= x->is.bytes;
	free(x);
}

static void
drop_oldest(struct answers_table *t)
{
	if (t->oldest != NULL)
		drop(t, place(t, t->oldest->key));
}

void
answers_table_free(struct answers_table *t)
{
	while (t != NULL && t->oldest != NULL)
		drop_oldest(t);
	free(t);
}

static bool
over(const struct entry *x, int64_t now_ms)
{
	return x->is.until_ms <= now_ms || x->is.until_ms - now_ms > ANSWERS_TABLE_MS;
}

const struct answers_entry *
answers_table_get(struct answers_table *t, const uint8_t key[ANSWERS_KEY_SIZE], int64_t now_ms)
{
	for (unsigned i = 0; i < SWEEP && t->oldest != NULL && over(t->oldest, now_ms); i++)
		drop_oldest(t);
	struct entry **at = place(t, key);
	if (*at != NULL && over(*at, now_ms))
		drop(t, at);
	return *at != NULL && memcmp((*at)->key, key, ANSWERS_KEY_SIZE) == 0 ? &(*at)->is : NULL;
}

static struct entry *
copy(const uint8_t key[ANSWERS_KEY_SIZE], const struct answers_entry *e)
{
	size_t n = e->why != NULL ? sizeof(*e->why) : claims_copy_size(&e->claims);
	struct entry *x = malloc(sizeof(*x) + n);

	if (x == NULL)
		return NULL;
	*x = (struct entry){.is = {.until_ms = e->until_ms, .bytes = n}};
	memcpy(x->key, key, ANSWERS_KEY_SIZE);
	if (e->why == NULL) {
		x->is.claims = claims_copy_to(&e->claims, x->store);
		return x;
	}
	memcpy(x->store, e->why, n);
	x->is.why = (const struct err *)(const void *)x->store;
	return x;
}

bool
answers_table_put(struct answers_table *t, const uint8_t key[ANSWERS_KEY_SIZE],
	const struct answers_entry *e, int64_t now_ms)
{
	struct entry *x = copy(key, e);

	if (x == NULL || x->is.bytes > t->bytes_max) {
		free(x);
		return false;
	}
	drop(t, place(t, key));
	while (t->oldest != NULL && (over(t->oldest, now_ms) || t->n >= t->entries_max ||
					    t->bytes + x->is.bytes > t->bytes_max))
		drop_oldest(t);
	x->older = t->newest;
	*(t->newest != NULL ? &t->newest->newer : &t->oldest) = x;
	t->newest = x;
	*place(t, key) = x;
	t->n++;
	t->bytes += x->is.bytes;
	return true;
}

void
answers_table_drop(struct answers_table *t, const uint8_t key[ANSWERS_KEY_SIZE])
{
	drop(t, place(t, key));
}

size_t
answers_table_count(const struct answers_table *t)
{
	return t->n;
}
