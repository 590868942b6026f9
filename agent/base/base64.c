/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/base64.h"

#include <stdint.h>
#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 1 + the value of a base64url character; 0: not in the alphabet. */
static const uint8_t url_value[256] = {
	['A'] = 1,
	['B'] = 2,
	['C'] = 3,
	['D'] = 4,
	['E'] = 5,
	['F'] = 6,
	['G'] = 7,
	['H'] = 8,
	['I'] = 9,
	['J'] = 10,
	['K'] = 11,
	['L'] = 12,
	['M'] = 13,
	['N'] = 14,
	['O'] = 15,
	['P'] = 16,
	['Q'] = 17,
	['R'] = 18,
	['S'] = 19,
	['T'] = 20,
	['U'] = 21,
	['V'] = 22,
	['W'] = 23,
	['X'] = 24,
	['Y'] = 25,
	['Z'] = 26,
	['a'] = 27,
	['b'] = 28,
	['c'] = 29,
	['d'] = 30,
	['e'] = 31,
	['f'] = 32,
	['g'] = 33,
	['h'] = 34,
	['i'] = 35,
	['j'] = 36,
	['k'] = 37,
	['l'] = 38,
	['m'] = 39,
	['n'] = 40,
	['o'] = 41,
	['p'] = 42,
	['q'] = 43,
	['r'] = 44,
	['s'] = 45,
	['t'] = 46,
	['u'] = 47,
	['v'] = 48,
	['w'] = 49,
	['x'] = 50,
	['y'] = 51,
	['z'] = 52,
	['0'] = 53,
	['1'] = 54,
	['2'] = 55,
	['3'] = 56,
	['4'] = 57,
	['5'] = 58,
	['6'] = 59,
	['7'] = 60,
	['8'] = 61,
	['9'] = 62,
	['-'] = 63,
	['_'] = 64,
};

/* Four characters are three bytes: nearly all of a text, at half the price. */
static bool
four(const char *from, uint8_t to[3])
{
	uint32_t a = url_value[(unsigned char)from[0]];
	uint32_t b = url_value[(unsigned char)from[1]];
	uint32_t c = url_value[(unsigned char)from[2]];
	uint32_t d = url_value[(unsigned char)from[3]];

	if (a == 0 || b == 0 || c == 0 || d == 0)
		return false;
	uint32_t bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
	to[0] = (uint8_t)(bits >> 16);
	to[1] = (uint8_t)(bits >> 8);
	to[2] = (uint8_t)bits;
	return true;
}

bool
base64_url_decode(struct span text, void *out, size_t cap, size_t *ret_n)
{
	uint8_t *o = out;
	size_t n = 0;
	size_t i = 0;
	uint32_t bits = 0;
	unsigned have = 0;

	if (text.n % 4 == 1)
		return false;
	for (; text.n - i >= 4 && cap - n >= 3; i += 4, n += 3)
		if (!four(text.p + i, o + n))
			return false;
	for (; i < text.n; i++) {
		unsigned v = url_value[(unsigned char)text.p[i]];
		if (v == 0)
			return false;
		bits = bits << 6 | (v - 1);
		have += 6;
		if (have < 8)
			continue;
		if (n >= cap)
			return false;
		have -= 8;
		o[n++] = (uint8_t)(bits >> have);
		bits &= (1U << have) - 1;
	}
	if (bits != 0)
		return false;
	*ret_n = n;
	return true;
}

static void
encode(struct buf *out, const void *p, size_t n, const char *alphabet)
{
	const uint8_t *s = p;
	size_t i = 0;

	for (; n - i >= 3; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16 | (uint32_t)s[i + 1] << 8 | s[i + 2];
		char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63],
			alphabet[v & 63]};
		buf_add(out, (struct span){four, 4});
	}
	if (n - i == 0)
		return;
	uint32_t v = (uint32_t)s[i] << 16 | (n - i == 2 ? (uint32_t)s[i + 1] << 8 : 0);
	char tail[3] = {alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63]};
	buf_add(out, (struct span){tail, n - i + 1});
}

void
base64_url_encode(struct buf *out, const void *p, size_t n)
{
	encode(out, p, n, url);
}

void
base64_encode(struct buf *out, const void *p, size_t n)
{
	encode(out, p, n, standard);
	for (size_t pad = (3 - n % 3) % 3; pad > 0; pad--)
		buf_addc(out, '=');
}

bool
base64_decode(struct span text, void *out, size_t cap, size_t *ret_n)
{
	uint8_t *o = out;
	size_t n = 0;
	unsigned have = 0;
	uint32_t bits = 0;

	if (text.n % 4 != 0)
		return false;
	for (size_t pad = 0; pad < 2 && text.n > 0 && text.p[text.n - 1] == '='; pad++)
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		const char *at = text.p[i] != '\0' ? strchr(standard, text.p[i]) : NULL;
		if (at == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(at - standard);
		have += 6;
		if (have < 8)
			continue;
		if (n >= cap)
			return false;
		have -= 8;
		o[n++] = (uint8_t)(bits >> have);
		bits &= (1U << have) - 1;
	}
	if (bits != 0)
		return false;
	*ret_n = n;
	return true;
}
