/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/errand.h"

#include "agent/base/unpack.h"

/* First two bytes of each message: what it is, and the version of this format. */
#define ERRAND_VERSION 1U
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
	put_le(b, s.p == NULL ? UNPACK_ABSENT : (uint32_t)s.n, 4);
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

/* ---- reading ---- */

/* At most max bytes, which must be there. */
static struct span
need_span(struct unpack *c, size_t max)
{
	struct span s = unpack_span(c, max);

	if (s.n == 0)
		c->bad = true;
	return s;
}

/* The kind, 1 to max; 0: not such a message. */
static unsigned
get_start(struct unpack *c, unsigned bit, unsigned max, struct span *issuer)
{
	unsigned what = unpack_u8(c, UINT8_MAX);

	if ((what & REPORT_BIT) != bit || unpack_u8(c, UINT8_MAX) != ERRAND_VERSION)
		c->bad = true;
	what &= ~REPORT_BIT;
	*issuer = need_span(c, ISSUER_MAX);
	if (what < 1 || what > max)
		c->bad = true;
	return c->bad ? 0 : what;
}

bool
errand_read(struct span msg, struct errand *ret, struct err *e)
{
	struct unpack c = {.rest = msg};
	struct errand r = {0};

	r.kind = (enum errand_kind)get_start(&c, 0, ERRAND_CODE, &r.issuer);
	if (r.kind != ERRAND_REFRESH) {
		r.id = unpack_le(&c, 8);
		r.token = need_span(&c, ERRAND_TEXT_MAX);
	}
	if (r.kind == ERRAND_CODE) {
		r.verifier = need_span(&c, ERRAND_TEXT_MAX);
		r.redirect = need_span(&c, ERRAND_TEXT_MAX);
	}
	if (!unpack_end(&c, "an errand", e))
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
get_keys(struct unpack *c, struct report *r)
{
	r->fetched = (int64_t)unpack_le(c, 8);
	r->jwks = need_span(c, REPORT_BODY_MAX);
	r->authorization_endpoint = unpack_span(c, ERRAND_TEXT_MAX);
	r->end_session_endpoint = unpack_span(c, ERRAND_TEXT_MAX);
	r->iss_parameter = unpack_u8(c, 1) == 1;
}

bool
errand_read_report(struct span msg, struct report *ret, struct err *e)
{
	struct unpack c = {.rest = msg};
	struct report r = {0};
	unsigned kind = get_start(&c, REPORT_BIT, REPORT_ANSWER, &r.issuer);

	r.kind = (enum report_kind)kind;
	if (kind == REPORT_KEYS) {
		get_keys(&c, &r);
	} else if (kind == REPORT_TROUBLE) {
		r.since = (int64_t)unpack_le(&c, 8);
		r.retry_after = (unsigned)unpack_le(&c, 4);
		r.text = unpack_span(&c, TEXT_MAX);
		if (!is_text(r.text))
			c.bad = true;
	} else if (kind == REPORT_ANSWER) {
		r.id = unpack_le(&c, 8);
		r.result = (enum report_result)unpack_u8(&c, RESULT_BUSY);
		r.body = unpack_span(&c, REPORT_BODY_MAX);
		r.userinfo = unpack_span(&c, REPORT_BODY_MAX);
	}
	if (!unpack_end(&c, "a report", e))
		return false;
	*ret = r;
	return true;
}
