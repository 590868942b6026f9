/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/errand.h"

/* First two bytes of each message: what it is, and the version of this format. */
#define ERRAND_VERSION 1U
#define ERRAND_ABSENT  UINT32_MAX
#define REPORT_BIT     0x40U /* a report; without it an errand */
#define ISSUER_MAX     4096U
#define TEXT_MAX       200U

/* ---- writing: nothing is left behind where the buffer grows ---- */

static void
put_le(struct buf *b, uint64_t v, unsigned bytes)
{
	char le[8];

	for (unsigned i = 0; i < bytes; i++)
		le[i] = (char)(v >> (8 * i));
	buf_add_secret(b, (struct span){le, bytes});
}

static void
put_span(struct buf *b, struct span s)
{
	put_le(b, s.p == NULL ? ERRAND_ABSENT : (uint32_t)s.n, 4);
	buf_add_secret(b, s);
}

static void
put_start(struct buf *b, unsigned what, struct span issuer)
{
	put_le(b, what, 1);
	put_le(b, ERRAND_VERSION, 1);
	put_span(b, issuer);
}

void
errand_write(const struct errand *r, struct buf *out)
{
	put_start(out, r->kind, r->issuer);
	if (r->kind == ERRAND_REFRESH)
		return;
	put_le(out, r->id, 8);
	put_span(out, r->token);
	if (r->kind == ERRAND_CODE) {
		put_span(out, r->verifier);
		put_span(out, r->redirect);
	}
}

void
errand_write_report(const struct report *r, struct buf *out)
{
	put_start(out, REPORT_BIT | r->kind, r->issuer);
	switch (r->kind) {
	case REPORT_KEYS:
		put_le(out, (uint64_t)r->fetched, 8);
		put_span(out, r->jwks);
		put_span(out, r->authorization_endpoint);
		put_span(out, r->end_session_endpoint);
		put_le(out, r->iss_parameter ? 1 : 0, 1);
		break;
	case REPORT_TROUBLE:
		put_le(out, (uint64_t)r->since, 8);
		put_le(out, r->retry_after, 4);
		put_span(out, r->text);
		break;
	case REPORT_ANSWER:
		put_le(out, r->id, 8);
		put_le(out, r->result, 1);
		put_span(out, r->body);
		put_span(out, r->userinfo);
		break;
	}
}

/* ---- reading: a cursor that fails once and then gives zeros ---- */

struct cursor {
	struct span rest;
	bool bad;
};

static struct span
get_bytes(struct cursor *c, size_t n)
{
	if (c->bad || c->rest.n < n) {
		c->bad = true;
		return SPAN_NONE;
	}
	struct span s = span_first(c->rest, n);
	c->rest = span_skip(c->rest, n);
	return s;
}

static uint64_t
get_le(struct cursor *c, unsigned bytes)
{
	struct span s = get_bytes(c, bytes);
	uint64_t v = 0;

	for (size_t i = s.n; i > 0; i--)
		v = v << 8 | (unsigned char)s.p[i - 1];
	return v;
}

static unsigned
get_u8(struct cursor *c, unsigned max)
{
	uint64_t v = get_le(c, 1);

	if (v > max)
		c->bad = true;
	return c->bad ? 0 : (unsigned)v;
}

/* At most max bytes, or absent. */
static struct span
get_span(struct cursor *c, size_t max)
{
	uint64_t n = get_le(c, 4);

	if (c->bad || n == ERRAND_ABSENT)
		return SPAN_NONE;
	if (n > max) {
		c->bad = true;
		return SPAN_NONE;
	}
	return get_bytes(c, (size_t)n);
}

/* The same, and it must be there. */
static struct span
need_span(struct cursor *c, size_t max)
{
	struct span s = get_span(c, max);

	if (s.n == 0)
		c->bad = true;
	return s;
}

/* The kind, 1 to max; 0: not such a message. */
static unsigned
get_start(struct cursor *c, unsigned bit, unsigned max, struct span *issuer)
{
	unsigned what = get_u8(c, UINT8_MAX);

	if ((what & REPORT_BIT) != bit || get_u8(c, UINT8_MAX) != ERRAND_VERSION)
		c->bad = true;
	what &= ~REPORT_BIT;
	*issuer = need_span(c, ISSUER_MAX);
	if (what < 1 || what > max)
		c->bad = true;
	return c->bad ? 0 : what;
}

static bool
get_end(const struct cursor *c, const char *what, struct err *e)
{
	if (c->bad)
		return err_set(e, ERR_SYNTAX, NULL, "%s is cut or holds a bad value", what);
	if (c->rest.n != 0)
		return err_set(e, ERR_SYNTAX, NULL, "%s has %zu bytes too many", what, c->rest.n);
	return true;
}

bool
errand_read(struct span msg, struct errand *ret, struct err *e)
{
	struct cursor c = {.rest = msg};
	struct errand r = {0};

	r.kind = (enum errand_kind)get_start(&c, 0, ERRAND_CODE, &r.issuer);
	if (r.kind != ERRAND_REFRESH) {
		r.id = get_le(&c, 8);
		r.token = need_span(&c, ERRAND_TEXT_MAX);
	}
	if (r.kind == ERRAND_CODE) {
		r.verifier = need_span(&c, ERRAND_TEXT_MAX);
		r.redirect = need_span(&c, ERRAND_TEXT_MAX);
	}
	if (!get_end(&c, "an errand", e))
		return false;
	*ret = r;
	return true;
}

/* For people and logs: printable ASCII. */
static bool
is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static void
get_keys(struct cursor *c, struct report *r)
{
	r->fetched = (int64_t)get_le(c, 8);
	r->jwks = need_span(c, REPORT_BODY_MAX);
	r->authorization_endpoint = get_span(c, ERRAND_TEXT_MAX);
	r->end_session_endpoint = get_span(c, ERRAND_TEXT_MAX);
	r->iss_parameter = get_u8(c, 1) == 1;
}

bool
errand_read_report(struct span msg, struct report *ret, struct err *e)
{
	struct cursor c = {.rest = msg};
	struct report r = {0};
	unsigned kind = get_start(&c, REPORT_BIT, REPORT_ANSWER, &r.issuer);

	r.kind = (enum report_kind)kind;
	if (kind == REPORT_KEYS) {
		get_keys(&c, &r);
	} else if (kind == REPORT_TROUBLE) {
		r.since = (int64_t)get_le(&c, 8);
		r.retry_after = (unsigned)get_le(&c, 4);
		r.text = get_span(&c, TEXT_MAX);
		if (!is_text(r.text))
			c.bad = true;
	} else if (kind == REPORT_ANSWER) {
		r.id = get_le(&c, 8);
		r.result = (enum report_result)get_u8(&c, RESULT_BUSY);
		r.body = get_span(&c, REPORT_BODY_MAX);
		r.userinfo = get_span(&c, REPORT_BODY_MAX);
	}
	if (!get_end(&c, "a report", e))
		return false;
	*ret = r;
	return true;
}
