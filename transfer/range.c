/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/range.h"

enum spec { SPEC_GOOD, SPEC_OUTSIDE, SPEC_MALFORMED };

/* Digits only; a number that does not fit is UINT64_MAX: behind every object. */
static bool
number(struct span s, uint64_t *ret)
{
	uint64_t v = 0;
	bool over = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		over = over || __builtin_mul_overflow(v, 10U, &v) ||
		       __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v);
	}
	*ret = over ? UINT64_MAX : v;
	return s.n > 0;
}

/* RFC 9110 14.1.1: first-last, first-, -length. */
static enum spec
parse_spec(struct span s, uint64_t size, struct range *ret)
{
	struct span last = s;
	struct span first = span_cut(&last, '-');
	uint64_t a = 0;
	uint64_t b = UINT64_MAX;

	if (last.p == NULL || (last.n > 0 && !number(last, &b)))
		return SPEC_MALFORMED;
	if (first.n == 0) {
		/* An empty object has no last byte that a Content-Range could name. */
		if (last.n == 0 || (b > 0 && size == 0))
			return SPEC_MALFORMED;
		if (b == 0)
			return SPEC_OUTSIDE;
		*ret = (struct range){b < size ? size - b : 0, size - 1};
		return SPEC_GOOD;
	}
	if (!number(first, &a) || b < a)
		return SPEC_MALFORMED;
	if (a >= size)
		return SPEC_OUTSIDE;
	*ret = (struct range){a, b < size ? b : size - 1};
	return SPEC_GOOD;
}

static bool
overlaps(const struct range_set *set, const struct range *r)
{
	for (size_t i = 0; i < set->n; i++)
		if (r->first <= set->r[i].last && set->r[i].first <= r->last)
			return true;
	return false;
}

enum range_use
range_parse(struct span value, uint64_t size, struct range_set *ret)
{
	struct span rest = value;
	struct span unit = span_cut(&rest, '=');
	struct range_set set = {.n = 0};
	size_t count = 0;

	if (rest.n == 0 || rest.p[0] == ' ' || rest.p[0] == '\t' ||
		!span_eq_nocase(unit, SPAN("bytes")))
		return RANGE_IGNORE;
	while (rest.p != NULL) {
		struct range r = {0};
		enum spec s = parse_spec(span_trim(span_cut(&rest, ',')), size, &r);
		if (s == SPEC_MALFORMED || ++count > RANGE_MAX)
			return RANGE_IGNORE;
		if (s == SPEC_OUTSIDE)
			continue;
		if (overlaps(&set, &r))
			return RANGE_IGNORE;
		set.r[set.n++] = r;
		set.bytes += range_length(&r);
	}
	if (set.n == 0)
		return RANGE_OUTSIDE;
	*ret = set;
	return RANGE_PARTS;
}

uint64_t
range_length(const struct range *r)
{
	return r->last - r->first + 1;
}

void
range_write(struct buf *out, const struct range *r, uint64_t size)
{
	buf_adds(out, "bytes ");
	if (r != NULL) {
		buf_addu(out, r->first);
		buf_addc(out, '-');
		buf_addu(out, r->last);
	} else {
		buf_addc(out, '*');
	}
	buf_addc(out, '/');
	buf_addu(out, size);
}

void
range_write_part(struct buf *out, struct span boundary, struct span type, const struct range *r,
	uint64_t size)
{
	buf_adds(out, "\r\n--");
	buf_add(out, boundary);
	buf_adds(out, "\r\nContent-Type: ");
	buf_add(out, type);
	buf_adds(out, "\r\nContent-Range: ");
	range_write(out, r, size);
	buf_adds(out, "\r\n\r\n");
}

void
range_write_end(struct buf *out, struct span boundary)
{
	buf_adds(out, "\r\n--");
	buf_add(out, boundary);
	buf_adds(out, "--\r\n");
}
