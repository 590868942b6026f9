/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/cond.h"

#include "agent/base/civil.h"

/* ---- entity tags (RFC 9110 8.8.3) ---- */

struct etag {
	struct span opaque; /* with its quotes */
	bool weak;
};

/* Takes one tag off *rest. */
static bool
cut_etag(struct span *rest, struct etag *ret)
{
	struct span s = *rest;
	bool weak = span_starts(s, SPAN("W/"));
	size_t n = 1;

	if (weak)
		s = span_skip(s, 2);
	if (s.n == 0 || s.p[0] != '"')
		return false;
	while (n < s.n && s.p[n] != '"') {
		unsigned char c = (unsigned char)s.p[n++];
		if (c <= 0x20 || c == 0x7f)
			return false;
	}
	if (n == s.n)
		return false;
	*ret = (struct etag){.opaque = span_first(s, n + 1), .weak = weak};
	*rest = span_skip(s, n + 1);
	return true;
}

static bool
same_etag(const struct etag *a, const struct etag *b, bool strong)
{
	return span_eq(a->opaque, b->opaque) && !(strong && (a->weak || b->weak));
}

static bool
parse_etag(struct span s, struct etag *ret)
{
	return cut_etag(&s, ret) && s.n == 0;
}

bool
cond_etag_in(struct span list, struct span etag, bool strong)
{
	struct etag mine = {0};
	struct etag one;
	bool have = parse_etag(etag, &mine);
	bool found = false;

	list = span_trim(list);
	if (span_is(list, "*"))
		return true;
	while (list.n > 0) {
		/* A comma may stand inside of a tag, so the list is not cut at commas. */
		if (list.p[0] == ',') {
			list = span_trim(span_skip(list, 1));
			continue;
		}
		if (!cut_etag(&list, &one))
			return false;
		found = found || (have && same_etag(&one, &mine, strong));
		list = span_trim(list);
		if (list.n > 0 && list.p[0] != ',')
			return false;
	}
	return found;
}

/* ---- evaluation ---- */

/* A list field may come in several lines (RFC 9110 5.3). */
static bool
any_line(const struct http_head *h, struct span name, struct span etag, bool strong)
{
	size_t n = head_count(h, name);

	for (size_t i = 0; i < n; i++)
		if (cond_etag_in(head_get(h, name, i), etag, strong))
			return true;
	return false;
}

/* The one date of a field; false: absent, twice or malformed, which all mean "ignore". */
static bool
date(const struct http_head *h, struct span name, int64_t now, int64_t *ret)
{
	return head_count(h, name) == 1 && civil_parse_http(head_get(h, name, 0), now, ret);
}

static bool
precondition(const struct http_head *h, const struct cond_state *cur, int64_t now)
{
	int64_t since = 0;

	if (h->if_match.p != NULL)
		return any_line(h, SPAN("if-match"), cur->etag, true);
	if (cur->modified == INT64_MIN || !date(h, SPAN("if-unmodified-since"), now, &since))
		return true;
	return cur->modified <= since;
}

enum cond
cond_eval(const struct http_head *h, const struct cond_state *cur, int64_t now)
{
	bool reading = h->method == HTTP_GET || h->method == HTTP_HEAD;
	int64_t since = 0;

	if (!precondition(h, cur, now))
		return COND_FAILED;
	if (h->if_none_match.p != NULL) {
		if (!any_line(h, SPAN("if-none-match"), cur->etag, false))
			return COND_PROCEED;
		return reading ? COND_NOT_MODIFIED : COND_FAILED;
	}
	if (reading && cur->modified != INT64_MIN &&
		date(h, SPAN("if-modified-since"), now, &since) && cur->modified <= since)
		return COND_NOT_MODIFIED;
	return COND_PROCEED;
}

bool
cond_range(const struct http_head *h, const struct cond_state *cur, int64_t now)
{
	struct etag theirs;
	struct etag mine;
	int64_t when = 0;

	if (h->if_range.p == NULL)
		return true;
	if (head_count(h, SPAN("if-range")) > 1)
		return false;
	if (parse_etag(h->if_range, &theirs))
		return parse_etag(cur->etag, &mine) && same_etag(&theirs, &mine, true);
	/* RFC 9110 8.8.2.2: a date is a strong validator only once its second has passed. */
	return cur->modified != INT64_MIN && civil_parse_http(h->if_range, now, &when) &&
	       when == cur->modified && cur->modified < now;
}
