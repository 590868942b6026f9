/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/haul.h"

#include "agent/base/unpack.h"
#include "policy/grant_adopt.h"

#include <string.h>

/* First two bytes of each message: what it is, and the version of this format. */
#define HAUL_VERSION 1U
enum { HAUL = 1, ENDED = 2 };

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
put_start(struct buf *b, unsigned what, const uint8_t trace[16])
{
	put_le(b, what, 1);
	put_le(b, HAUL_VERSION, 1);
	buf_add_secret(b, (struct span){(const char *)trace, 16});
}

static void
put_grant(struct buf *b, const struct grant_info *g)
{
	put_le(b, g->size, 8);
	put_le(b, (uint64_t)g->mtime_s, 8);
	put_le(b, (uint64_t)g->mtime_ns, 8);
	put_le(b, (uint64_t)g->ctime_s, 8);
	put_le(b, (uint64_t)g->ctime_ns, 8);
	put_le(b, (uint64_t)g->expires, 8);
	put_le(b, g->epoch, 8);
	put_le(b, g->decision, 8);
}

void
haul_write(const struct haul *h, struct buf *out)
{
	put_start(out, HAUL, h->trace);
	put_le(out, h->keep ? 1 : 0, 1);
	put_le(out, h->verify, 1);
	put_span(out, h->url);
	put_span(out, h->fields);
	put_span(out, h->file);
	put_le(out, h->digests.have & (1U << DIGEST_ADLER32 | 1U << DIGEST_MD5), 1);
	put_le(out, h->digests.adler32, 4);
	buf_add_secret(out, (struct span){(const char *)h->digests.md5, sizeof(h->digests.md5)});
	put_grant(out, grant_info(h->grant));
}

void
haul_write_ended(const struct haul_ended *h, struct buf *out)
{
	put_start(out, ENDED, h->trace);
	put_le(out, h->decision, 8);
	put_le(out, h->bytes, 8);
	put_le(out, h->result, 1);
	put_span(out, h->host);
	put_span(out, h->file);
	put_le(out, h->size, 8);
}

static void
get_start(struct unpack *c, unsigned what, uint8_t trace[16])
{
	if (unpack_u8(c, UINT8_MAX) != what || unpack_u8(c, UINT8_MAX) != HAUL_VERSION)
		c->bad = true;
	unpack_copy(c, trace, 16);
}

static void
get_grant(struct unpack *c, struct grant_info *g)
{
	g->size = unpack_le(c, 8);
	g->mtime_s = (int64_t)unpack_le(c, 8);
	g->mtime_ns = (int64_t)unpack_le(c, 8);
	g->ctime_s = (int64_t)unpack_le(c, 8);
	g->ctime_ns = (int64_t)unpack_le(c, 8);
	g->expires = (int64_t)unpack_le(c, 8);
	g->epoch = unpack_le(c, 8);
	g->decision = unpack_le(c, 8);
}

bool
haul_read(struct span msg, int *fd, struct haul *ret, struct err *e)
{
	static const struct span https = SPAN_INIT("https://");
	struct unpack c = {.rest = msg};
	struct grant_info info = {.size = 0};
	struct haul h = {.keep = false};

	get_start(&c, HAUL, h.trace);
	h.keep = unpack_u8(&c, 1) == 1;
	h.verify = (enum tpc_verify)unpack_u8(&c, TPC_VERIFY_MUST);
	h.url = unpack_span(&c, TPC_URL_MAX + 8);
	h.fields = unpack_span(&c, HAUL_FIELDS_MAX);
	h.file = unpack_span(&c, HAUL_FILE_MAX);
	h.digests.have = unpack_u8(&c, 1U << DIGEST_ADLER32 | 1U << DIGEST_MD5);
	h.digests.adler32 = (uint32_t)unpack_le(&c, 4);
	unpack_copy(&c, h.digests.md5, sizeof(h.digests.md5));
	get_grant(&c, &info);
	if (!span_starts(h.url, https) || span_has(h.url, '\0') ||
		(h.digests.have & ~(1U << DIGEST_ADLER32 | 1U << DIGEST_MD5)) != 0)
		c.bad = true;
	if (!unpack_end(&c, "a haul", e) || !grant_adopt(fd, &info, &h.grant, e))
		return false;
	*ret = h;
	return true;
}

bool
haul_read_ended(struct span msg, struct haul_ended *ret, struct err *e)
{
	struct unpack c = {.rest = msg};
	struct haul_ended h = {.bytes = 0};

	get_start(&c, ENDED, h.trace);
	h.decision = unpack_le(&c, 8);
	h.bytes = unpack_le(&c, 8);
	h.result = (enum haul_result)unpack_u8(&c, HAUL_FAILED);
	h.host = unpack_span(&c, TPC_HOST_MAX + 8);
	h.file = unpack_span(&c, HAUL_FILE_MAX);
	h.size = unpack_le(&c, 8);
	for (size_t i = 0; i < h.host.n; i++)
		if (h.host.p[i] <= ' ' || h.host.p[i] > '~')
			c.bad = true;
	if (!span_utf8(h.file))
		c.bad = true;
	if (!unpack_end(&c, "the end of a haul", e))
		return false;
	*ret = h;
	return true;
}
