/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wish.h"

#include "agent/base/unpack.h"

/* First two bytes of each message: what it is, and the version of this format. */
#define WISH_VERSION 1U
#define REPORT_BIT   0x40U /* a report; without it a wish */

static void
put_le(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_addc(b, (char)(v >> (8 * i)));
}

static void
put_span(struct buf *b, struct span s)
{
	put_le(b, s.p == NULL ? UNPACK_ABSENT : (uint32_t)s.n, 4);
	buf_add(b, s);
}

void
wish_write(const struct wish *w, struct buf *out)
{
	put_le(out, w->kind, 1);
	put_le(out, WISH_VERSION, 1);
	put_le(out, w->id, 8);
	put_span(out, w->root);
	put_span(out, w->folder);
	put_span(out, w->path);
}

/* A path as the catalogue has them: beneath something, no step up, nothing doubled. */
static bool
beneath(struct span path)
{
	if (!span_utf8(path) || span_has(path, '\0'))
		return false;
	while (path.p != NULL) {
		struct span step = span_cut(&path, '/');
		if (step.n == 0 || span_is(step, ".") || span_is(step, ".."))
			return false;
	}
	return true;
}

bool
wish_read(struct span msg, struct wish *ret, struct err *e)
{
	struct unpack u = {.rest = msg};
	struct wish w = {0};

	w.kind = (enum wish_kind)unpack_u8(&u, WISH_DIGESTS);
	unsigned version = unpack_u8(&u, WISH_VERSION);
	w.id = unpack_le(&u, 8);
	w.root = unpack_span(&u, WISH_NAME_MAX);
	w.folder = unpack_span(&u, WISH_PATH_MAX);
	w.path = unpack_span(&u, WISH_PATH_MAX);
	if (!unpack_end(&u, "a wish", e))
		return false;
	if (w.kind < WISH_INDEX || version != WISH_VERSION || w.id == 0 || w.root.n == 0 ||
		w.folder.p == NULL)
		return err_set(e, ERR_SYNTAX, NULL, "a wish without what it needs");
	if ((w.folder.n > 0 && !beneath(w.folder)) || (w.path.p != NULL && !beneath(w.path)))
		return err_set(e, ERR_SYNTAX, NULL, "a wish for what is not beneath its root");
	*ret = w;
	return true;
}

void
wish_write_report(const struct wish_report *r, struct buf *out)
{
	put_le(out, REPORT_BIT | r->result, 1);
	put_le(out, WISH_VERSION, 1);
	put_le(out, r->id, 8);
}

bool
wish_read_report(struct span msg, struct wish_report *ret, struct err *e)
{
	struct unpack u = {.rest = msg};
	unsigned what = unpack_u8(&u, REPORT_BIT | WISH_BUSY);
	unsigned version = unpack_u8(&u, WISH_VERSION);
	struct wish_report r = {.id = unpack_le(&u, 8)};

	if (!unpack_end(&u, "a report", e))
		return false;
	if (what <= REPORT_BIT || version != WISH_VERSION || r.id == 0)
		return err_set(e, ERR_SYNTAX, NULL, "not the report of a wish");
	r.result = (enum wish_result)(what - REPORT_BIT);
	*ret = r;
	return true;
}
