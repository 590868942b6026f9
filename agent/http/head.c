/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/head.h"

#include "agent/http/target.h"

#include <string.h>

#define HEAD_OPTIONS_MAX                                                                           \
	32U /* options of all Connection fields: each costs a look at each field                   \
	     */

static const struct {
	struct span name;
	enum http_method method;
} methods[] = {
	{SPAN_INIT("GET"), HTTP_GET},
	{SPAN_INIT("HEAD"), HTTP_HEAD},
	{SPAN_INIT("PROPFIND"), HTTP_PROPFIND},
	{SPAN_INIT("OPTIONS"), HTTP_OPTIONS},
	{SPAN_INIT("POST"), HTTP_POST},
	{SPAN_INIT("PUT"), HTTP_PUT},
	{SPAN_INIT("DELETE"), HTTP_DELETE},
	{SPAN_INIT("COPY"), HTTP_COPY},
	{SPAN_INIT("CONNECT"), HTTP_OTHER},
	{SPAN_INIT("TRACE"), HTTP_OTHER},
	{SPAN_INIT("PATCH"), HTTP_OTHER},
	{SPAN_INIT("PROPPATCH"), HTTP_OTHER},
	{SPAN_INIT("MKCOL"), HTTP_MKCOL},
	{SPAN_INIT("MOVE"), HTTP_OTHER},
	{SPAN_INIT("LOCK"), HTTP_OTHER},
	{SPAN_INIT("UNLOCK"), HTTP_OTHER},
	{SPAN_INIT("REPORT"), HTTP_OTHER},
	{SPAN_INIT("SEARCH"), HTTP_OTHER},
};

bool
head_method(struct span token, enum http_method *ret)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (span_eq(token, methods[i].name)) {
			*ret = methods[i].method;
			return true;
		}
	return false;
}

bool
head_token(struct span s)
{
	static const char extra[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alnum =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alnum && (c == '\0' || strchr(extra, c) == NULL))
			return false;
	}
	return s.n > 0;
}

/* Lengths first: most names differ in it, and each head is asked a hundred times. */
static bool
named(const struct http_field *f, struct span name)
{
	return f->name.n == name.n && span_eq_nocase(f->name, name);
}

size_t
head_count(const struct http_head *h, struct span name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_fields; i++)
		n += named(&h->field[i], name);
	return n;
}

struct span
head_get(const struct http_head *h, struct span name, size_t n)
{
	for (size_t i = 0; i < h->n_fields; i++)
		if (named(&h->field[i], name) && n-- == 0)
			return h->field[i].value;
	return SPAN_NONE;
}

/* What a gate has as a value of its own, or is not to see. */
static bool
left_out(struct span name)
{
	static const struct span rows[] = {
		SPAN_INIT("host"),
		SPAN_INIT("authorization"),
		SPAN_INIT("dpop"),
		SPAN_INIT("cookie"),
		SPAN_INIT("connection"),
		SPAN_INIT("content-length"),
		SPAN_INIT("transfer-encoding"),
		SPAN_INIT("proxy-authorization"),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_eq_nocase(name, rows[i]))
			return true;
	return false;
}

void
head_lines(const struct http_head *h, struct buf *out)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		if (left_out(h->field[i].name))
			continue;
		buf_add_secret(out, h->field[i].name);
		buf_add_secret(out, SPAN(": "));
		buf_add_secret(out, h->field[i].value);
		buf_add_secret(out, SPAN("\n"));
	}
}

/* ---- Connection (RFC 9110 7.6.1) ---- */

/* What a Connection option may not take out of the head. */
static bool
stays(struct span name)
{
	static const struct span rows[] = {
		SPAN_INIT("host"),
		SPAN_INIT("authorization"),
		SPAN_INIT("dpop"),
		SPAN_INIT("cookie"),
		SPAN_INIT("origin"),
		SPAN_INIT("sec-fetch-site"),
		SPAN_INIT("content-length"),
		SPAN_INIT("transfer-encoding"),
		SPAN_INIT("connection"),
		SPAN_INIT("expect"),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_eq_nocase(name, rows[i]))
			return true;
	return false;
}

