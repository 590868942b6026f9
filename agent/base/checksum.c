/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/checksum.h"

#include <stdbool.h>
#include <string.h>

#define ADLER_MODULUS 65521U
#define ADLER_RUN     5552U /* bytes after which the sums could pass 32 bits */

uint32_t
checksum_adler32(uint32_t so_far, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t low = so_far & 0xffff;
	uint32_t high = so_far >> 16;

	while (n > 0) {
		size_t run = n < ADLER_RUN ? n : ADLER_RUN;
		for (size_t i = 0; i < run; i++) {
			low += b[i];
			high += low;
		}
		low %= ADLER_MODULUS;
		high %= ADLER_MODULUS;
		b += run;
		n -= run;
	}
	return high << 16 | low;
}

#if defined(__x86_64__)
/* Three streams at once hide the latency of the instruction; here one is enough to outrun a disk.
 */
__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t c, const uint8_t *b, size_t n)
{
	uint64_t wide = c;

	for (; n >= 8; n -= 8, b += 8) {
		uint64_t word;
		memcpy(&word, b, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	c = (uint32_t)wide;
	for (; n > 0; n--, b++)
		c = __builtin_ia32_crc32qi(c, *b);
	return c;
}

static bool
has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2") != 0;
}
#else
static uint32_t
by_instruction(uint32_t c, const uint8_t *b, size_t n)
{
	(void)b;
	(void)n;
	return c;
}

static bool
has_instruction(void)
{
	return false;
}
#endif

/* Four bits at a time: the table is small enough to read. */
static uint32_t
by_table(uint32_t c, const uint8_t *b, size_t n)
{
	static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6,
		0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

	for (size_t i = 0; i < n; i++) {
		c ^= b[i];
		c = c >> 4 ^ table[c & 15];
		c = c >> 4 ^ table[c & 15];
	}
	return c;
}

uint32_t
checksum_crc32c_plain(uint32_t so_far, const void *p, size_t n)
{
	return ~by_table(~so_far, p, n);
}

uint32_t
checksum_crc32c(uint32_t so_far, const void *p, size_t n)
{
	if (!has_instruction())
		return checksum_crc32c_plain(so_far, p, n);
	return ~by_instruction(~so_far, p, n);
}

/* ---- CRC-32 (the polynomial of zip, gzip and Ethernet, bits reflected) ---- */

static uint32_t
crc32_by_table(uint32_t c, const uint8_t *b, size_t n)
{
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
		0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

	for (size_t i = 0; i < n; i++) {
		c ^= b[i];
		c = c >> 4 ^ table[c & 15];
		c = c >> 4 ^ table[c & 15];
	}
	return c;
}

#if defined(__x86_64__)
#define CRC32_FOLD __attribute__((target("pclmul,sse4.1")))

typedef long long fold_v2 __attribute__((vector_size(16)));

CRC32_FOLD static inline fold_v2
load16(const uint8_t *b)
{
	fold_v2 x;

	memcpy(&x, b, sizeof(x));
	return x;
}

/* x moved forward by the distance of k, a pair of powers of two modulo the polynomial. */
CRC32_FOLD static inline fold_v2
fold(fold_v2 x, fold_v2 k, fold_v2 next)
{
	return (fold_v2)__builtin_ia32_pclmulqdq128(x, k, 0x00) ^
	       (fold_v2)__builtin_ia32_pclmulqdq128(x, k, 0x11) ^ next;
}

/*
 * Four lanes of 16 bytes are folded over the text, then into one, whose 16 bytes have the same
 * remainder as all that was folded (Gopal et al., Intel 2009).  n is a multiple of 16, at least 64.
 */
CRC32_FOLD static uint32_t
crc32_by_fold(uint32_t c, const uint8_t *b, size_t n)
{
	const fold_v2 far = {0x0154442bd4, 0x01c6e41596};  /* 512 bits */
	const fold_v2 near = {0x01751997d0, 0x00ccaa009e}; /* 128 bits */
	fold_v2 x[4];
	uint8_t last[16];

	for (unsigned i = 0; i < 4; i++)
		x[i] = load16(b + (size_t)16 * i);
	x[0] ^= (fold_v2){c, 0};
	for (b += 64, n -= 64; n >= 64; b += 64, n -= 64)
		for (unsigned i = 0; i < 4; i++)
			x[i] = fold(x[i], far, load16(b + (size_t)16 * i));
	for (unsigned i = 1; i < 4; i++)
		x[0] = fold(x[0], near, x[i]);
	for (; n >= 16; b += 16, n -= 16)
		x[0] = fold(x[0], near, load16(b));
	memcpy(last, &x[0], sizeof(last));
	return crc32_by_table(0, last, sizeof(last));
}

static size_t
foldable(size_t n)
{
	return n >= 64 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")
		       ? n & ~(size_t)15
		       : 0;
}
#else
static uint32_t
crc32_by_fold(uint32_t c, const uint8_t *b, size_t n)
{
	return crc32_by_table(c, b, n);
}

static size_t
foldable(size_t n)
{
	(void)n;
	return 0;
}
#endif

uint32_t
checksum_crc32_plain(uint32_t so_far, const void *p, size_t n)
{
	return ~crc32_by_table(~so_far, p, n);
}

uint32_t
checksum_crc32(uint32_t so_far, const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t k = foldable(n);
	uint32_t c = ~so_far;

	if (k > 0)
		c = crc32_by_fold(c, b, k);
	return ~crc32_by_table(c, b + k, n - k);
}
