/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/fetch_head.h"

static void
forget(struct fetch_head *h)
{
	for (size_t i = 0; i < FETCH_FIELDS; i++)
		buf_reset(&h->field[i]);
	h->max_age = -1;
	h->retry_after = -1;
}

void
fetch_head_init(struct fetch_head *h)
{
	*h = (struct fetch_head){0};
	for (size_t i = 0; i < FETCH_FIELDS; i++)
		h->field[i].max = FETCH_FIELD_MAX;
	forget(h);
}

void
fetch_head_fini(struct fetch_head *h)
{
	for (size_t i = 0; i < FETCH_FIELDS; i++)
		buf_wipe(&h->field[i]);
}

/* delta-seconds (RFC 9111 1.2.2): what is too large to be counted is very long. */
static bool
delta_seconds(struct span s, int64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	if (s.n == 0)
		return false;
	*ret = span_u64(s, INT32_MAX, &v) ? (int64_t)v : INT32_MAX;
	return true;
}

/* What may not be kept is as old as can be (RFC 9111 5.2.2.4, 5.2.2.5). */
static void
take_cache_control(struct fetch_head *h, struct span value)
{
	while (value.p != NULL) {
		struct span rest = span_trim(span_cut(&value, ','));
		struct span name = span_trim(span_cut(&rest, '='));
		struct span number = rest.p != NULL ? span_trim(rest) : SPAN_NONE;
		if (number.n >= 2 && number.p[0] == '"')
			number = span_first(span_skip(number, 1), number.n - 2);
		if (span_eq_nocase(name, SPAN("no-store")) ||
			span_eq_nocase(name, SPAN("no-cache")))
			h->max_age = 0;
		else if (span_eq_nocase(name, SPAN("max-age")) && h->max_age != 0)
			(void)delta_seconds(number, &h->max_age);
	}
}

static void
take(struct fetch_head *h, struct span name, struct span value)
{
	static const struct span names[FETCH_FIELDS] = {
		[FETCH_ETAG] = SPAN_INIT("etag"),
		[FETCH_CONTENT_TYPE] = SPAN_INIT("content-type"),
		[FETCH_WWW_AUTHENTICATE] = SPAN_INIT("www-authenticate"),
		[FETCH_LOCATION] = SPAN_INIT("location"),
	};

	if (span_eq_nocase(name, SPAN("cache-control")))
		take_cache_control(h, value);
	if (span_eq_nocase(name, SPAN("retry-after")))
		(void)delta_seconds(value, &h->retry_after);
	for (size_t i = 0; i < FETCH_FIELDS; i++) {
		if (!span_eq_nocase(name, names[i]))
			continue;
		if (h->field[i].n > 0) /* RFC 9110 5.3 */
			buf_adds(&h->field[i], ", ");
		buf_add(&h->field[i], value);
	}
}

bool
fetch_head_line(struct fetch_head *h, struct span line)
{
	h->seen += line.n;
	if (h->seen > FETCH_HEAD_MAX)
		return false;
	while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	if (span_starts(line, SPAN("HTTP/"))) { /* after 1xx comes another head */
		forget(h);
		return true;
	}
	struct span value = line;
	struct span name = span_cut(&value, ':');
	if (value.p != NULL)
		take(h, name, span_trim(value));
	return true;
}

struct span
fetch_head_field(const struct fetch_head *h, enum fetch_field what)
{
	const struct buf *b = &h->field[what];

	return b->n > 0 && buf_ok(b) ? buf_span(b) : SPAN_NONE;
}