static void
drop_fields(struct http_head *h, struct span name)
{
	size_t kept = 0;

	if (stays(name))
		return;
	for (size_t i = 0; i < h->n_fields; i++)
		if (!named(&h->field[i], name))
			h->field[kept++] = h->field[i];
	h->n_fields = kept;
}

struct connection {
	unsigned options;
	bool close, keep;
};

static bool
take_options(struct http_head *h, struct span list, struct connection *c, struct err *e)
{
	while (list.p != NULL) {
		struct span option = span_trim(span_cut(&list, ','));
		if (option.n == 0)
			continue;
		if (!head_token(option) || ++c->options > HEAD_OPTIONS_MAX)
			return err_set(e, ERR_SYNTAX, "RFC 9110 7.6.1",
				"Connection holds something else than at most %u names",
				HEAD_OPTIONS_MAX);
		if (span_eq_nocase(option, SPAN("close")))
			c->close = true;
		else if (span_eq_nocase(option, SPAN("keep-alive")))
			c->keep = true;
		else
			drop_fields(h, option);
	}
	return true;
}

static bool
read_connection(struct http_head *h, struct err *e)
{
	struct connection c = {0};
	size_t n = head_count(h, SPAN("connection"));

	for (size_t i = 0; i < n; i++)
		if (!take_options(h, head_get(h, SPAN("connection"), i), &c, e))
			return false;
	h->keep_alive = !c.close && (h->minor > 0 || c.keep);
	return true;
}

/* ---- the known fields ---- */

enum row_rule { ROW_FIRST, ROW_ONE /* a second one is a 400 */ };

static const struct row {
	struct span name;
	enum row_rule rule;
	size_t at; /* of its span in struct http_head */
} rows[] = {
	{SPAN_INIT("host"), ROW_ONE, offsetof(struct http_head, host)},
	{SPAN_INIT("authorization"), ROW_FIRST, offsetof(struct http_head, authorization)},
	{SPAN_INIT("range"), ROW_FIRST, offsetof(struct http_head, range)},
	{SPAN_INIT("if-match"), ROW_FIRST, offsetof(struct http_head, if_match)},
	{SPAN_INIT("if-none-match"), ROW_FIRST, offsetof(struct http_head, if_none_match)},
	{SPAN_INIT("if-modified-since"), ROW_FIRST, offsetof(struct http_head, if_modified_since)},
	{SPAN_INIT("if-unmodified-since"), ROW_FIRST,
		offsetof(struct http_head, if_unmodified_since)},
	{SPAN_INIT("if-range"), ROW_FIRST, offsetof(struct http_head, if_range)},
	{SPAN_INIT("accept"), ROW_FIRST, offsetof(struct http_head, accept)},
	{SPAN_INIT("depth"), ROW_ONE, offsetof(struct http_head, depth)},
	{SPAN_INIT("want-digest"), ROW_FIRST, offsetof(struct http_head, want_digest)},
	{SPAN_INIT("want-repr-digest"), ROW_FIRST, offsetof(struct http_head, want_repr_digest)},
	{SPAN_INIT("traceparent"), ROW_FIRST, offsetof(struct http_head, traceparent)},
	{SPAN_INIT("dpop"), ROW_FIRST, offsetof(struct http_head, dpop)},
	{SPAN_INIT("cookie"), ROW_FIRST, offsetof(struct http_head, cookie)},
	{SPAN_INIT("origin"), ROW_ONE, offsetof(struct http_head, origin)},
	{SPAN_INIT("sec-fetch-site"), ROW_ONE, offsetof(struct http_head, fetch_site)},
};

