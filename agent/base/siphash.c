/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/siphash.h"

#include <string.h>

static uint64_t
rotl(uint64_t x, unsigned b)
{
	return x << b | x >> (64 - b);
}

static void
mix(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t
siphash(const uint64_t key[2], struct span s)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU,
		key[0] ^ 0x6c7967656e657261U, key[1] ^ 0x7465646279746573U};
	uint64_t m = 0;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		memcpy(&m, s.p + i, 8);
		v[3] ^= m;
		mix(v);
		v[0] ^= m;
	}
	m = 0;
	if (s.n > i)
		memcpy(&m, s.p + i, s.n - i);
	m |= (uint64_t)s.n << 56;
	v[3] ^= m;
	mix(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	for (int r = 0; r < 3; r++)
		mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
