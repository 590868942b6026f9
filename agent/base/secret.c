/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/secret.h"

#include <stdlib.h>
#include <string.h>

bool
secret_set(struct secret *s, struct span value)
{
	char *p = malloc(value.n + 1);

	if (p == NULL)
		return false;
	if (value.n > 0)
		memcpy(p, value.p, value.n);
	p[value.n] = '\0';
	secret_fini(s);
	*s = (struct secret){p, value.n, value.n + 1};
	return true;
}

void
secret_fini(struct secret *s)
{
	if (s->p != NULL)
		explicit_bzero(s->p, s->cap);
	free(s->p);
	*s = (struct secret){0};
}

/* Like CRYPTO_memcmp, which stands behind agent/base/crypto.c: time depends on the lengths alone.
 */
bool
secret_eq(const struct secret *a, const struct secret *b)
{
	unsigned char diff = 0;

	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		diff |= (unsigned char)(a->p[i] ^ b->p[i]);
	return diff == 0;
}

struct span
secret_open(const struct secret *s)
{
	return (struct span){s->p, s->n};
}
