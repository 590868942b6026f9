/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wire.h"

#include "agent/base/unpack.h"
#include "policy/grant_adopt.h"
#include "transfer/range.h"

#include <string.h>

/* First two bytes of each message: the kind, and the version of this format. */
#define WIRE_VERSION 5U

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

/* All of them: those that do not count are zero. */
static void
put_digests(struct buf *b, const struct digest_values *v)
{
	buf_addc(b, (char)v->have);
	put_u32(b, v->adler32);
	put_u32(b, v->crc32c);
	buf_add(b, (struct span){(const char *)v->md5, sizeof(v->md5)});
	buf_add(b, (struct span){(const char *)v->sha256, sizeof(v->sha256)});
}

void
wire_write_ask(const struct http_ask *q, struct buf *out)
{
	put_start(out, WIRE_ASK);
	put_u64(out, q->id);
	buf_addc(out, (char)q->method);
	buf_addc(out, (char)((q->two_credentials ? 1 : 0) | (q->two_proofs ? 2 : 0) |
			      (q->has_certificate ? 4 : 0) | (q->again ? 8 : 0) |
			      (q->has_length ? 16 : 0) | (q->commit ? 32 : 0)));
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
	put_span(out, q->fields);
	put_span(out, q->within);
	if (q->has_length)
		put_u64(out, q->length);
	if (q->commit)
		put_digests(out, &q->digests);
	buf_add(out, (struct span){(const char *)q->certificate, sizeof(q->certificate)});
}

int
wire_descriptor(const struct grant *upload)
{
	return upload != NULL ? grant_adopt_fd(upload) : -1;
}

void
wire_write_done(const struct http_done *d, struct buf *out)
{
	if (out->n == 0)
		put_start(out, WIRE_DONE);
	put_u64(out, d->decision);
	put_u64(out, d->bytes);
	buf_addc(out, (char)d->result);
	buf_addc(out, (char)d->why);
	buf_add(out, (struct span){(const char *)d->trace, sizeof(d->trace)});
	put_span(out, d->file);
	put_span(out, d->ranges);
}

/* One byte where there is none. */
static void
put_rate(struct buf *b, const struct grant_rate *r)
{
	bool limited = r->name[0] != '\0';

	buf_addc(b, (char)((limited ? 1 : 0) | (r->identity != 0 ? 2 : 0)));
	if (r->identity != 0)
		put_u64(b, r->identity);
	if (!limited)
		return;
	put_span(b, span_of(r->name));
	buf_add(b, (struct span){(const char *)r->who, sizeof(r->who)});
	put_u32(b, r->streams);
	put_u32(b, r->mbit);
	put_u32(b, r->requests_per_min);
}

static void
put_finish(struct buf *b, const struct http_finish *f)
{
	put_u32(b, f->seconds);
	if (f->seconds == 0)
		return;
	put_u64(b, f->epoch);
	put_u64(b, (uint64_t)f->expires);
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
	buf_addc(b, (char)g->kind);
	put_span(b, span_of(g->etag));
	put_u32(b, g->audit_from);
	put_u32(b, g->max_age);
	put_rate(b, &g->rate);
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
	put_finish(out, &a->finish);
	buf_addc(out, (char)a->want);
	if (http_granted(a->body))
		put_grant(out, grant_info(a->grant));
	else
		put_rate(out, &a->rate);
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

static void
get_digests(struct unpack *c, struct digest_values *v)
{
	v->have = unpack_u8(c, (1U << DIGEST_COUNT) - 1);
	v->adler32 = (uint32_t)unpack_le(c, 4);
	v->crc32c = (uint32_t)unpack_le(c, 4);
	unpack_copy(c, v->md5, sizeof(v->md5));
	unpack_copy(c, v->sha256, sizeof(v->sha256));
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
	unsigned flags = unpack_u8(&c, 63);
	q.two_credentials = (flags & 1U) != 0;
	q.again = (flags & 8U) != 0;
	q.two_proofs = (flags & 2U) != 0;
	q.has_certificate = (flags & 4U) != 0;
	q.has_length = (flags & 16U) != 0;
	q.commit = (flags & 32U) != 0;
	q.landed = -1;
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
	q.fields = unpack_span(&c, HTTP_FIELDS_TEXT);
	q.within = unpack_span(&c, UNPACK_ABSENT);
	q.length = q.has_length ? unpack_le(&c, 8) : 0;
	if (q.commit)
		get_digests(&c, &q.digests);
	unpack_copy(&c, q.certificate, sizeof(q.certificate));
	if (!unpack_end(&c, "message", e))
		return false;
	/* What the front promises is asked again: a front that was taken over promises nothing. */
	if (q.path.n == 0 || q.path.p[0] != '/' || span_has(q.path, '\0') || !span_utf8(q.path))
		return err_set(e, ERR_SYNTAX, NULL, "path is not an absolute UTF-8 path");
	if (q.body.n > HTTP_BODY_MAX)
		return err_set(e, ERR_LIMIT, NULL, "body of %zu bytes", q.body.n);
	if (q.length > INT64_MAX || (q.commit && (q.method != HTTP_PUT || !q.has_length)))
		return err_set(e, ERR_SYNTAX, NULL, "a body that cannot be committed");
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
		d->bytes = unpack_le(&c, 8);
		d->result = (enum http_result)unpack_u8(&c, HTTP_BROKEN);
		d->why = (enum http_why)unpack_u8(&c, HTTP_WHY_RATE);
		unpack_copy(&c, d->trace, sizeof(d->trace));
		d->file = unpack_span(&c, WIRE_FILE_MAX);
		d->ranges = unpack_span(&c, (size_t)RANGE_MAX * HTTP_RANGE_SIZE);
		if (d->ranges.n % HTTP_RANGE_SIZE != 0 || !span_utf8(d->file))
			c.bad = true;
	} while (!c.bad && c.rest.n > 0 && n < WIRE_DONES);
	if (!unpack_end(&c, "message", e))
		return false;
	memcpy(ret, list, n * sizeof(list[0]));
	*ret_n = n;
	return true;
}

