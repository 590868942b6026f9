/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/pool.h"

#include <stdlib.h>

#define POOL_ALIGN 4096U

void
pool_init(struct pool *p, size_t size)
{
	*p = (struct pool){.size = size};
}

void
pool_fini(struct pool *p)
{
	while (p->n > 0)
		free(p->free[--p->n]);
}

void *
pool_get(struct pool *p)
{
	void *buf = NULL;

	if (p->n > 0)
		return p->free[--p->n];
	if (posix_memalign(&buf, POOL_ALIGN, p->size) != 0)
		return NULL;
	return buf;
}

void
pool_put(struct pool *p, void *buf)
{
	if (buf != NULL && p->n < POOL_KEEP)
		p->free[p->n++] = buf;
	else
		free(buf);
}
