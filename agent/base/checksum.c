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
