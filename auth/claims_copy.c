/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/claims_copy.h"

#include <string.h>

#define TEXTS 8U

/* The spans that are single texts. */
static void
texts(struct claims *c, struct span *ret[TEXTS])
{
	struct subject *s = &c->subject;

	ret[0] = &s->iss;
	ret[1] = &s->sub;
	ret[2] = &s->client;
	ret[3] = &s->jti;
	ret[4] = &s->acr;
	ret[5] = &s->local_user;
	ret[6] = &c->binding.jkt;
	ret[7] = &c->binding.x5t;
}

/* Its lists of texts. */
#define LISTS 5U

struct list {
	const struct span **item;
	size_t n;
};

static void
lists(struct subject *s, struct list ret[LISTS])
{
	ret[0] = (struct list){&s->entitlements, s->n_entitlements};
	ret[1] = (struct list){&s->read_paths, s->n_read_paths};
	ret[2] = (struct list){&s->proposals, s->n_proposals};
	ret[3] = (struct list){&s->scopes, s->n_scopes};
	ret[4] = (struct list){&s->write_paths, s->n_write_paths};
}

size_t
claims_copy_size(const struct claims *c)
{
	struct claims all = *c;
	struct span *text[TEXTS];
	struct list list[LISTS];
	size_t total = 0;

	texts(&all, text);
	lists(&all.subject, list);
	for (size_t i = 0; i < TEXTS; i++)
		total += text[i]->n;
	for (size_t i = 0; i < LISTS; i++) {
		total += list[i].n * sizeof(struct span);
		for (size_t k = 0; k < list[i].n; k++)
			total += (*list[i].item)[k].n;
	}
	return total;
}

static struct span
copy_text(struct span s, char **at)
{
	struct span to = {*at, s.n};

	if (s.p == NULL)
		return s;
	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return to;
}

struct claims
claims_copy_to(const struct claims *c, void *to)
{
	struct claims copy = *c;
	struct span *text[TEXTS];
	struct list list[LISTS];
	struct span *room = to;
	char *at = to;

	texts(&copy, text);
	lists(&copy.subject, list);
	for (size_t i = 0; i < LISTS; i++)
		at += list[i].n * sizeof(struct span);
	for (size_t i = 0; i < TEXTS; i++)
		*text[i] = copy_text(*text[i], &at);
	for (size_t i = 0; i < LISTS; i++) {
		for (size_t k = 0; k < list[i].n; k++)
			room[k] = copy_text((*list[i].item)[k], &at);
		*list[i].item = room;
		room += list[i].n;
	}
	return copy;
}
