/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Memory with the life of one request (or one parsed file): a bump allocator with a fixed cap.
 * Untouched pages cost nothing, so a generous cap is cheap.  Full means NULL and `full` set, never
 * a crash.
 */
struct arena {
	char *base;
	size_t used, cap;
	bool full; /* an allocation was refused since the last reset */
};

bool arena_init(struct arena *a, size_t cap); /* false: no memory */
void arena_fini(struct arena *a);             /* works on a zeroed one too */
void arena_reset(struct arena *a);            /* forget everything; keeps the memory */
/* Forget what was taken since a->used was `mark`; clears `full`. */
void arena_rewind(struct arena *a, size_t mark);
void *arena_alloc(struct arena *a, size_t n); /* zeroed, 16-byte aligned; NULL at the cap */
void *arena_array(struct arena *a, size_t n, size_t size); /* NULL on overflow too */
char *arena_str(struct arena *a, struct span s);           /* NUL-terminated copy, or NULL */
struct span arena_span(struct arena *a, struct span s);    /* copy; SPAN_NONE at the cap */
struct span arena_printf(
	struct arena *a, const char *fmt, ...) /* SPAN_NONE at the cap; NUL follows */
	__attribute__((format(printf, 2, 3)));
#define AUTO_ARENA __attribute__((cleanup(arena_fini))) struct arena
