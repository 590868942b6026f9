/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 256U

void
buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

void
buf_wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_fini(b);
}

bool
buf_reserve(struct buf *b, size_t more)
{
	if (b->bad || b->n > b->max || more > b->max - b->n) {
		b->bad = true;
		return false;
	}
	size_t need = b->n + more;
	if (need <= b->cap)
		return true;
	size_t cap = b->cap > 0 ? b->cap : BUF_FIRST;
	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	char *p = realloc(b->p, cap);
	if (p == NULL) {
		b->bad = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void
buf_add(struct buf *b, struct span s)
{
	if (s.n > 0 && buf_reserve(b, s.n)) {
		memcpy(b->p + b->n, s.p, s.n);
		b->n += s.n;
	}
}

void
buf_add_secret(struct buf *b, struct span s)
{
	if (!b->bad && b->n <= b->max && s.n <= b->max - b->n && b->n + s.n > b->cap) {
		struct buf bigger = BUF_INIT(b->max);
		size_t want = b->n + s.n > b->max / 2 ? b->max : (b->n + s.n) * 2;
		bool bad = !buf_reserve(&bigger, want);
		buf_add(&bigger, buf_span(b));
		buf_wipe(b);
		*b = bigger;
		b->bad = bad;
	}
	buf_add(b, s);
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, span_of(s));
}

void
buf_addc(struct buf *b, char c)
{
	buf_add(b, (struct span){&c, 1});
}

void
buf_addu(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	buf_add(b, (struct span){digits + at, sizeof(digits) - at});
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_list again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && buf_reserve(b, (size_t)n + 1)) {
		(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

static const char hex[] = "0123456789abcdef";

void
buf_add_hex(struct buf *b, const void *p, size_t n)
{
	const unsigned char *s = p;

	if (n > SIZE_MAX / 2 || !buf_reserve(b, 2 * n)) {
		b->bad = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		b->p[b->n++] = hex[s[i] >> 4];
		b->p[b->n++] = hex[s[i] & 15];
	}
}

void
buf_add_html(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '&':
			buf_adds(b, "&amp;");
			break;
		case '<':
			buf_adds(b, "&lt;");
			break;
		case '>':
			buf_adds(b, "&gt;");
			break;
		case '"':
			buf_adds(b, "&quot;");
			break;
		case '\'':
			buf_adds(b, "&#39;");
			break;
		default:
			buf_addc(b, s.p[i]);
		}
	}
}

/* RFC 3986 3.3: pchar without the percent sign, and '/'. */
static bool
url_plain(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("-._~/:@!$&'()*+,;=", c) != NULL;
}

void
buf_add_url(struct buf *b, struct span path)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		char three[3] = {'%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]};
		if (url_plain(path.p[i]))
			buf_addc(b, path.p[i]);
		else
			buf_add(b, (struct span){three, 3});
	}
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->bad = false;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}
