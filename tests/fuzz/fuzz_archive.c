/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/hold.h"
#include "transfer/archive.h"

#include <string.h>

#define PIECES 4096U

/*
 * A plan that is taken is the only way to write it; its pieces follow each other without a gap up
 * to the size; and what stands at any offset is the tail of the piece that the offset lies in.
 */

static void
same_plan(const struct archive *a, struct span plan)
{
	AUTO_BUF out = BUF_INIT(ARCHIVE_PLAN_MAX);
	struct archive_top top = {.form = archive_form(a), .prefix = archive_prefix(a)};
	struct archive_member m;

	/* The directory is the span in front of the prefix. */
	uint32_t n = 0;
	memcpy(&n, plan.p + 9, sizeof(n));
	top.dir = (struct span){plan.p + 13, n};
	archive_plan_start(&out, &top);
	for (size_t i = 1; i < archive_entries(a); i++) {
		archive_member(a, i, &m);
		hold(archive_path_ok(m.path));
		archive_plan_member(&out, &m);
	}
	hold(buf_ok(&out) && span_starts(plan, buf_span(&out)));
}

static void
text_of(const struct archive *a, const struct archive_piece *p, struct buf *out)
{
	struct span text = archive_text(a, p, NULL, out);

	hold(text.p != NULL && text.n == p->n);
	if (p->part == ARCHIVE_TEXT) {
		buf_reset(out);
		buf_add(out, text);
	} else {
		buf_drop(out, (size_t)p->from);
	}
}

static void
tail(const struct archive *a, uint64_t at, const struct archive_piece *p, uint64_t skip)
{
	struct archive_piece q;
	AUTO_BUF whole = BUF_INIT(ARCHIVE_PLAN_MAX);
	AUTO_BUF rest = BUF_INIT(ARCHIVE_PLAN_MAX);

	archive_find(a, at + skip, &q);
	hold(q.part == p->part && q.entry == p->entry && q.from == p->from + skip &&
		q.n == p->n - skip);
	if (p->part == ARCHIVE_DATA)
		return;
	text_of(a, p, &whole);
	text_of(a, &q, &rest);
	hold(span_eq(span_skip(buf_span(&whole), (size_t)skip), buf_span(&rest)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct archive *a = NULL;
	uint64_t pick = 0;

	if (size < sizeof(pick))
		return 0;
	memcpy(&pick, data, sizeof(pick));
	struct span plan = {(const char *)data + sizeof(pick), size - sizeof(pick)};
	if (!archive_new(plan, &a, NULL))
		return 0;
	uint64_t at = 0;
	same_plan(a, plan);
	for (unsigned i = 0; i < PIECES && at < archive_size(a); i++) {
		struct archive_piece p;
		archive_find(a, at, &p);
		hold(p.n > 0 && p.from == 0 && p.n <= archive_size(a) - at);
		hold(p.entry < archive_entries(a));
		hold(p.part != ARCHIVE_HEAD || archive_at(a, p.entry) == at);
		tail(a, at, &p, pick % p.n);
		at += p.n;
	}
	hold(archive_entries(a) > PIECES / 4 || at == archive_size(a));
	archive_free(a);
	return 0;
}
