/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/span.h"

#include <string.h>

struct span
span_of(const char *s)
{
	return s != NULL ? (struct span){s, strlen(s)} : SPAN_NONE;
}

bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_is(struct span a, const char *s)
{
	return span_eq(a, span_of(s));
}

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool
span_eq_nocase(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool
span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq((struct span){s.p, prefix.n}, prefix);
}

bool
span_ends(struct span s, struct span suffix)
{
	return s.n >= suffix.n && span_eq(span_skip(s, s.n - suffix.n), suffix);
}

int
span_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (d != 0)
		return d;
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

bool
span_has(struct span s, char c)
{
	return s.n > 0 && memchr(s.p, c, s.n) != NULL;
}

struct span
span_cut(struct span *rest, char c)
{
	struct span s = *rest;
	const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	if (at == NULL) {
		*rest = SPAN_NONE;
		return s;
	}
	size_t head = (size_t)(at - s.p);
	*rest = (struct span){at + 1, s.n - head - 1};
	return (struct span){s.p, head};
}

struct span
span_skip(struct span s, size_t n)
{
	if (n > s.n)
		n = s.n;
	return s.p != NULL ? (struct span){s.p + n, s.n - n} : SPAN_NONE;
}

struct span
span_first(struct span s, size_t n)
{
	return (struct span){s.p, n < s.n ? n : s.n};
}

struct span
span_trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool
span_u64(struct span s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 20)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10U, &v) ||
			__builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	if (v > max)
		return false;
	*ret = v;
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	unsigned char l = lower(c);
	return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

bool
span_hex_u64(struct span s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int d = hex_digit(s.p[i]);
		if (d < 0)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	if (v > max)
		return false;
	*ret = v;
	return true;
}

/* Length of the sequence that the byte begins (RFC 3629 4), or 0. */
static size_t
utf8_announced(unsigned c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xC2 || c > 0xF4)
		return 0;
	return c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* Length of the well-formed UTF-8 sequence at p, or 0. */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	unsigned c = p[0];
	size_t len = utf8_announced(c);

	if (len < 2 || len > n)
		return len <= n ? len : 0;
	unsigned lo = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
	unsigned hi = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xBF)
			return 0;
	return len;
}

bool
span_utf8(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < s.n;) {
		size_t len = utf8_len(p + i, s.n - i);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

bool
span_cstr(struct span s, char *out, size_t n)
{
	if (s.n >= n || span_has(s, '\0'))
		return false;
	if (s.n > 0)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

bool
span_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		unsigned char before = i > 0 ? (unsigned char)s.p[i - 1] : 0;
		if (c < 0x20 || c == 0x7f || (before == 0xc2 && c < 0xa0))
			return true;
	}
	return false;
}
