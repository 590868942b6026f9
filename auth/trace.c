/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/trace.h"

#include "agent/base/buf.h"
#include "agent/base/civil.h"

#define VALUE_MAX 160U /* bytes of a value that are shown */

/* For a terminal: no control characters, not too long. */
struct span
trace_clean(struct trace *t, struct span s)
{
	AUTO_BUF out = BUF_INIT(VALUE_MAX + 8);
	bool utf8 = span_utf8(s); /* a message may have been cut in the middle of a character */
	size_t n = 0;

	for (; n < s.n && n < VALUE_MAX; n++) {
		unsigned char c = (unsigned char)s.p[n];
		bool c1 = c == 0xc2 && n + 1 < s.n && (unsigned char)s.p[n + 1] < 0xa0;
		buf_addc(&out, c < 0x20 || c == 0x7f || c1 || (c >= 0x80 && !utf8) ? '?' : s.p[n]);
		n += c1;
	}
	while (utf8 && n < s.n && out.n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80) {
		n--; /* not in the middle of a character */
		out.n--;
	}
	if (n < s.n)
		buf_adds(&out, "...");
	return arena_span(t->mem, buf_span(&out));
}

struct auth_explain_step *
trace_add(struct trace *t, const char *check, enum auth_explain_result result)
{
	struct auth_explain *x = t->x;

	if (x->n == AUTH_EXPLAIN_STEPS_MAX)
		x->n--; /* never with our rows; the last one gives way */
	struct auth_explain_step *s = &x->step[x->n++];
	*s = (struct auth_explain_step){.check = check, .result = result};
	return s;
}

static int
status_of(enum err_code code)
{
	switch (code) {
	case ERR_SYNTAX:
	case ERR_RANGE:
		return 400;
	case ERR_UNAUTH:
	case ERR_ABSENT:
		return 401;
	case ERR_DENIED:
		return 403;
	case ERR_NONE:
	case ERR_UPSTREAM:
	case ERR_LIMIT:
	case ERR_SYSTEM:
		break;
	}
	return 503;
}

/* The first one decides. */
struct auth_explain_step *
trace_fail(struct trace *t, const char *check, const struct err *e)
{
	struct auth_explain_step *s = trace_add(t, check, AUTH_EXPLAIN_FAILED);

	s->why = trace_clean(t, span_of(e->msg));
	s->clause = span_of(e->ref);
	if (t->x->status == 200) {
		t->x->status = status_of(e->code);
		t->x->decisive = t->x->n - 1;
	}
	return s;
}

void
trace_note(struct trace *t, const char *check, enum auth_explain_result result, struct span value,
	const char *why)
{
	struct auth_explain_step *s = trace_add(t, check, result);

	s->value = value;
	s->why = span_of(why);
}

/* Rows before the one that failed are good, those behind it were not reached. */
void
trace_rows(struct trace *t, const struct trace_row *row, size_t n, bool ok, const struct err *e)
{
	struct span msg = span_of(e->msg);
	struct span begins = span_cut(&msg, ':');
	size_t bad = ok ? n : n - 1;

	for (size_t k = 0; !ok && k < n; k++)
		if (span_is(begins, row[k].begins))
			bad = k;
	for (size_t k = 0; k < n; k++) {
		struct auth_explain_step *s =
			k == bad ? trace_fail(t, row[k].check, e)
				 : trace_add(t, row[k].check,
					   k < bad ? AUTH_EXPLAIN_OK : AUTH_EXPLAIN_SKIPPED);
		s->value = row[k].value;
		s->expected = row[k].expected;
		if (k != bad)
			s->clause = span_of(row[k].clause);
		if (k > bad)
			s->why = SPAN("not reached");
	}
}

struct span
trace_json(struct trace *t, const struct json *v)
{
	AUTO_BUF text = BUF_INIT(65536);

	if (v == NULL)
		return SPAN("absent");
	json_write(v, &text);
	return trace_clean(t, buf_span(&text));
}

/* "1800000600 (2027-01-15T08:10:00Z, in 600 s)" */
struct span
trace_date(struct trace *t, const struct json *v)
{
	AUTO_BUF text = BUF_INIT(VALUE_MAX);
	double at = 0;

	if (!json_f64(v, &at) || !(at > 0) || !(at < 253402300800.0))
		return trace_json(t, v);
	double left = at - (double)t->now;
	buf_addf(&text, "%.0f (", at);
	civil_write_iso(&text, (int64_t)at);
	buf_addf(&text, left >= 0 ? ", in %.0f s)" : ", %.0f s ago)", left >= 0 ? left : -left);
	return arena_span(t->mem, buf_span(&text));
}

struct span
trace_words(struct trace *t, const char *before, const struct words *w, const char *behind)
{
	AUTO_BUF text = BUF_INIT(4096);

	buf_adds(&text, before);
	for (size_t k = 0; k < w->n; k++) {
		buf_adds(&text, k > 0 ? ", " : "");
		buf_add(&text, w->item[k]);
	}
	buf_adds(&text, behind);
	return trace_clean(t, buf_span(&text));
}
