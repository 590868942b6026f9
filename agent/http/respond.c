/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/respond.h"

#include "agent/base/civil.h"
#include "agent/base/jsonw.h"

#include <string.h>

/* RFC 9110 15, RFC 6585, RFC 4918, RFC 7725; `name` and `advice` for those that the front answers
 * by itself. */
static const struct row {
	unsigned status;
	const char *reason;
	const char *name;   /* of the problem type; stable, for programs */
	const char *advice; /* one sentence, when the caller has no better */
} rows[] = {
	{200, "OK", NULL, NULL},
	{201, "Created", NULL, NULL},
	{202, "Accepted", NULL, NULL},
	{204, "No Content", NULL, NULL},
	{206, "Partial Content", NULL, NULL},
	{207, "Multi-Status", NULL, NULL},
	{301, "Moved Permanently", NULL, NULL},
	{302, "Found", NULL, NULL},
	{303, "See Other", NULL, NULL},
	{304, "Not Modified", NULL, NULL},
	{307, "Temporary Redirect", NULL, NULL},
	{308, "Permanent Redirect", NULL, NULL},
	{400, "Bad Request", "bad-request", "The request breaks a rule of HTTP."},
	{401, "Unauthorized", "unauthorized", "Send a bearer token of a trusted issuer."},
	{403, "Forbidden", "forbidden", "The policy of this facility refuses this request."},
	{404, "Not Found", "not-found", "There is nothing of this name here."},
	{405, "Method Not Allowed", "method-not-allowed",
		"Use one of the methods in the Allow field."},
	{406, "Not Acceptable", "not-acceptable", "Ask for another media type."},
	{408, "Request Timeout", "request-timeout",
		"The request came too slowly; send it again on a new connection."},
	{409, "Conflict", "conflict", "The request does not fit the state of the resource."},
	{410, "Gone", "gone", "The dataset was withdrawn."},
	{411, "Length Required", "length-required", "Send a Content-Length."},
	{412, "Precondition Failed", "precondition-failed",
		"The file is not the version that the request names; ask without the condition."},
	{413, "Content Too Large", "content-too-large", "Send a smaller request body."},
	{414, "URI Too Long", "uri-too-long", "Send a shorter request target."},
	{415, "Unsupported Media Type", "unsupported-media-type",
		"Send the body in another media type."},
	{416, "Range Not Satisfiable", "range-not-satisfiable",
		"The range lies outside of the file; Content-Range names its size."},
	{417, "Expectation Failed", "expectation-failed",
		"Send no other expectation than 100-continue."},
	{421, "Misdirected Request", "misdirected-request",
		"This server does not answer for that host name; use its public URL."},
	{422, "Unprocessable Content", "unprocessable-content", "The body cannot be used."},
	{426, "Upgrade Required", "upgrade-required", "Use https."},
	{429, "Too Many Requests", "too-many-requests",
		"Use fewer connections at once and try again later."},
	{431, "Request Header Fields Too Large", "head-too-large",
		"Send fewer or shorter header fields."},
	{451, "Unavailable For Legal Reasons", "legal-reasons",
		"The dataset is under restriction."},
	{500, "Internal Server Error", "internal-error",
		"Something failed here; the operator's log says what."},
	{501, "Not Implemented", "not-implemented", "Use a method that this server knows."},
	{502, "Bad Gateway", "bad-gateway", "A server behind this one failed; try again later."},
	{503, "Service Unavailable", "unavailable", "Try again later."},
	{504, "Gateway Timeout", "gateway-timeout", "A server behind this one is too slow."},
	{505, "HTTP Version Not Supported", "version-not-supported", "Use HTTP/1.1."},
	{507, "Insufficient Storage", "insufficient-storage", "There is no room for this here."},
};

static const struct row *
find(unsigned status)
{
	static const struct row unknown = {0, "Unknown", "error", "The request failed."};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return &rows[i];
	return &unknown;
}

const char *
respond_reason(unsigned status)
{
	return find(status)->reason;
}

void
respond_tick(struct respond_clock *c, int64_t now)
{
	AUTO_BUF line = BUF_INIT(sizeof(c->line));

	if (c->n > 0 && c->now == now)
		return;
	buf_adds(&line, "Date: ");
	civil_write_http(&line, now);
	buf_adds(&line, "\r\n");
	if (!buf_ok(&line)) /* no memory: an old date is better than none */
		return;
	memcpy(c->line, line.p, line.n);
	c->n = line.n;
	c->now = now;
}

