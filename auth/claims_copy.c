/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/claims_copy.h"

#include <string.h>

#define TEXTS 6U

/* The spans of a subject that are single texts. */
static void
texts(struct subject *s, struct span *ret[TEXTS])
{
	ret[0] = &s->iss;
	ret[1] = &s->sub;
	ret[2] = &s->client;
	ret[3] = &s->jti;
	ret[4] = &s->acr;
	ret[5] = &s->local_user;
}

static size_t
list_size(const struct span *list, size_t n)
{
	size_t total = n * sizeof(*list);

	for (size_t i = 0; i < n; i++)
		total += list[i].n;
	return total;
}

size_t
claims_copy_size(const struct claims *c)
{
	struct subject s = c->subject;
	struct span *text[TEXTS];
	size_t total = list_size(s.entitlements, s.n_entitlements) +
		       list_size(s.read_paths, s.n_read_paths);

	texts(&s, text);
	for (size_t i = 0; i < TEXTS; i++)
		total += text[i]->n;
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

static const struct span *
copy_list(const struct span *list, size_t n, struct span **room, char **at)
{
	struct span *to = *room;

	for (size_t i = 0; i < n; i++)
		to[i] = copy_text(list[i], at);
	*room += n;
	return to;
}

struct claims
claims_copy_to(const struct claims *c, void *to)
{
	struct claims copy = *c;
	struct subject *s = &copy.subject;
	struct span *room = to;
	char *at = (char *)(room + s->n_entitlements + s->n_read_paths);
	struct span *text[TEXTS];

	texts(s, text);
	for (size_t i = 0; i < TEXTS; i++)
		*text[i] = copy_text(*text[i], &at);
	s->entitlements = copy_list(s->entitlements, s->n_entitlements, &room, &at);
	s->read_paths = copy_list(s->read_paths, s->n_read_paths, &room, &at);
	return copy;
}
