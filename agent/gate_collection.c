/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_collection.h"

#include "agent/catalog/limits.h"
#include "agent/gate_data.h"
#include "agent/gate_grant.h"
#include "agent/gate_listing_dav.h"
#include "agent/gate_problem.h"
#include "agent/gate_view.h"

#include <stdio.h>
#include <string.h>

#define PAGE 256U

/* Where a page begins: a pid, or a place behind all that begin in one way; bytes outside the arena.
 */
struct place {
	char text[LIMIT_PID + 4];
	size_t n;
};

struct walk {
	struct gate_desk *d;
	struct gate_case *c;
	const struct view *view;
	struct span below; /* "" or "10.5072/" */
	struct place after;
	int64_t behind; /* instead of it, after a page in which little showed; 0: none */
	size_t left;    /* rows that may still be looked at */
	struct dav_query q;
};

static bool
put_place(struct place *p, struct span a, struct span b, struct span c)
{
	if (a.n + b.n + c.n > sizeof(p->text))
		return false;
	p->n = 0;
	memcpy(p->text, a.p, a.n);
	memcpy(p->text + a.n, b.p, b.n);
	memcpy(p->text + a.n + b.n, c.p, c.n);
	p->n = a.n + b.n + c.n;
	return true;
}

/* The beginning of pids that the path stands for: without /data/, with a slash at its end. */
static struct span
below_of(struct gate_desk *d, const struct gate_case *c)
{
	struct span path = span_skip(c->ask->path, sizeof("/data/") - 1);

	if (path.n == 0)
		return SPAN("");
	return span_ends(path, SPAN("/")) ? path : arena_printf(&d->mem, "%.*s/", SPAN_ARG(path));
}

static bool
walk_begin(struct walk *w, struct gate_desk *d, struct gate_case *c, struct err *e)
{
	*w = (struct walk){.d = d, .c = c, .below = below_of(d, c), .left = GATE_COLLECTION_LOOK};
	if (!put_place(&w->after, w->below, SPAN(""), SPAN("")))
		return err_set(e, ERR_ABSENT, NULL, "no pid is so long");
	return gate_view(d, c, &w->view, e);
}

static bool
next_page(struct walk *w, size_t limit, struct catalog_page *ret, struct err *e)
{
	struct catalog_query q = {.view = w->view,
		.after = {w->after.text, w->after.n},
		.behind = w->behind,
		.below = w->below,
		.limit = limit,
		.look = w->left};

	if (w->left == 0)
		return err_set(e, ERR_LIMIT, NULL, "more than %u rows", GATE_COLLECTION_LOOK);
	if (!catalog_datasets(w->d->catalog, &q, &w->d->mem, ret, e))
		return false;
	w->left -= ret->looked < w->left ? ret->looked : w->left;
	w->behind = 0;
	return true;
}

bool
gate_collection_shows(struct gate_desk *d, struct gate_case *c, struct err *e)
{
	struct catalog_page p = {.n = 0};
	struct walk w;

	*e = (struct err){0};
	bool ok = walk_begin(&w, d, c, e) && next_page(&w, 1, &p, e);
	if (e->code == ERR_ABSENT || e->code == ERR_LIMIT)
		*e = (struct err){0};
	return ok && p.n == 1;
}

/* A pid that others continue: it is in the list by itself where it shows. */
static bool
dataset_shows(struct walk *w, struct span pid)
{
	struct gate_case own = *w->c;

	return catalog_by_pid(w->d->catalog, pid, &w->d->mem, &own.dataset, NULL) &&
	       gate_data_judge(w->d, &own, ACTION_META_PUBLIC, NULL) && own.decision.permit;
}

static void
write_entry(struct walk *w, struct span name, int64_t modified)
{
	AUTO_BUF href = BUF_INIT(4096);

	buf_adds(&href, "/data/");
	buf_add(&href, w->below);
	buf_add(&href, name);
	const struct dav_entry row = {
		.path = buf_span(&href), .folder = true, .modified = modified};
	dav_write_entry(&w->d->body, &w->q, &row);
}

/* The rows of a page.  *ret_jumped: at a collection, all of which is behind w->after now. */
static bool
take_rows(struct walk *w, const struct catalog_page *p, bool *ret_jumped)
{
	*ret_jumped = false;
	for (size_t i = 0; i < p->n; i++) {
		struct span rest = span_skip(p->row[i].dataset.pid, w->below.n);
		struct span name = span_cut(&rest, '/');
		struct span pid = {p->row[i].dataset.pid.p, w->below.n + name.n};
		if (rest.p != NULL) {
			*ret_jumped = true;
			if (!dataset_shows(w, pid))
				write_entry(w, name, INT64_MIN);
			return put_place(&w->after, pid, SPAN("/\xff"), SPAN(""));
		}
		write_entry(w, name, p->row[i].dataset.end);
		if (!put_place(&w->after, pid, SPAN(""), SPAN("")))
			return false;
	}
	return true;
}

static bool
write_children(struct walk *w, struct err *e)
{
	bool jumped = false;
	bool more = true;

	while (more) {
		size_t mark = w->d->mem.used;
		struct catalog_page p = {.n = 0};
		if (!next_page(w, jumped ? 1 : PAGE, &p, e))
			return false;
		if (!take_rows(w, &p, &jumped))
			return err_set(e, ERR_LIMIT, NULL, "no place in the list");
		more = jumped || p.more;
		if (!jumped && p.n == 0)
			w->behind = p.at;
		arena_rewind(&w->d->mem, mark);
	}
	return true;
}

static void
failed(struct gate_desk *d, struct gate_case *c, const struct err *e, struct http_answer *ret)
{
	buf_reset(&d->body);
	if (e->code == ERR_LIMIT)
		gate_problem(d, c, 503, "too-long",
			"There are too many datasets to list by WebDAV: take the list of /data/ "
			"as JSON, which has pages.",
			ret);
	else
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
}

void
gate_collection_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct err e = {0};
	bool children = false;
	struct dav_query q;
	struct walk w;

	if (!gate_listing_dav_read(d, c, &q, &children, ret))
		return;
	if (!walk_begin(&w, d, c, &e)) {
		failed(d, c, &e, ret);
		return;
	}
	w.q = q;
	dav_write_start(&d->body);
	write_entry(&w, SPAN(""), INT64_MIN);
	if (children && !write_children(&w, &e)) {
		failed(d, c, &e, ret);
		return;
	}
	dav_write_end(&d->body);
	gate_field(d, "Content-Type", SPAN(DAV_CONTENT_TYPE));
	gate_field(d, "Cache-Control", SPAN("private, no-store"));
	gate_field(d, "Vary", SPAN("Authorization"));
	ret->status = 207;
	gate_body(d, c, ret);
}
