/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/unpack.h"

#include <string.h>

struct span
unpack_bytes(struct unpack *u, size_t n)
{
	if (u->bad || u->rest.n < n) {
		u->bad = true;
		return SPAN_NONE;
	}
	struct span s = {u->rest.p, n};
	u->rest = span_skip(u->rest, n);
	return s;
}

uint64_t
unpack_le(struct unpack *u, unsigned bytes)
{
	struct span s = unpack_bytes(u, bytes);
	uint64_t v = 0;

	for (size_t i = s.n; i > 0; i--)
		v = v << 8 | (unsigned char)s.p[i - 1];
	return v;
}

unsigned
unpack_u8(struct unpack *u, unsigned max)
{
	uint64_t v = unpack_le(u, 1);

	if (v > max)
		u->bad = true;
	return u->bad ? 0 : (unsigned)v;
}

void
unpack_copy(struct unpack *u, uint8_t *out, size_t n)
{
	struct span s = unpack_bytes(u, n);

	if (s.p != NULL)
		memcpy(out, s.p, n);
}

struct span
unpack_span(struct unpack *u, size_t max)
{
	uint64_t n = unpack_le(u, 4);

	if (u->bad || n == UNPACK_ABSENT)
		return SPAN_NONE;
	if (n > max) {
		u->bad = true;
		return SPAN_NONE;
	}
	return unpack_bytes(u, (size_t)n);
}

bool
unpack_end(const struct unpack *u, const char *what, struct err *e)
{
	if (u->bad)
		return err_set(e, ERR_SYNTAX, NULL, "%s is cut or holds a bad value", what);
	if (u->rest.n != 0)
		return err_set(e, ERR_SYNTAX, NULL, "%s has %zu bytes too many", what, u->rest.n);
	return true;
}
