/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A token, key, cookie or capability URL.  Wiped in its whole capacity, compared in constant time,
 * and with no way to print it: secret_open() is the one door, and a reader can search for its
 * callers.
 */
struct secret {
	char *p;
	size_t n, cap;
};

bool secret_set(
	struct secret *s, struct span value); /* copies; the old value is wiped; false: no memory */
void secret_fini(struct secret *s);           /* wipes and frees; works on a zeroed one */
bool secret_eq(const struct secret *a, const struct secret *b);
struct span secret_open(const struct secret *s); /* borrowed; do not copy, do not log */
#define AUTO_SECRET __attribute__((cleanup(secret_fini))) struct secret
