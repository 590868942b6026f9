/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/h2_head.h"

#include "agent/http/head.h"

#define TEXT_MAX   (HTTP_HEAD_MAX + 1024UL) /* so long that the parser says 431 */
#define COOKIE_MAX HTTP_HEAD_MAX

static bool
malformed(struct err *e, const char *ref, const char *msg)
{
	return err_set(e, ERR_SYNTAX, ref, "%s", msg);
}

void
h2_head_init(struct h2_head *h)
{
	*h = (struct h2_head){.text = BUF_INIT(TEXT_MAX),
		.cookie = BUF_INIT(COOKIE_MAX),
		.method = BUF_INIT(TEXT_MAX),
		.path = BUF_INIT(TEXT_MAX),
		.authority = BUF_INIT(TEXT_MAX)};
}

void
h2_head_fini(struct h2_head *h)
{
	buf_wipe(&h->text);
	buf_wipe(&h->cookie);
	buf_fini(&h->method);
	buf_fini(&h->path);
	buf_fini(&h->authority);
}

/* ---- what names and values may hold ---- */

static bool
name_ok(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			return false;
	return head_token(name);
}

/* RFC 9113 8.2.1, and no other control character either: HTTP/1.1 refuses them too. */
static bool
value_ok(struct span value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return span_trim(value).n == value.n;
}

/* A word of the request line, or Host: nothing in it can end it. */
static bool
word_ok(struct span value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (c <= 0x20 || c == 0x7f)
			return false;
	}
	return value.n > 0;
}

/* RFC 9113 8.2.2: what speaks of the connection has no place here. */
static bool
of_connection(struct span name)
{
	static const struct span rows[] = {
		SPAN_INIT("connection"),
		SPAN_INIT("proxy-connection"),
		SPAN_INIT("keep-alive"),
		SPAN_INIT("transfer-encoding"),
		SPAN_INIT("upgrade"),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_eq(name, rows[i]))
			return true;
	return false;
}

static bool
regular_ok(struct span name, struct span value, struct err *e)
{
	if (!name_ok(name))
		return malformed(e, "RFC 9113 8.2.1", "a field name that is no lower-case token");
	if (!value_ok(value))
		return malformed(e, "RFC 9113 8.2.1",
			"a field value with a control character or blanks at its ends");
	if (of_connection(name))
		return malformed(e, "RFC 9113 8.2.2", "a field that speaks of the connection");
	if (span_eq(name, SPAN("te")) && !span_eq(value, SPAN("trailers")))
		return malformed(e, "RFC 9113 8.2.2", "TE with something else than trailers");
	return true;
}

/* ---- pseudo-header fields (RFC 9113 8.3.1) ---- */

/* Each comes once, and is never empty. */
static bool
take(struct buf *to, struct span value, struct err *e)
{
	if (to->n > 0)
		return malformed(e, "RFC 9113 8.3.1", "a pseudo-header field that came twice");
	buf_add(to, value);
	return buf_ok(to) || err_set(e, ERR_LIMIT, NULL, "no room for a pseudo-header field");
}

/* A path alone: the absolute form could name another host than :authority does. */
static bool
path_ok(struct span value)
{
	return word_ok(value) && (value.p[0] == '/' || span_eq(value, SPAN("*")));
}

static bool
pseudo(struct h2_head *h, struct span name, struct span value, struct err *e)
{
	if (h->begun)
		return malformed(e, "RFC 9113 8.3", "a pseudo-header field behind others");
	if (value.n > HTTP_HEAD_MAX) {
		h->over = true;
		value = span_first(value, 1); /* enough to be there */
	}
	if (span_eq(name, SPAN(":method")))
		return head_token(value)
			       ? take(&h->method, value, e)
			       : malformed(e, "RFC 9110 9.1", "a method that is no token");
	if (span_eq(name, SPAN(":path")))
		return path_ok(value) ? take(&h->path, value, e)
				      : malformed(e, "RFC 9113 8.3.1", "a :path that is no path");
	if (span_eq(name, SPAN(":authority")))
		return word_ok(value) ? take(&h->authority, value, e)
				      : malformed(e, "RFC 9113 8.3.1", "an :authority with blanks");
	if (!span_eq(name, SPAN(":scheme")) || h->scheme || !span_eq(value, SPAN("https")))
		return malformed(e, "RFC 9113 8.3.1",
			"a pseudo-header field that is unknown or came twice, or a scheme that is "
			"not https");
	h->scheme = true;
	return true;
}

/* ---- the text ---- */

