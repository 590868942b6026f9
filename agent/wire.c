/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wire.h"

#include "agent/base/unpack.h"
#include "policy/grant_adopt.h"

#include <string.h>

/* First two bytes of each message: the kind, and the version of this format. */
#define WIRE_VERSION 3U

/* ---- writing ---- */

static void
put_u64(struct buf *b, uint64_t v)
{
	unsigned char le[8];

	for (unsigned i = 0; i < 8; i++)
		le[i] = (unsigned char)(v >> (8 * i));
	buf_add(b, (struct span){(const char *)le, 8});
}

static void
put_u32(struct buf *b, uint32_t v)
{
	unsigned char le[4];

	for (unsigned i = 0; i < 4; i++)
		le[i] = (unsigned char)(v >> (8 * i));
	buf_add(b, (struct span){(const char *)le, 4});
}

static void
put_span(struct buf *b, struct span s)
{
	put_u32(b, s.p == NULL ? UNPACK_ABSENT : (uint32_t)s.n);
	buf_add(b, s);
}

static void
put_start(struct buf *b, enum wire_kind kind)
{
	buf_addc(b, (char)kind);
	buf_addc(b, (char)WIRE_VERSION);
}

void
wire_write_ask(const struct http_ask *q, struct buf *out)
{
	put_start(out, WIRE_ASK);
	put_u64(out, q->id);
	buf_addc(out, (char)q->method);
	buf_addc(out, (char)((q->two_credentials ? 1 : 0) | (q->two_proofs ? 2 : 0) |
			      (q->has_certificate ? 4 : 0) | (q->again ? 8 : 0)));
	buf_add(out, (struct span){(const char *)q->peer, sizeof(q->peer)});
	buf_add(out, (struct span){(const char *)q->trace, sizeof(q->trace)});
	put_span(out, q->path);
	put_span(out, q->query);
	put_span(out, q->authorization);
	put_span(out, q->accept);
	put_span(out, q->depth);
	put_span(out, q->want_digest);
	put_span(out, q->want_repr_digest);
	put_span(out, q->dpop);
	put_span(out, q->session);
	put_span(out, q->login);
	put_span(out, q->origin);
	put_span(out, q->fetch_site);
	put_span(out, q->body);
	buf_add(out, (struct span){(const char *)q->certificate, sizeof(q->certificate)});
}

void
wire_write_done(const struct http_done *d, struct buf *out)
{
	if (out->n == 0)
		put_start(out, WIRE_DONE);
	put_u64(out, d->decision);
	put_u64(out, d->first);
	put_u64(out, d->last);
	put_u64(out, d->bytes);
	buf_addc(out, (char)d->result);
	buf_add(out, (struct span){(const char *)d->trace, sizeof(d->trace)});
}

static void
put_grant(struct buf *b, const struct grant_info *g)
{
	put_u64(b, g->size);
	put_u64(b, (uint64_t)g->mtime_s);
	put_u64(b, (uint64_t)g->mtime_ns);
	put_u64(b, (uint64_t)g->ctime_s);
	put_u64(b, (uint64_t)g->ctime_ns);
	put_u64(b, (uint64_t)g->modified);
	put_u64(b, (uint64_t)g->expires);
	put_u64(b, g->epoch);
	put_u64(b, g->decision);
	buf_addc(b, g->generated ? 1 : 0);
	put_span(b, span_of(g->etag));
}

void
wire_write_answer(const struct http_answer *a, struct buf *out)
{
	put_start(out, WIRE_ANSWER);
	put_u64(out, a->id);
	put_u32(out, a->status);
	buf_addc(out, (char)a->body);
	buf_addc(out, (char)((a->ranges ? 1 : 0) | (a->keep ? 2 : 0) | (a->close ? 4 : 0)));
	put_span(out, a->fields);
	put_span(out, a->text);
	if (a->body == HTTP_FILE)
		put_grant(out, grant_info(a->grant));
}

/* ---- reading ---- */

static bool
get_start(struct unpack *c, struct span msg, enum wire_kind kind, struct err *e)
{
	*c = (struct unpack){.rest = msg};
	if (unpack_le(c, 1) != (uint64_t)kind || unpack_le(c, 1) != WIRE_VERSION)
		return err_set(e, ERR_SYNTAX, NULL, "not a message of kind %u", (unsigned)kind);
	return true;
}

enum wire_kind
wire_kind(struct span msg)
{
	if (msg.n < 2 || msg.p[0] < WIRE_ASK || msg.p[0] > WIRE_DONE)
		return (enum wire_kind)0;
	return (enum wire_kind)msg.p[0];
}