static bool
take_field(struct http_head *h, const struct row *row, struct span value, struct err *e)
{
	struct span *to = (struct span *)(void *)((char *)h + row->at);

	if (to->p == NULL)
		*to = value;
	else if (row->rule == ROW_ONE)
		return err_set(e, ERR_SYNTAX, "RFC 9110 5.3", "more than one %.*s field",
			SPAN_ARG(row->name));
	return true;
}

static bool
take_known(struct http_head *h, struct err *e)
{
	for (size_t i = 0; i < h->n_fields; i++)
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
			if (named(&h->field[i], rows[k].name) &&
				!take_field(h, &rows[k], h->field[i].value, e))
				return false;
	h->authorizations = (unsigned)head_count(h, SPAN("authorization"));
	h->ranges = (unsigned)head_count(h, SPAN("range"));
	h->proofs = (unsigned)head_count(h, SPAN("dpop"));
	h->cookies = (unsigned)head_count(h, SPAN("cookie"));
	return true;
}

/* ---- framing (RFC 9112 6) ---- */

static bool
check_coding(struct http_head *h, struct span coding, unsigned *ret_status, struct err *e)
{
	if (h->minor == 0)
		return err_set(
			e, ERR_SYNTAX, "RFC 9112 6.1", "Transfer-Encoding in an HTTP/1.0 request");
	if (head_count(h, SPAN("content-length")) > 0)
		return err_set(e, ERR_SYNTAX, "RFC 9112 6.1",
			"Content-Length and Transfer-Encoding in one request");
	if (head_count(h, SPAN("transfer-encoding")) > 1)
		return err_set(
			e, ERR_SYNTAX, "RFC 9112 6.1", "more than one Transfer-Encoding field");
	if (!span_eq_nocase(coding, SPAN("chunked"))) {
		if (head_token(coding))
			*ret_status = 501;
		return err_set(
			e, ERR_SYNTAX, "RFC 9112 6.1", "a Transfer-Encoding other than chunked");
	}
	h->chunked = true;
	return true;
}

static bool
check_length(struct http_head *h, struct span length, struct err *e)
{
	if (head_count(h, SPAN("content-length")) > 1)
		return err_set(e, ERR_SYNTAX, "RFC 9112 6.3", "more than one Content-Length field");
	if (length.n > 19 || !span_u64(length, INT64_MAX, &h->content_length))
		return err_set(e, ERR_SYNTAX, "RFC 9110 8.6",
			"a Content-Length that is not 1 to 19 digits below 2^63");
	h->has_length = true;
	return true;
}

static bool
check_expect(struct http_head *h, unsigned *ret_status, struct err *e)
{
	size_t n = h->minor > 0 ? head_count(h, SPAN("expect")) : 0;

	for (size_t i = 0; i < n; i++)
		if (!span_eq_nocase(head_get(h, SPAN("expect"), i), SPAN("100-continue"))) {
			*ret_status = 417;
			return err_set(e, ERR_SYNTAX, "RFC 9110 10.1.1",
				"an expectation other than 100-continue");
		}
	h->expect_continue = n > 0;
	return true;
}

static bool
check_host(const struct http_head *h, struct err *e)
{
	struct span name;
	unsigned port = 0;

	if (h->host.p == NULL)
		return h->minor == 0 ||
		       err_set(e, ERR_SYNTAX, "RFC 9112 3.2", "the request has no Host field");
	return target_host(h->host, &name, &port, e);
}

bool
head_finish(struct http_head *h, unsigned *ret_status, struct err *e)
{
	struct span coding = head_get(h, SPAN("transfer-encoding"), 0);
	struct span length = head_get(h, SPAN("content-length"), 0);

	*ret_status = 400;
	if (coding.p != NULL && !check_coding(h, coding, ret_status, e))
		return false;
	if (length.p != NULL && !check_length(h, length, e))
		return false;
	if (!read_connection(h, e) || !take_known(h, e) || !check_host(h, e) ||
		!check_expect(h, ret_status, e))
		return false;
	*ret_status = 0;
	return true;
}