static void
line(struct h2_head *h, struct span name, struct span value)
{
	buf_add_secret(&h->text, name);
	buf_add_secret(&h->text, SPAN(": "));
	buf_add_secret(&h->text, value);
	buf_add_secret(&h->text, SPAN("\r\n"));
}

static bool
begin(struct h2_head *h, struct err *e)
{
	if (h->begun)
		return true;
	if (h->method.n == 0 || h->path.n == 0 || !h->scheme)
		return malformed(
			e, "RFC 9113 8.3.1", "a request without :method, :path or :scheme");
	h->begun = true;
	(void)buf_reserve(&h->text, h->method.n + h->path.n + h->authority.n + 512);
	buf_add(&h->text, buf_span(&h->method));
	buf_addc(&h->text, ' ');
	buf_add(&h->text, buf_span(&h->path));
	buf_adds(&h->text, " HTTP/1.1\r\n");
	if (h->authority.n > 0)
		line(h, SPAN("host"), buf_span(&h->authority));
	return true;
}

/* Beside :authority, Host may only say the same. */
static bool
take_host(struct h2_head *h, struct span value, struct err *e)
{
	if (h->authority.n > 0 && !span_eq_nocase(buf_span(&h->authority), value))
		return malformed(e, "RFC 9113 8.3.1", "Host and :authority differ");
	if (h->authority.n > 0)
		return true;
	if (!word_ok(value))
		return malformed(e, "RFC 9110 7.2", "a Host with blanks");
	buf_add(&h->authority, value);
	line(h, SPAN("host"), value);
	return true;
}

static bool
take_length(struct h2_head *h, struct span value, struct err *e)
{
	if (h->has_length || value.n > 19 || !span_u64(value, INT64_MAX, &h->length))
		return malformed(e, "RFC 9113 8.1.1", "a Content-Length that is not one number");
	h->has_length = true;
	line(h, SPAN("content-length"), value);
	return true;
}

static bool
take_cookie(struct h2_head *h, struct span value)
{
	if (h->cookie.n > 0)
		buf_add_secret(&h->cookie, SPAN("; "));
	buf_add_secret(&h->cookie, value);
	return true;
}

bool
h2_head_field(struct h2_head *h, struct span name, struct span value, struct err *e)
{
	h->n_bytes += name.n + value.n;
	if (++h->n_fields > H2_FIELDS_MAX || h->n_bytes > H2_LIST_MAX)
		return err_set(e, ERR_LIMIT, "RFC 9113 10.5.1", "a header list without end");
	if (name.n > 0 && name.p[0] == ':')
		return pseudo(h, name, value, e);
	if (!begin(h, e) || !regular_ok(name, value, e))
		return false;
	if (span_eq(name, SPAN("host")))
		return take_host(h, value, e);
	if (span_eq(name, SPAN("content-length")))
		return take_length(h, value, e);
	if (span_eq(name, SPAN("cookie")))
		return take_cookie(h, value);
	line(h, name, value);
	return true;
}

/* A text that no parser of heads takes to its end. */
static bool
too_large(struct h2_head *h)
{
	buf_reset(&h->text);
	buf_adds(&h->text, "GET / HTTP/1.1\r\nx: ");
	while (buf_ok(&h->text) && h->text.n <= HTTP_HEAD_MAX)
		buf_adds(&h->text, "................................");
	return buf_ok(&h->text);
}

bool
h2_head_end(struct h2_head *h, bool body, struct err *e)
{
	if (!begin(h, e))
		return false;
	if (!body && h->has_length && h->length > 0)
		return malformed(e, "RFC 9113 8.1.1", "Content-Length, and no DATA");
	if (h->cookie.n > 0)
		line(h, SPAN("cookie"), buf_span(&h->cookie));
	buf_adds(&h->text, "connection: close\r\n");
	if (body && !h->has_length)
		buf_adds(&h->text, "transfer-encoding: chunked\r\n");
	buf_adds(&h->text, "\r\n");
	/* Of 100 fields, three stand in the request line: what we add has room. */
	if (h->over || !buf_ok(&h->text) || !buf_ok(&h->cookie) || h->n_fields > HTTP_FIELDS_MAX)
		return too_large(h) || err_set(e, ERR_LIMIT, NULL, "no memory for a request");
	return true;
}

bool
h2_head_trailer(struct span name, struct span value, struct err *e)
{
	if (name.n > 0 && name.p[0] == ':')
		return malformed(e, "RFC 9113 8.1", "a pseudo-header field in a trailer section");
	return regular_ok(name, value, e);
}
