/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_page.h"

#include "agent/base/base64.h"
#include "agent/base/civil.h"
#include "agent/base/crypto.h"
#include "agent/gate_grant.h"
#include "auth/login.h"

#define COOKIE_RULES "; Secure; HttpOnly; SameSite=Lax; Path=/"
#define RETRY_S      "5" /* seconds: an issuer that is slow now may be faster then */

static const struct span style =
	SPAN_INIT("body{font:16px/1.5 sans-serif;margin:2em auto;max-width:60em;padding:0 1em}"
		  "table{border-collapse:collapse;margin:1em 0}"
		  "caption{font-weight:bold;text-align:left;padding:.3em 0}"
		  "td,th{border:1px solid #999;padding:.3em .8em;text-align:left;"
		  "vertical-align:top;overflow-wrap:anywhere}");

void
gate_page_begin(struct gate_desk *d, const char *title)
{
	gate_page_begin_text(d, span_of(title));
}

void
gate_page_begin_text(struct gate_desk *d, struct span title)
{
	buf_reset(&d->body);
	buf_adds(&d->body, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
			   "<meta name=\"viewport\" content=\"width=device-width\"><title>");
	buf_add_html(&d->body, title);
	buf_adds(&d->body, " - ");
	buf_add_html(&d->body, span_of(d->gate->settings->facility));
	buf_adds(&d->body, "</title>\n<style>");
	buf_add(&d->body, style);
	buf_adds(&d->body, "</style></head>\n<body><main>\n<h1>");
	buf_add_html(&d->body, title);
	buf_adds(&d->body, "</h1>\n");
}

/* CSP 3, 6.7.2.1: of the style, the only thing that the page may use. */
static void
add_policy(struct gate_desk *d)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	AUTO_BUF line = BUF_INIT(512);

	buf_adds(&line, "default-src 'none'; ");
	if (crypto_sha256(style, hash)) {
		buf_adds(&line, "style-src 'sha256-");
		base64_encode(&line, hash, sizeof(hash));
		buf_adds(&line, "'; ");
	}
	buf_adds(&line, "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
	gate_field(d, "Content-Security-Policy", buf_span(&line));
}

void
gate_page_close(struct gate_desk *d)
{
	buf_adds(&d->body, "</main></body></html>\n");
}

void
gate_page_fields(struct gate_desk *d, bool forms)
{
	gate_field(d, "Content-Type", SPAN("text/html; charset=utf-8"));
	add_policy(d);
	gate_field(d, "Referrer-Policy", forms ? SPAN("same-origin") : SPAN("no-referrer"));
}

void
gate_page_end(struct gate_desk *d, const struct gate_case *c, unsigned status, bool forms,
	struct http_answer *ret)
{
	gate_page_close(d);
	gate_page_fields(d, forms);
	gate_field(d, "X-Content-Type-Options", SPAN("nosniff"));
	gate_field(d, "Cache-Control", SPAN("no-store"));
	gate_field(d, "Vary", SPAN("Accept, Authorization, Cookie"));
	ret->status = (uint16_t)status;
	gate_body(d, c, ret);
}

void
gate_page_text(struct gate_desk *d, const char *element, struct span text)
{
	buf_addf(&d->body, "<%s>", element);
	buf_add_html(&d->body, text);
	buf_addf(&d->body, "</%s>\n", element);
}

/* HTML 13.2.5.72. */
void
gate_page_path(struct buf *b, struct span path)
{
	AUTO_BUF url = BUF_INIT(16384);

	buf_add_url(&url, path);
	buf_add_html(b, buf_span(&url));
	if (!buf_ok(&url))
		b->bad = true;
}

void
gate_page_row(struct gate_desk *d, const char *head, struct span text)
{
	buf_adds(&d->body, "<tr><th scope=\"row\">");
	buf_adds(&d->body, head);
	buf_adds(&d->body, "</th><td>");
	buf_add_html(&d->body, text);
	buf_adds(&d->body, "</td></tr>\n");
}

void
gate_page_cell(struct gate_desk *d, struct span text)
{
	buf_adds(&d->body, "<td>");
	buf_add_html(&d->body, text);
	buf_adds(&d->body, "</td>");
}

struct span
gate_page_moment(struct gate_desk *d, int64_t at)
{
	AUTO_BUF text = BUF_INIT(64);

	civil_write_iso(&text, at);
	return arena_span(&d->mem, buf_span(&text));
}

/* ---- answers of a login ---- */

void
gate_page_cookie(struct gate_desk *d, const char *name, struct span value, unsigned max_age)
{
	AUTO_BUF line = BUF_INIT(LOGIN_COOKIE_MAX + 256);

	buf_adds(&line, name);
	buf_addc(&line, '=');
	buf_add(&line, value);
	buf_adds(&line, COOKIE_RULES);
	/* A session's cookie has no age: the browser drops it when it closes. */
	if (max_age > 0 || value.n == 0)
		buf_addf(&line, "; Max-Age=%u", max_age);
	if (buf_ok(&line))
		gate_field(d, "Set-Cookie", buf_span(&line));
	buf_wipe(&line);
}

void
gate_page_redirect(struct gate_desk *d, struct span to, struct http_answer *ret)
{
	gate_field(d, "Location", to);
	gate_field(d, "Referrer-Policy", SPAN("no-referrer"));
	gate_field(d, "Cache-Control", SPAN("no-store"));
	gate_field(d, "Vary", SPAN("Cookie"));
	ret->status = 303;
	ret->fields = buf_span(&d->fields);
	ret->body = HTTP_INLINE;
	ret->text = SPAN("");
}

unsigned
gate_page_status(const struct err *e)
{
	switch (e->code) {
	case ERR_SYNTAX:
	case ERR_RANGE:
		return 400;
	case ERR_UNAUTH:
	case ERR_DENIED:
		return 403;
	case ERR_ABSENT:
		return 404;
	case ERR_UPSTREAM:
		return 502;
	case ERR_NONE:
	case ERR_LIMIT:
	case ERR_SYSTEM:
		break;
	}
	return 503;
}

void
gate_page_failure(struct gate_desk *d, const struct gate_case *c, const char *title,
	const struct err *e, struct http_answer *ret)
{
	char text[400];

	gate_page_begin(d, title);
	gate_page_text(d, "p", span_of(err_text(e, text, sizeof(text))));
	buf_adds(&d->body, "<p><a href=\"/me\">Go on from here</a></p>\n");
	buf_adds(&d->body, "<p>If it stays so, write to ");
	buf_add_html(&d->body, span_of(d->gate->settings->contact));
	buf_adds(&d->body, " and name this number: ");
	buf_add_hex(&d->body, c->ask->trace, sizeof(c->ask->trace));
	buf_adds(&d->body, "</p>\n");
	if (gate_page_status(e) >= 500)
		gate_field(d, "Retry-After", SPAN(RETRY_S));
	gate_page_end(d, c, gate_page_status(e), false, ret);
}

/* ---- what is asked for ---- */

/* Does the field name `type`, and `other` not before it? */
static bool
named_first(struct span accept, struct span type, struct span other)
{
	while (accept.p != NULL) {
		struct span item = span_cut(&accept, ',');
		struct span one = span_trim(span_cut(&item, ';'));
		if (span_eq_nocase(one, other))
			return false;
		if (span_eq_nocase(one, type))
			return true;
	}
	return false;
}

bool
gate_page_wanted(struct span accept)
{
	return named_first(accept, SPAN("text/html"), SPAN("application/json"));
}

bool
gate_page_wants_json(struct span accept)
{
	return named_first(accept, SPAN("application/json"), SPAN("text/html"));
}