bool
wire_read_ask(struct span msg, struct http_ask *ret, struct err *e)
{
	struct unpack c;
	struct http_ask q = {0};

	if (!get_start(&c, msg, WIRE_ASK, e))
		return false;
	q.id = unpack_le(&c, 8);
	q.method = (enum http_method)unpack_u8(&c, HTTP_OTHER);
	unsigned flags = unpack_u8(&c, 15);
	q.two_credentials = (flags & 1U) != 0;
	q.again = (flags & 8U) != 0;
	q.two_proofs = (flags & 2U) != 0;
	q.has_certificate = (flags & 4U) != 0;
	unpack_copy(&c, q.peer, sizeof(q.peer));
	unpack_copy(&c, q.trace, sizeof(q.trace));
	q.path = unpack_span(&c, UNPACK_ABSENT);
	q.query = unpack_span(&c, UNPACK_ABSENT);
	q.authorization = unpack_span(&c, UNPACK_ABSENT);
	q.accept = unpack_span(&c, UNPACK_ABSENT);
	q.depth = unpack_span(&c, UNPACK_ABSENT);
	q.want_digest = unpack_span(&c, UNPACK_ABSENT);
	q.want_repr_digest = unpack_span(&c, UNPACK_ABSENT);
	q.dpop = unpack_span(&c, UNPACK_ABSENT);
	q.session = unpack_span(&c, UNPACK_ABSENT);
	q.login = unpack_span(&c, UNPACK_ABSENT);
	q.origin = unpack_span(&c, UNPACK_ABSENT);
	q.fetch_site = unpack_span(&c, UNPACK_ABSENT);
	q.body = unpack_span(&c, UNPACK_ABSENT);
	unpack_copy(&c, q.certificate, sizeof(q.certificate));
	if (!unpack_end(&c, "message", e))
		return false;
	/* What the front promises is asked again: a front that was taken over promises nothing. */
	if (q.path.n == 0 || q.path.p[0] != '/' || span_has(q.path, '\0') || !span_utf8(q.path))
		return err_set(e, ERR_SYNTAX, NULL, "path is not an absolute UTF-8 path");
	if (q.body.n > HTTP_BODY_MAX)
		return err_set(e, ERR_LIMIT, NULL, "body of %zu bytes", q.body.n);
	*ret = q;
	return true;
}

bool
wire_read_done(struct span msg, struct http_done ret[WIRE_DONES], size_t *ret_n, struct err *e)
{
	struct unpack c;
	struct http_done list[WIRE_DONES] = {0};
	size_t n = 0;

	if (!get_start(&c, msg, WIRE_DONE, e))
		return false;
	do {
		struct http_done *d = &list[n++];
		d->decision = unpack_le(&c, 8);
		d->first = unpack_le(&c, 8);
		d->last = unpack_le(&c, 8);
		d->bytes = unpack_le(&c, 8);
		d->result = (enum http_result)unpack_u8(&c, HTTP_BROKEN);
		unpack_copy(&c, d->trace, sizeof(d->trace));
	} while (!c.bad && c.rest.n > 0 && n < WIRE_DONES);
	if (!unpack_end(&c, "message", e))
		return false;
	memcpy(ret, list, n * sizeof(list[0]));
	*ret_n = n;
	return true;
}

static void
get_grant(struct unpack *c, struct grant_info *g)
{
	g->size = unpack_le(c, 8);
	g->mtime_s = (int64_t)unpack_le(c, 8);
	g->mtime_ns = (int64_t)unpack_le(c, 8);
	g->ctime_s = (int64_t)unpack_le(c, 8);
	g->ctime_ns = (int64_t)unpack_le(c, 8);
	g->modified = (int64_t)unpack_le(c, 8);
	g->expires = (int64_t)unpack_le(c, 8);
	g->epoch = unpack_le(c, 8);
	g->decision = unpack_le(c, 8);
	g->generated = unpack_u8(c, 1) == 1;
	if (!span_cstr(unpack_span(c, UNPACK_ABSENT), g->etag, sizeof(g->etag)))
		c->bad = true;
}

bool
wire_read_answer(struct span msg, int *fd, struct http_answer *ret, struct err *e)
{
	struct unpack c;
	struct http_answer a = {0};
	struct grant_info info = {0};

	if (!get_start(&c, msg, WIRE_ANSWER, e))
		return false;
	a.id = unpack_le(&c, 8);
	uint64_t status = unpack_le(&c, 4);
	a.body = (enum http_body)unpack_u8(&c, HTTP_FILE);
	unsigned flags = unpack_u8(&c, 7);
	a.ranges = (flags & 1U) != 0;
	a.keep = (flags & 2U) != 0;
	a.close = (flags & 4U) != 0;
	a.fields = unpack_span(&c, UNPACK_ABSENT);
	a.text = unpack_span(&c, UNPACK_ABSENT);
	if (a.body == HTTP_FILE)
		get_grant(&c, &info);
	if (!unpack_end(&c, "message", e))
		return false;
	if (status < 100 || status > 599)
		return err_set(e, ERR_SYNTAX, NULL, "status %u", (unsigned)status);
	a.status = (uint16_t)status;
	if (a.body == HTTP_FILE && !grant_adopt(fd, &info, &a.grant, e))
		return false;
	*ret = a;
	return true;
}
