/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Buffers of one size for one thread, reused last in first out so that they stay in the CPU's
 * caches.  At most POOL_KEEP unused ones are held back; the rest goes back to the heap.
 */
#define POOL_KEEP 64U

struct pool {
	size_t size; /* of one buffer */
	size_t n;
	void *free[POOL_KEEP];
};

void pool_init(struct pool *p, size_t size);
void pool_fini(struct pool *p);
void *pool_get(struct pool *p);           /* page-aligned, not cleared; NULL: no memory */
void pool_put(struct pool *p, void *buf); /* NULL allowed */
