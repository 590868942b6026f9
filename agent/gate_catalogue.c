/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_catalogue.h"

#include "agent/base/base64.h"
#include "agent/base/civil.h"
#include "agent/base/crypto.h"
#include "agent/base/jsonw.h"
#include "agent/gate_data.h"
#include "agent/gate_grant.h"
#include "agent/gate_page.h"
#include "agent/gate_problem.h"
#include "agent/gate_view.h"
#include "agent/session.h"

#include <string.h>

static const struct span cursor_context = SPAN_INIT("list of datasets");

/* ---- where a page begins and where the next one does ---- */

/* A value of the query, percent-decoded. */
static struct span
decoded(struct gate_desk *d, struct span value)
{
	char *text = arena_str(&d->mem, value);
	size_t n = 0;

	for (size_t i = 0; text != NULL && i < value.n; i++) {
		uint64_t byte = 0;
		if (value.p[i] == '%' &&
			span_hex_u64(span_first(span_skip(value, i + 1), 2), 255, &byte))
			i += 2;
		else
			byte = (unsigned char)value.p[i];
		text[n++] = (char)byte;
	}
	return (struct span){text, n};
}

/* The last one of that name; absent, where it is empty too. */
static struct span
parameter(struct gate_desk *d, struct span query, const char *name)
{
	struct span found = SPAN_NONE;

	while (query.p != NULL) {
		struct span value = span_cut(&query, '&');
		if (span_is(span_cut(&value, '='), name) && value.n > 0)
			found = decoded(d, value);
	}
	return found;
}

static const uint8_t *
cursor_key(const struct gate_desk *d)
{
	return d->gate->sessions != NULL ? session_seal_key(d->gate->sessions) : NULL;
}

static bool
open_cursor(const struct gate_desk *d, struct span text, int64_t *ret)
{
	const uint8_t *key = cursor_key(d);
	AUTO_BUF plain = BUF_INIT(64);
	char sealed[128];
	size_t n = 0;
	int64_t at = 0;

	if (key == NULL || !base64_url_decode(text, sealed, sizeof(sealed), &n) ||
		!crypto_open(key, cursor_context, (struct span){sealed, n}, &plain, NULL) ||
		plain.n != sizeof(at))
		return false;
	memcpy(&at, plain.p, sizeof(at));
	*ret = at;
	return true;
}

static void
write_cursor(const struct gate_desk *d, int64_t at, struct buf *out)
{
	const uint8_t *key = cursor_key(d);
	AUTO_BUF sealed = BUF_INIT(256);
	char plain[sizeof(at)];

	memcpy(plain, &at, sizeof(at));
	if (key != NULL && crypto_seal(key, cursor_context, (struct span){plain, sizeof(plain)},
				   &sealed, NULL))
		base64_url_encode(out, sealed.p, sealed.n);
}

/* The query of the next page; nothing when there is none. */
static void
write_next(const struct gate_desk *d, const struct catalog_page *p, struct buf *out)
{
	if (!p->more)
		return;
	if (p->n == GATE_CATALOGUE_PAGE) {
		buf_adds(out, "?after=");
		buf_add_url(out, p->row[p->n - 1].dataset.pid);
	} else {
		buf_adds(out, "?cursor=");
		write_cursor(d, p->at, out);
	}
}

/* ---- JSON ---- */

static void
json_row(struct jsonw *w, const struct catalog_shown *row)
{
	const struct catalog_dataset *s = &row->dataset;

	jsonw_obj(w, NULL);
	jsonw_str(w, "pid", s->pid);
	jsonw_str(w, "title", s->title);
	jsonw_str(w, "proposal", s->proposal);
	jsonw_str(w, "instrument", s->instrument);
	jsonw_str(w, "technique", s->technique);
	jsonw_str(w, "sample", s->sample);
	jsonw_iso(w, "start", s->start);
	jsonw_iso(w, "end", s->end);
	if (view_has(&row->shown, FIELD_FILES)) {
		jsonw_u64(w, "files", s->files);
		jsonw_u64(w, "bytes", s->bytes);
	}
	jsonw_cstr(w, "state", state_names[row->shown.decision.state]);
	jsonw_end(w, '}');
}

