/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/catalog_mine.h"
#include "agent/catalog/catalog_part.h"
#include "agent/catalog/dataset_row.h"
#include "agent/catalog/limits.h"
#include "agent/catalog/record_blank.h"

#include <string.h>

/* ---- what may not be seen ---- */

static struct span
if_seen(const struct view_shown *s, enum meta_field f, struct span value)
{
	return view_has(s, f) ? value : SPAN_NONE;
}

/* What every visible record says, and of the rest what may be seen. */
static struct object_facts
blank_facts(const struct object_facts *f, const struct view_shown *s)
{
	struct object_facts kept = {
		.pid = f->pid,
		.kind = f->kind,
		.proposal = if_seen(s, FIELD_RELATED, f->proposal),
		.instrument = if_seen(s, FIELD_INSTRUMENT, f->instrument),
	};

	if (view_has(s, FIELD_DATES))
		memcpy(kept.dates, f->dates, sizeof(kept.dates));
	if (s->full) {
		kept.route = f->route;
		kept.flags = f->flags;
	}
	return kept;
}

bool
catalog_blank(struct catalog_dataset *d, const struct view_shown *s, struct arena *a, struct err *e)
{
	bool dates = view_has(s, FIELD_DATES);
	bool files = view_has(s, FIELD_FILES);

	*d = (struct catalog_dataset){
		.id = d->id,
		.pid = d->pid,
		.title = if_seen(s, FIELD_TITLE, d->title),
		.proposal = if_seen(s, FIELD_RELATED, d->proposal),
		.proposal_title = if_seen(s, FIELD_TITLE, d->proposal_title),
		.instrument = if_seen(s, FIELD_INSTRUMENT, d->instrument),
		.facility = d->facility,
		.source = if_seen(s, FIELD_INSTRUMENT, d->source),
		.sample = if_seen(s, FIELD_SAMPLE, d->sample),
		.definition = if_seen(s, FIELD_TECHNIQUE, d->definition),
		.technique = if_seen(s, FIELD_TECHNIQUE, d->technique),
		.technique_label = if_seen(s, FIELD_TECHNIQUE, d->technique_label),
		.start = dates ? d->start : INT64_MIN,
		.end = dates ? d->end : INT64_MIN,
		.files = files ? d->files : 0,
		.bytes = files ? d->bytes : 0,
		.facts = blank_facts(&d->facts, s),
		.json = d->json,
	};
	if (d->json.p == NULL)
		return true;
	return record_blank(d->json, s, a, &d->json, e);
}

/* ---- rows ---- */

/* One walk over datasets by pid, each seen with the eyes of the view. */
struct walk {
	struct catalog *c;
	const struct view *view;
	struct catalog_mine mine;
	struct arena *a;
};

static bool
walk_begin(struct walk *w, struct span after, struct err *e)
{
	if (!catalog_mine(w->c, view_subject(w->view), w->a, &w->mine, e))
		return false;
	store_text(w->c->store, CQ_LIST, 1, after.p != NULL ? after : SPAN(""));
	return true;
}

/* STORE_ROW with *shows; the row's log is in the arena, its texts are the statement's. */
static enum store_row
walk_step(
	struct walk *w, struct catalog_dataset *d, struct view_shown *s, bool *shows, struct err *e)
{
	enum store_row r = store_step(w->c->store, CQ_LIST, e);

	if (r != STORE_ROW)
		return r;
	dataset_row_read(w->c->store, CQ_LIST, NULL, d);
	if (!catalog_part_logs(w->c, w->a, d, e)) {
		store_reset(w->c->store, CQ_LIST);
		return STORE_FAIL;
	}
	*shows = view_shows(w->view, &d->facts, catalog_mine_of(&w->mine, d->document), s);
	return STORE_ROW;
}

/* The row that the walk stands at, for good. */
static bool
keep(struct walk *w, struct catalog_dataset *d, const struct view_shown *s, struct err *e)
{
	struct object_facts log = d->facts;

	dataset_row_read(w->c->store, CQ_LIST, w->a, d);
	d->facts.events = log.events;
	d->facts.n_events = log.n_events;
	d->facts.flags = log.flags;
	return view_is_all(w->view) || catalog_blank(d, s, w->a, e);
}

