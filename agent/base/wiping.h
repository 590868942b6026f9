/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * free(3) and realloc(3) that wipe what they give back, in its whole capacity: for a library that
 * copies secrets into memory of its own and takes its allocator from its user.
 */
void wiping_free(void *p); /* NULL is allowed */
void *wiping_realloc(void *p, size_t n);