static void
answer_json(struct gate_desk *d, const struct gate_case *c, const struct catalog_page *p,
	struct http_answer *ret)
{
	AUTO_BUF next = BUF_INIT(8192);
	struct jsonw w;
	bool full = p->more && p->n == GATE_CATALOGUE_PAGE;

	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	jsonw_list(&w, "datasets");
	for (size_t i = 0; i < p->n; i++)
		json_row(&w, &p->row[i]);
	jsonw_end(&w, ']');
	jsonw_str(&w, "after", full ? p->row[p->n - 1].dataset.pid : SPAN_NONE);
	buf_adds(&next, "/data/");
	write_next(d, p, &next);
	jsonw_str(&w, "next", p->more && buf_ok(&next) ? buf_span(&next) : SPAN_NONE);
	jsonw_end(&w, '}');
	buf_addc(&d->body, '\n');
	gate_field(d, "Content-Type", SPAN("application/json"));
	gate_field(d, "X-Content-Type-Options", SPAN("nosniff"));
	gate_field(d, "Cache-Control", SPAN("private, no-store"));
	gate_field(d, "Vary", SPAN("Accept, Authorization"));
	gate_body(d, c, ret);
}

/* ---- the page ---- */

static void
html_row(struct buf *b, const struct catalog_shown *row)
{
	const struct catalog_dataset *s = &row->dataset;
	const char *state = state_names[row->shown.decision.state];

	buf_adds(b, "<tr><td><a href=\"");
	gate_page_path(b, s->pid);
	buf_adds(b, "/\">");
	buf_add_html(b, s->pid);
	buf_adds(b, "</a></td><td><a href=\"/datasets/");
	gate_page_path(b, s->pid);
	buf_adds(b, "\">");
	buf_add_html(b, s->title.n > 0 ? s->title : SPAN("record"));
	buf_adds(b, "</a></td><td>");
	buf_add_html(b, s->instrument);
	buf_adds(b, "</td><td>");
	buf_adds(b, state != NULL ? state : "");
	buf_adds(b, "</td></tr>\n");
}

static void
answer_page(struct gate_desk *d, const struct gate_case *c, const struct catalog_page *p,
	struct http_answer *ret)
{
	AUTO_BUF next = BUF_INIT(8192);
	struct buf *b = &d->body;

	gate_page_begin(d, "Datasets");
	buf_adds(b, "<table><tr><th>dataset</th><th>title</th><th>instrument</th><th>state</th>"
		    "</tr>\n");
	for (size_t i = 0; i < p->n; i++)
		html_row(b, &p->row[i]);
	buf_adds(b, "</table>\n");
	write_next(d, p, &next);
	if (next.n > 0 && buf_ok(&next)) {
		buf_adds(b, "<p><a href=\"");
		buf_add_html(b, buf_span(&next));
		buf_adds(b, "\">next</a></p>\n");
	}
	gate_page_end(d, c, 200, false, ret);
}

/*
 * A page begins behind a dataset that its reader may see, as each page that was told does.  From
 * any other name one could feel, by how far the work of a page reaches, where hidden ones stand.
 */
static bool
may_begin(struct gate_desk *d, const struct gate_case *c, struct span after, struct err *e)
{
	struct gate_case own = *c;

	if (after.p == NULL)
		return true;
	if (!catalog_by_pid(d->catalog, after, &d->mem, &own.dataset, e) ||
		!gate_data_judge(d, &own, ACTION_META_PUBLIC, e))
		return false;
	return own.decision.permit || err_set(e, ERR_ABSENT, NULL, "hidden");
}

void
gate_catalogue_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct catalog_query q = {.limit = GATE_CATALOGUE_PAGE};
	struct span cursor = parameter(d, c->ask->query, "cursor");
	struct catalog_page p;
	struct err e = {0};

	q.after = parameter(d, c->ask->query, "after");
	q.look = cursor_key(d) != NULL ? GATE_CATALOGUE_LOOK : 0;
	bool known = cursor.p == NULL || open_cursor(d, cursor, &q.behind);
	if (known && may_begin(d, c, q.after, &e) && gate_view(d, c, &q.view, &e) &&
		catalog_datasets(d->catalog, &q, &d->mem, &p, &e)) {
		if (gate_page_wants_json(c->ask->accept))
			answer_json(d, c, &p, ret);
		else
			answer_page(d, c, &p, ret);
		return;
	}
	if (!known || e.code == ERR_ABSENT)
		gate_problem(d, c, 400, "cursor",
			"This place in the list is not one of ours, or not any more; begin again "
			"at /data/.",
			ret);
	else
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
}