static bool
fill(struct walk *w, const struct catalog_query *q, struct catalog_page *p, struct err *e)
{
	enum store_row r = STORE_END;
	bool shows = false;

	while (p->n < q->limit && (q->look == 0 || p->looked < q->look)) {
		size_t mark = w->a->used;
		struct catalog_shown *row = &p->row[p->n];
		r = walk_step(w, &row->dataset, &row->shown, &shows, e);
		if (r != STORE_ROW)
			return r == STORE_END;
		if (q->below.n > 0 && !span_starts(row->dataset.pid, q->below)) {
			store_reset(w->c->store, CQ_LIST);
			return true;
		}
		p->looked++;
		p->at = row->dataset.id;
		if (shows && !keep(w, &row->dataset, &row->shown, e)) {
			store_reset(w->c->store, CQ_LIST);
			return false;
		}
		if (!shows)
			arena_rewind(w->a, mark);
		p->n += shows;
	}
	store_reset(w->c->store, CQ_LIST);
	p->more = true;
	return !catalog_part_full(w->a, e);
}

static bool
find_start(struct catalog *c, const struct catalog_query *q, struct arena *a, struct span *ret,
	struct err *e)
{
	*ret = q->after;
	if (q->behind == 0)
		return true;
	store_i64(c->store, CQ_PID, 1, q->behind);
	enum store_row r = store_step(c->store, CQ_PID, e);
	if (r != STORE_ROW)
		return r == STORE_END &&
		       err_set(e, ERR_ABSENT, NULL, "the place in the list is gone");
	*ret = arena_span(a, store_col_text(c->store, CQ_PID, 0));
	store_reset(c->store, CQ_PID);
	return true;
}

bool
catalog_datasets(struct catalog *c, const struct catalog_query *q, struct arena *a,
	struct catalog_page *ret, struct err *e)
{
	struct catalog_query asked = *q;
	struct catalog_page p = {.n = 0};
	struct walk w = {.c = c, .view = q->view, .a = a};
	struct span after = SPAN_NONE;

	asked.limit = q->limit < LIMIT_PAGE ? q->limit : LIMIT_PAGE;
	p.row = arena_array(a, asked.limit, sizeof(*p.row));
	if (catalog_part_full(a, e) || !catalog_part_begin(c, e))
		return false;
	bool ok = find_start(c, q, a, &after, e) && walk_begin(&w, after, e) &&
		  fill(&w, &asked, &p, e) && !catalog_part_full(a, e);
	catalog_part_end(c);
	if (ok)
		*ret = p;
	return ok;
}

/* ---- counts ---- */

static enum store_row
count_rows(struct walk *w, struct catalog_counts *n, struct err *e)
{
	size_t mark = w->a->used;
	enum store_row r = STORE_END;
	struct catalog_dataset d;
	struct view_shown s;
	bool shows = false;

	while ((r = walk_step(w, &d, &s, &shows, e)) == STORE_ROW) {
		arena_rewind(w->a, mark);
		n->datasets += shows;
		if (shows && view_has(&s, FIELD_FILES)) {
			n->files += d.files;
			n->bytes += d.bytes;
		}
	}
	return r;
}

bool
catalog_count(struct catalog *c, const struct view *v, struct arena *a, struct catalog_counts *ret,
	struct err *e)
{
	struct walk w = {.c = c, .view = v, .a = a};
	struct catalog_counts n = {0};

	if (!catalog_part_begin(c, e))
		return false;
	bool ok = walk_begin(&w, SPAN_NONE, e) && count_rows(&w, &n, e) == STORE_END;
	catalog_part_end(c);
	if (ok)
		*ret = n;
	return ok;
}

bool
catalog_bindings(struct catalog *c, struct arena *a, struct catalog_binding **ret, size_t *ret_n,
	struct err *e)
{
	struct catalog_binding *list = arena_array(a, CATALOG_BINDINGS, sizeof(*list));
	enum store_row r = STORE_END;
	size_t n = 0;

	if (catalog_part_full(a, e) || !catalog_part_begin(c, e))
		return false;
	while (n < CATALOG_BINDINGS && (r = store_step(c->store, CQ_BOUND, e)) == STORE_ROW)
		list[n++] = (struct catalog_binding){
			.policy = arena_span(a, store_col_text(c->store, CQ_BOUND, 0)),
			.datasets = (uint64_t)store_col_i64(c->store, CQ_BOUND, 1),
		};
	if (r == STORE_ROW)
		store_reset(c->store, CQ_BOUND);
	catalog_part_end(c);
	if (r == STORE_FAIL || catalog_part_full(a, e))
		return false;
	*ret = list;
	*ret_n = n;
	return true;
}
