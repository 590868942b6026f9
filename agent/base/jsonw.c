/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/jsonw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/civil.h"

#define JSONW_DEPTH 31U

void
jsonw_init(struct jsonw *w, struct buf *out)
{
	*w = (struct jsonw){.out = out};
}

static void
quote_byte(struct buf *out, unsigned char c, bool utf8)
{
	if (c == '"' || c == '\\') {
		buf_addc(out, '\\');
		buf_addc(out, (char)c);
	} else if (c == '\n') {
		buf_adds(out, "\\n");
	} else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
		buf_addf(out, "\\u%04x", c);
	} else {
		buf_addc(out, (char)c);
	}
}

void
jsonw_quote(struct buf *out, struct span s)
{
	bool utf8 = span_utf8(s);

	buf_addc(out, '"');
	for (size_t i = 0, from = 0; i <= s.n; i++) {
		unsigned char c = i < s.n ? (unsigned char)s.p[i] : 0;
		bool plain = i < s.n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f &&
			     (c < 0x80 || utf8);
		if (plain)
			continue;
		buf_add(out, (struct span){s.p + from, i - from});
		if (i < s.n)
			quote_byte(out, c, utf8);
		from = i + 1;
	}
	buf_addc(out, '"');
}

static void
lead(struct jsonw *w, const char *key)
{
	if ((w->comma >> w->depth & 1U) != 0)
		buf_addc(w->out, ',');
	w->comma |= 1U << w->depth;
	if (key != NULL) {
		jsonw_quote(w->out, span_of(key));
		buf_addc(w->out, ':');
	}
}

static void
down(struct jsonw *w, const char *key, char open)
{
	lead(w, key);
	buf_addc(w->out, open);
	if (w->depth >= JSONW_DEPTH) {
		w->out->bad = true;
		return;
	}
	w->depth++;
	w->comma &= ~(1U << w->depth);
}

void
jsonw_obj(struct jsonw *w, const char *key)
{
	down(w, key, '{');
}

void
jsonw_list(struct jsonw *w, const char *key)
{
	down(w, key, '[');
}

void
jsonw_end(struct jsonw *w, char close)
{
	buf_addc(w->out, close);
	if (w->depth > 0)
		w->depth--;
}

void
jsonw_str(struct jsonw *w, const char *key, struct span value)
{
	lead(w, key);
	if (value.p == NULL)
		buf_adds(w->out, "null");
	else
		jsonw_quote(w->out, value);
}

void
jsonw_cstr(struct jsonw *w, const char *key, const char *value)
{
	jsonw_str(w, key, span_of(value));
}

void
jsonw_strs(struct jsonw *w, const char *key, const struct span *item, size_t n)
{
	jsonw_list(w, key);
	for (size_t i = 0; i < n; i++)
		jsonw_str(w, NULL, item[i]);
	jsonw_end(w, ']');
}

void
jsonw_u64(struct jsonw *w, const char *key, uint64_t v)
{
	lead(w, key);
	buf_addu(w->out, v);
}

void
jsonw_i64(struct jsonw *w, const char *key, int64_t v)
{
	lead(w, key);
	if (v < 0)
		buf_addc(w->out, '-');
	buf_addu(w->out, v < 0 ? (uint64_t) - (v + 1) + 1 : (uint64_t)v);
}

void
jsonw_f64(struct jsonw *w, const char *key, double v)
{
	char text[40];

	lead(w, key);
	if (!isfinite(v)) {
		buf_adds(w->out, "null");
		return;
	}
	/* The daemon never calls setlocale(), so printf and strtod agree on the C locale's point.
	 */
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, v);
		char *end = NULL;
		double back = strtod(text, &end);
		if (!(back < v) && !(back > v))
			break;
	}
	buf_adds(w->out, text);
}

void
jsonw_bool(struct jsonw *w, const char *key, bool v)
{
	lead(w, key);
	buf_adds(w->out, v ? "true" : "false");
}

void
jsonw_null(struct jsonw *w, const char *key)
{
	lead(w, key);
	buf_adds(w->out, "null");
}

void
jsonw_iso(struct jsonw *w, const char *key, int64_t secs)
{
	AUTO_BUF text = BUF_INIT(64);

	if (secs != INT64_MIN)
		civil_write_iso(&text, secs);
	jsonw_str(w, key, secs != INT64_MIN ? buf_span(&text) : SPAN_NONE);
}

void
jsonw_raw(struct jsonw *w, const char *key, struct span json)
{
	lead(w, key);
	buf_add(w->out, json);
}

void
jsonw_hex(struct jsonw *w, const char *key, const void *p, size_t n)
{
	lead(w, key);
	buf_addc(w->out, '"');
	buf_add_hex(w->out, p, n);
	buf_addc(w->out, '"');
}