static void
get_rate(struct unpack *c, struct grant_rate *r)
{
	unsigned flags = unpack_u8(c, 3);

	if ((flags & 2U) != 0) {
		r->identity = unpack_le(c, 8);
		c->bad = c->bad || r->identity == 0;
	}
	if ((flags & 1U) == 0)
		return;
	struct span name = unpack_span(c, sizeof(r->name) - 1);
	if (name.n == 0 || span_has(name, '\0') || !span_cstr(name, r->name, sizeof(r->name)))
		c->bad = true; /* a class without a name would not be limited */
	unpack_copy(c, r->who, sizeof(r->who));
	r->streams = (uint32_t)unpack_le(c, 4);
	r->mbit = (uint32_t)unpack_le(c, 4);
	r->requests_per_min = (uint32_t)unpack_le(c, 4);
}

static void
get_finish(struct unpack *c, struct http_finish *f)
{
	f->seconds = (uint32_t)unpack_le(c, 4);
	if (f->seconds == 0)
		return;
	f->epoch = unpack_le(c, 8);
	f->expires = (int64_t)unpack_le(c, 8);
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
	g->kind = (enum grant_kind)unpack_u8(c, GRANT_PIPE);
	struct span etag = unpack_span(c, UNPACK_ABSENT);
	if (etag.p == NULL || !span_cstr(etag, g->etag, sizeof(g->etag)))
		c->bad = true;
	g->audit_from = (uint32_t)unpack_le(c, 4);
	g->max_age = (uint32_t)unpack_le(c, 4);
	get_rate(c, &g->rate);
}

static bool
kind_fits(enum http_body body, enum grant_kind kind)
{
	switch (body) {
	case HTTP_UPLOAD:
		return kind == GRANT_WRITE;
	case HTTP_PIPE:
		return kind == GRANT_PIPE;
	case HTTP_NO_BODY:
	case HTTP_INLINE:
	case HTTP_FILE:
	case HTTP_ARCHIVE:
		break;
	}
	return kind == GRANT_READ;
}

bool
wire_answer_id(struct span msg, uint64_t *ret)
{
	struct unpack c;

	if (!get_start(&c, msg, WIRE_ANSWER, NULL))
		return false;
	uint64_t id = unpack_le(&c, 8);
	if (!c.bad)
		*ret = id;
	return !c.bad;
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
	a.body = (enum http_body)unpack_u8(&c, HTTP_UPLOAD);
	unsigned flags = unpack_u8(&c, 7);
	a.ranges = (flags & 1U) != 0;
	a.keep = (flags & 2U) != 0;
	a.close = (flags & 4U) != 0;
	a.fields = unpack_span(&c, UNPACK_ABSENT);
	a.text = unpack_span(&c, UNPACK_ABSENT);
	get_finish(&c, &a.finish);
	a.want = unpack_u8(&c, (1U << DIGEST_COUNT) - 1);
	if (http_granted(a.body))
		get_grant(&c, &info);
	else
		get_rate(&c, &a.rate);
	if (!unpack_end(&c, "message", e))
		return false;
	if (status < 100 || status > 599)
		return err_set(e, ERR_SYNTAX, NULL, "status %u", (unsigned)status);
	a.status = (uint16_t)status;
	if (!kind_fits(a.body, info.kind))
		return err_set(e, ERR_SYNTAX, NULL, "a grant that does not fit its answer");
	if (http_granted(a.body) && !grant_adopt(fd, &info, &a.grant, e))
		return false;
	*ret = a;
	return true;
}
