/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_ALIGN 16U

bool
arena_init(struct arena *a, size_t cap)
{
	void *p = mmap(NULL, cap, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	*a = (struct arena){.base = p, .cap = cap};
	return true;
}

void
arena_fini(struct arena *a)
{
	if (a->base != NULL)
		(void)munmap(a->base, a->cap);
	*a = (struct arena){0};
}

void
arena_reset(struct arena *a)
{
	arena_rewind(a, 0);
}

void
arena_rewind(struct arena *a, size_t mark)
{
	if (a->used > mark)
		memset(a->base + mark, 0, a->used - mark); /* what follows is zeroed memory again */
	a->used = mark;
	a->full = false;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t at = (a->used + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

	if (at > a->cap || n > a->cap - at) {
		a->full = true;
		return NULL;
	}
	a->used = at + n;
	return a->base + at;
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total = 0;

	if (__builtin_mul_overflow(n, size, &total)) {
		a->full = true;
		return NULL;
	}
	return arena_alloc(a, total);
}

char *
arena_str(struct arena *a, struct span s)
{
	char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;

	if (p != NULL && s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

struct span
arena_span(struct arena *a, struct span s)
{
	char *p = arena_str(a, s);

	return p != NULL ? (struct span){p, s.n} : SPAN_NONE;
}

struct span
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_list again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = n >= 0 ? arena_alloc(a, (size_t)n + 1) : NULL;
	if (p != NULL)
		(void)vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p != NULL ? (struct span){p, (size_t)n} : SPAN_NONE;
}
