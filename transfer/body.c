/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/body.h"

#include "agent/base/buf.h"

#include <stdlib.h>
#include <string.h>

static void
part_start(struct body *b, const struct range *r)
{
	b->at = r->first;
	b->last = r->last;
	b->empty = false;
}

void
body_whole(struct body *b, struct grant *g)
{
	uint64_t size = grant_info(g)->size;

	*b = (struct body){.grant = grant_ref(g), .left = size, .empty = size == 0};
	if (size > 0)
		b->last = size - 1;
}

void
body_range(struct body *b, struct grant *g, const struct range *r)
{
	*b = (struct body){.grant = grant_ref(g), .left = range_length(r)};
	part_start(b, r);
}

/* ---- several ranges ---- */

/* The text before part `next`, or after the last one, into b->text. */
static bool
text_make(struct body *b)
{
	struct buf out = BUF_INIT(BODY_PART_MAX);
	struct span boundary = span_of(b->boundary);

	if (b->next < b->set->n)
		range_write_part(
			&out, boundary, b->type, &b->set->r[b->next], grant_info(b->grant)->size);
	else
		range_write_end(&out, boundary);
	if (!buf_ok(&out)) {
		buf_fini(&out);
		return false;
	}
	free(b->text);
	b->text = out.p;
	b->n_text = out.n;
	b->text_at = 0;
	return true;
}

static bool
parts_measure(struct body *b)
{
	b->left = b->set->bytes;
	for (b->next = 0; b->next <= b->set->n; b->next++) {
		if (!text_make(b))
			return false;
		b->left += b->n_text;
	}
	b->next = 0;
	return text_make(b);
}

bool
body_parts(struct body *b, struct grant *g, const struct range_set *set, struct span boundary,
	struct span type)
{
	*b = (struct body){.grant = grant_ref(g), .empty = true};
	b->set = malloc(sizeof(*b->set));
	b->type.p = malloc(type.n + 1);
	if (b->set == NULL || b->type.p == NULL ||
		!span_cstr(boundary, b->boundary, sizeof(b->boundary))) {
		body_fini(b);
		return false;
	}
	*b->set = *set;
	memcpy((char *)(uintptr_t)b->type.p, type.p != NULL ? type.p : "", type.n);
	b->type.n = type.n;
	if (!parts_measure(b)) {
		body_fini(b);
		return false;
	}
	return true;
}

/* ---- the stream ---- */

/* Up to cap bytes of the part in work; false: the file ends too early. */
static bool
fill_file(struct body *b, char *out, size_t cap, size_t *n)
{
	uint64_t rest = b->last - b->at + 1;
	size_t want = rest < cap ? (size_t)rest : cap;
	size_t have = 0;

	while (have < want) {
		ssize_t r = grant_pread(b->grant, out + have, want - have, b->at + have);
		if (r <= 0)
			return false;
		have += (size_t)r;
	}
	*n += want;
	b->put += want;
	b->empty = want == rest;
	b->at += want;
	return true;
}

/* The next bytes of text; when they are used up, on to the next part. */
static void
fill_text(struct body *b, char *out, size_t cap, size_t *n)
{
	size_t left = b->n_text - b->text_at;
	size_t take = left < cap ? left : cap;

	memcpy(out, b->text + b->text_at, take);
	b->text_at += take;
	*n += take;
	if (b->text_at == b->n_text && b->next < b->set->n)
		part_start(b, &b->set->r[b->next++]);
}

static bool
fill_one(struct body *b, char *out, size_t cap, size_t *n)
{
	if (!b->empty)
		return fill_file(b, out, cap, n);
	if (b->set == NULL)
		return false;
	if (b->text_at == b->n_text && !text_make(b))
		return false;
	fill_text(b, out, cap, n);
	return true;
}

enum body_step
body_fill(struct body *b, char *out, size_t cap, int64_t now, uint64_t epoch, size_t *ret_n)
{
	size_t n = 0;

	*ret_n = 0;
	if (!b->finishing && !grant_valid(b->grant, now, epoch))
		return BODY_CUT;
	while (n < cap && n < b->left) {
		if (!fill_one(b, out + n, cap - n, &n))
			return BODY_BROKEN;
	}
	if (b->left - n < BODY_HELD && !grant_unchanged(b->grant))
		return BODY_BROKEN;
	b->left -= n;
	*ret_n = n;
	return b->left == 0 ? BODY_END : BODY_MORE;
}

bool
body_renew(struct body *b, struct grant *g)
{
	const struct grant_info *was = grant_info(b->grant);
	const struct grant_info *is = grant_info(g);

	if (was->generated || is->generated || was->size != is->size ||
		was->mtime_s != is->mtime_s || was->mtime_ns != is->mtime_ns ||
		was->ctime_s != is->ctime_s || was->ctime_ns != is->ctime_ns)
		return false;
	grant_ref(g);
	grant_unref(b->grant);
	b->grant = g;
	b->finishing = false;
	return true;
}

void
body_finish(struct body *b)
{
	b->finishing = true;
}

void
body_fini(struct body *b)
{
	grant_unref(b->grant);
	free(b->set);
	free((char *)(uintptr_t)b->type.p);
	free(b->text);
	*b = (struct body){.grant = NULL};
}
