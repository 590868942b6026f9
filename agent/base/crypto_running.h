/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256 (FIPS 180-4) and MD5 (RFC 1321) of bytes as they come, whose state is a value: it can be
 * written down between two blocks of 64 bytes and taken up again later, in another process too.
 * What hashes a file of a terabyte need not begin anew.
 */
#define CRYPTO_RUNNING_BLOCK 64U

struct crypto_state {
	uint64_t n; /* bytes so far, a multiple of CRYPTO_RUNNING_BLOCK */
	/* chaining values, big endian words as in a digest; for MD5 little endian, likewise */
	uint8_t sha256[32], md5[16];
};

struct crypto_running;
bool crypto_running_new(struct crypto_running **ret, struct err *e);
void crypto_running_free(struct crypto_running *r); /* NULL allowed */
void crypto_running_start(struct crypto_running *r);
/* False: such a state there cannot be (n is no multiple); it has started anew. */
bool crypto_running_resume(struct crypto_running *r, const struct crypto_state *s);
bool crypto_running_add(struct crypto_running *r, const void *p, size_t n);
/* False: not at the end of a block. */
bool crypto_running_state(const struct crypto_running *r, struct crypto_state *ret);
/* The digests of what came so far; it can go on afterwards. */
bool crypto_running_digests(const struct crypto_running *r, uint8_t sha256[32], uint8_t md5[16]);
