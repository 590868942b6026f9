/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "transfer/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The digests of bytes as they come, all that are wanted in one pass.  One thread; nothing blocks,
 * but SHA-256 takes longer than the network brings the bytes.
 */
struct digest_sum;

/* want: a set of 1U << enum digest_kind; unknown bits are left out. */
bool digest_sum_new(uint32_t want, struct digest_sum **ret, struct err *e);
void digest_sum_free(struct digest_sum *s); /* NULL allowed */
/* False: libcrypto failed, and the digests are not to be had any more. */
bool digest_sum_add(struct digest_sum *s, const void *p, size_t n);
/* Of all that was added; once.  ret->have: what was wanted. */
bool digest_sum_end(struct digest_sum *s, struct digest_values *ret);