void
respond_start(struct buf *out, unsigned status, const struct respond_clock *c)
{
	buf_adds(out, "HTTP/1.1 ");
	buf_addu(out, status);
	buf_addc(out, ' ');
	buf_adds(out, respond_reason(status));
	buf_adds(out, "\r\n");
	buf_add(out, (struct span){c->line, c->n});
}

void
respond_field(struct buf *out, const char *name, struct span value)
{
	if (span_has(value, '\r') || span_has(value, '\n') || span_has(value, '\0')) {
		out->bad = true;
		return;
	}
	buf_adds(out, name);
	buf_adds(out, ": ");
	buf_add(out, value);
	buf_adds(out, "\r\n");
}

static void
number_field(struct buf *out, const char *name, uint64_t n)
{
	buf_adds(out, name);
	buf_adds(out, ": ");
	buf_addu(out, n);
	buf_adds(out, "\r\n");
}

void
respond_length(struct buf *out, uint64_t n)
{
	number_field(out, "Content-Length", n);
}

void
respond_end(struct buf *out, bool keep, unsigned minor)
{
	if (!keep)
		buf_adds(out, "Connection: close\r\n");
	else if (minor == 0)
		buf_adds(out, "Connection: keep-alive\r\n");
	buf_adds(out, "\r\n");
}

void
respond_continue(struct buf *out)
{
	buf_adds(out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void
write_rate(struct jsonw *w, const struct grant_rate *r)
{
	jsonw_obj(w, "rate");
	jsonw_cstr(w, "class", r->name);
	if (r->streams > 0)
		jsonw_u64(w, "streams", r->streams);
	if (r->mbit > 0)
		jsonw_u64(w, "mbit", r->mbit);
	if (r->requests_per_min > 0)
		jsonw_u64(w, "requests_per_min", r->requests_per_min);
	jsonw_end(w, '}');
}

/* RFC 9457 3.1. */
void
respond_quota(struct buf *out, const struct rate_quota *q)
{
	/* The name is an identifier of the policy: nothing in it needs an escape (RFC 9651 3.3.3).
	 */
	buf_addf(out, "RateLimit-Policy: \"%s\";q=%u;w=60\r\n", q->name, q->quota);
	buf_addf(out, "RateLimit: \"%s\";r=%u;t=%u\r\n", q->name, q->left, q->reset_s);
}

static void
write_problem(struct buf *out, const struct row *row, const struct respond_error *p)
{
	AUTO_BUF type = BUF_INIT(128);
	char detail[sizeof(p->err->msg) + 64];
	struct jsonw w;

	buf_adds(&type, "urn:pan-agent:problem:");
	buf_adds(&type, row->name != NULL ? row->name : "error");
	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "type", buf_span(&type));
	jsonw_cstr(&w, "title", row->reason);
	jsonw_u64(&w, "status", p->status);
	if (p->err != NULL && p->err->code != ERR_NONE)
		jsonw_cstr(&w, "detail", err_text(p->err, detail, sizeof(detail)));
	else
		jsonw_cstr(&w, "detail", row->advice != NULL ? row->advice : row->reason);
	if (p->rate != NULL)
		write_rate(&w, p->rate);
	if (p->trace != NULL)
		jsonw_hex(&w, "trace", p->trace, 16);
	jsonw_end(&w, '}');
	buf_addc(out, '\n');
}

void
respond_error(struct buf *out, const struct respond_clock *c, const struct respond_error *p)
{
	const struct row *row = find(p->status);
	AUTO_BUF body = BUF_INIT(4096);
	AUTO_BUF range = BUF_INIT(64);

	write_problem(&body, row, p);
	respond_start(out, p->status, c);
	respond_field(out, "Content-Type", SPAN("application/problem+json"));
	respond_field(out, "X-Content-Type-Options", SPAN("nosniff"));
	respond_field(out, "Cache-Control", SPAN("private, no-store"));
	if (p->allow != NULL)
		respond_field(out, "Allow", span_of(p->allow));
	if (p->retry_after > 0)
		number_field(out, "Retry-After", p->retry_after);
	if (p->quota != NULL && p->quota->name[0] != '\0')
		respond_quota(out, p->quota);
	if (p->size != NULL) {
		buf_adds(&range, "bytes */"); /* RFC 9110 15.5.17 */
		buf_addu(&range, *p->size);
		respond_field(out, "Content-Range", buf_span(&range));
	}
	respond_length(out, body.n);
	respond_end(out, p->keep, p->minor);
	if (!p->head)
		buf_add(out, buf_span(&body));
	if (!buf_ok(&body))
		out->bad = true;
}
