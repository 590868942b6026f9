/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/form.h"

#include "agent/base/base64.h"

#include <string.h>

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void
form_percent(struct buf *out, struct span s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char coded[3] = {'%', hex[c >> 4], hex[c & 15]};
		buf_add_secret(out, is_plain(s.p[i]) ? (struct span){s.p + i, 1}
						     : (struct span){coded, sizeof(coded)});
	}
}

void
form_add(struct buf *out, const char *name, struct span value)
{
	if (out->n > 0)
		buf_add_secret(out, SPAN("&"));
	form_percent(out, span_of(name));
	buf_add_secret(out, SPAN("="));
	form_percent(out, value);
}

void
form_basic(struct buf *out, struct span user, struct span password)
{
	struct buf pair = BUF_INIT(out->max);

	form_percent(&pair, user);
	buf_add_secret(&pair, SPAN(":"));
	form_percent(&pair, password);
	buf_add_secret(out, SPAN("Basic "));
	if (buf_ok(&pair) && buf_reserve(out, pair.n / 3 * 4 + 4))
		base64_encode(out, pair.p, pair.n);
	else
		out->bad = true;
	buf_wipe(&pair);
}
