/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/wiping.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void
wiping_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void *
wiping_realloc(void *p, size_t n)
{
	size_t had = p != NULL ? malloc_usable_size(p) : 0;
	void *q = malloc(n);

	if (q == NULL)
		return NULL;
	if (had > 0)
		memcpy(q, p, had < n ? had : n);
	wiping_free(p);
	return q;
}
