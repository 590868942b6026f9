/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/cookie.h"

#include <stddef.h>

/* RFC 6265 4.1.1: visible ASCII without quotation mark, comma, semicolon and backslash. */
static bool
octets(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c <= 0x20 || c > 0x7e || c == '"' || c == ',' || c == ';' || c == '\\')
			return false;
	}
	return s.n > 0;
}

bool
cookie_get(struct span field, struct span name, struct span *ret)
{
	struct span found = SPAN_NONE;
	unsigned n = 0;

	while (field.p != NULL) {
		struct span value = span_trim(span_cut(&field, ';'));
		struct span is = span_cut(&value, '=');
		if (!span_eq(is, name))
			continue;
		n++;
		found = value;
	}
	if (n != 1 || !octets(found))
		return false;
	*ret = found;
	return true;
}
