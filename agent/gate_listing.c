/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_listing.h"

#include "agent/base/civil.h"
#include "agent/base/jsonw.h"
#include "agent/gate_data.h"
#include "agent/gate_oblige.h"
#include "agent/gate_page.h"
#include "agent/gate_problem.h"
#include "agent/gate_view.h"
#include "transfer/dav.h"

#define LISTING_BATCH   256U
#define LISTING_ENTRIES 100000U /* of one folder; more is 503 with a word, never a stuck gate */

/* One writer for each form; entry.name is relative, a folder's ends with a slash. */
struct entry {
	struct span name;
	bool folder;
	const struct catalog_file *file; /* NULL for a folder */
};

struct listing {
	struct gate_desk *d;
	struct gate_case *c;
	struct span folder; /* below the dataset: "" or "sub/" */
	struct jsonw json;
	struct dav_query dav;
	size_t n;
	void (*entry)(struct listing *l, const struct entry *e);
};

/* ---- folders out of file names ---- */

static struct catalog_file *
next_batch(struct listing *l, struct span after, size_t *ret_n, struct err *e)
{
	struct catalog_file *files = NULL;

	if (!catalog_files(l->d->catalog, l->c->dataset.id, after, LISTING_BATCH, &l->d->mem,
		    &files, ret_n, e))
		*ret_n = 0;
	return files;
}

/*
 * Where to go on behind folder "sub/deep/": no UTF-8 text begins with the byte FF, so
 * "sub/deep/\xff" stands behind all that is inside.
 */
static struct span
behind_folder(struct listing *l, struct span folder)
{
	return arena_printf(&l->d->mem, "%.*s\xff", SPAN_ARG(folder));
}

/* Writes the files from one batch; *after: where the next begins, absent at the end. */
static void
take_batch(struct listing *l, const struct catalog_file *files, size_t n, struct span *after)
{
	for (size_t i = 0; i < n; i++) {
		struct span inside = span_skip(files[i].path, l->folder.n);
		struct span rest = inside;
		struct span name = span_cut(&rest, '/');
		if (!span_starts(files[i].path, l->folder)) {
			*after = SPAN_NONE;
			return;
		}
		l->n++;
		*after = files[i].path;
		if (rest.p == NULL) {
			l->entry(l, &(struct entry){.name = name, .file = &files[i]});
			continue;
		}
		l->entry(l, &(struct entry){.name = {name.p, name.n + 1}, .folder = true});
		*after = behind_folder(l, (struct span){files[i].path.p, l->folder.n + name.n + 1});
		return;
	}
	if (n < LISTING_BATCH)
		*after = SPAN_NONE;
}

/* All entries of l->folder in byte order. */
static bool
walk(struct listing *l, struct err *e)
{
	struct span after = l->folder.n > 0 ? l->folder : SPAN_NONE;

	do {
		size_t n = 0;
		const struct catalog_file *files = next_batch(l, after, &n, e);
		if (e->code != ERR_NONE)
			return false;
		after = SPAN_NONE;
		take_batch(l, files, n, &after);
		if (l->n > LISTING_ENTRIES || l->d->mem.full)
			return err_set(e, ERR_LIMIT, NULL, "more than %u entries", LISTING_ENTRIES);
	} while (after.p != NULL);
	return true;
}

bool
gate_listing_is_folder(struct gate_desk *d, const struct gate_case *c)
{
	struct catalog_file *files = NULL;
	size_t n = 0;
	struct span prefix = arena_printf(&d->mem, "%.*s/", SPAN_ARG(c->rest));

	return catalog_files(d->catalog, c->dataset.id, prefix, 1, &d->mem, &files, &n, NULL) &&
	       n == 1 && span_starts(files[0].path, prefix);
}

/* ---- HTML ---- */

static void
html_start(struct gate_desk *d, struct span title)
{
	buf_adds(&d->body,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
	buf_add_html(&d->body, title);
	buf_adds(&d->body, "</title>\n<style>body{font:16px "
			   "sans-serif;margin:2em}td,th{padding:.2em 1em;text-align:left}"
			   "td.n{text-align:right}</style></head>\n<body><h1>");
	buf_add_html(&d->body, title);
	buf_adds(&d->body, "</h1>\n");
}

static void
html_entry(struct listing *l, const struct entry *e)
{
	struct buf *b = &l->d->body;

	buf_adds(b, "<tr><td><a href=\"");
	if (span_has(e->name, ':'))
		buf_adds(b, "./"); /* RFC 3986 4.2: else the name would read as a scheme */
	gate_page_path(b, e->name);
	buf_adds(b, "\">");
	buf_add_html(b, e->name);
	buf_adds(b, "</a></td>");
	if (e->file != NULL) {
		buf_addf(b, "<td class=\"n\">%llu</td><td>", (unsigned long long)e->file->bytes);
		civil_write_iso(b, e->file->mtime_s);
		buf_adds(b, "</td><td>");
		buf_add_html(b, e->file->format);
		buf_adds(b, "</td>");
	}
	buf_adds(b, "</tr>\n");
}

/* The title is a field of the record: who may list the files may not always read that. */
static struct span
title(const struct listing *l)
{
	const struct view *v = NULL;
	struct view_shown s;

	if (!gate_view(l->d, l->c, &v, NULL) ||
		!view_shows(v, &l->c->facts.object, l->c->facts.roles, &s) ||
		!view_has(&s, FIELD_TITLE))
		return SPAN_NONE;
	return l->c->dataset.title;
}

static void
html_page_start(struct listing *l)
{
	const struct catalog_dataset *s = &l->c->dataset;
	struct buf *b = &l->d->body;
	struct span name = title(l);
	struct span notice = gate_oblige_notice(l->c);

	html_start(l->d, name.n > 0 ? name : s->pid);
	buf_adds(b, "<p>Dataset ");
	buf_add_html(b, s->pid);
	if (l->c->decision.licence.p != NULL) {
		buf_adds(b, ", licence ");
		buf_add_html(b, l->c->decision.licence);
	}
	if (notice.p != NULL) {
		buf_adds(b, "</p>\n<p><strong>");
		buf_add_html(b, notice);
		buf_adds(b, "</strong>");
	}
	buf_adds(b, "</p>\n<table><tr><th>name</th><th>bytes</th><th>modified</th><th>format</th></"
		    "tr>\n");
	if (l->folder.n > 0)
		buf_adds(b, "<tr><td><a href=\"../\">../</a></td></tr>\n");
}

/* ---- JSON ---- */

static void
json_entry(struct listing *l, const struct entry *e)
{
	struct jsonw *w = &l->json;

	jsonw_obj(w, NULL);
	jsonw_str(w, "name", e->name);
	jsonw_cstr(w, "type", e->folder ? "folder" : "file");
	if (e->file != NULL) {
		AUTO_BUF time = BUF_INIT(64);
		civil_write_iso(&time, e->file->mtime_s);
		jsonw_u64(w, "size", e->file->bytes);
		jsonw_str(w, "modified", buf_span(&time));
		jsonw_str(w, "format", e->file->format);
		if (e->file->has_digests)
			jsonw_hex(w, "sha256", e->file->sha256, sizeof(e->file->sha256));
		if (e->file->problem.p != NULL)
			jsonw_str(w, "problem", e->file->problem);
	}
	jsonw_end(w, '}');
}

static void
json_page_start(struct listing *l)
{
	const struct catalog_dataset *s = &l->c->dataset;
	struct jsonw *w = &l->json;

	jsonw_init(w, &l->d->body);
	jsonw_obj(w, NULL);
	jsonw_str(w, "pid", s->pid);
	jsonw_str(w, "title", title(l));
	jsonw_str(w, "path", l->folder);
	jsonw_cstr(w, "state", state_names[l->c->decision.state]);
	jsonw_str(w, "licence", l->c->decision.licence);
	if (gate_oblige_notice(l->c).p != NULL)
		jsonw_str(w, "notice", gate_oblige_notice(l->c));
	jsonw_list(w, "entries");
}

/* ---- WebDAV (RFC 4918) ---- */

static void
dav_entry(struct listing *l, const struct entry *e)
{
	AUTO_BUF href = BUF_INIT(16384);
	struct dav_entry row = {.folder = e->folder};
	char etag[48];

	buf_adds(&href, "/data/");
	buf_add(&href, l->c->dataset.pid);
	buf_addc(&href, '/');
	buf_add(&href, l->folder);
	buf_add(&href, e->name);
	row.path = buf_span(&href);
	row.modified = l->c->dataset.end;
	if (e->file != NULL) {
		row.size = e->file->bytes;
		row.modified = e->file->mtime_s;
		row.type = gate_data_type(e->file);
		gate_etag(l->c, e->file, e->file->bytes,
			(struct timespec){e->file->mtime_s, e->file->mtime_ns}, etag);
		row.etag = span_of(etag);
	}
	dav_write_entry(&l->d->body, &l->dav, &row);
}

static bool
dav_answer_file(struct listing *l, struct err *e)
{
	struct catalog_file f = {0};

	if (!catalog_file_get(l->d->catalog, l->c->dataset.id, l->c->rest, &l->d->mem, &f, e))
		return false;
	l->folder = SPAN("");
	dav_entry(l, &(struct entry){.name = f.path, .file = &f});
	return true;
}

static void
dav_finish(struct listing *l, struct http_answer *ret)
{
	dav_write_end(&l->d->body);
	gate_field(l->d, "Content-Type", SPAN(DAV_CONTENT_TYPE));
	gate_oblige_private(l->d, l->c);
	ret->status = 207;
	gate_body(l->d, l->c, ret);
}

static void
listing_failed(
	struct gate_desk *d, struct gate_case *c, const struct err *e, struct http_answer *ret)
{
	buf_reset(&d->fields);
	if (e->code == ERR_ABSENT)
		gate_problem_absent(d, c, ret);
	else if (e->code == ERR_LIMIT)
		gate_problem(
			d, c, 503, "too-long", "This folder holds too many entries to list.", ret);
	else
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
}

static bool
dav_depth(struct listing *l, bool *ret_children, struct http_answer *ret)
{
	switch (dav_read_depth(l->c->ask->depth)) {
	case DAV_DEPTH_0:
		return true;
	case DAV_DEPTH_1:
		*ret_children = true;
		return true;
	case DAV_DEPTH_INFINITE:
		dav_write_finite_depth(&l->d->body);
		gate_field(l->d, "Content-Type", SPAN(DAV_CONTENT_TYPE));
		ret->status = 403;
		gate_body(l->d, l->c, ret);
		return false;
	case DAV_DEPTH_BAD:
		break;
	}
	gate_problem(l->d, l->c, 400, "depth", "Depth is 0 or 1 (RFC 4918 10.2).", ret);
	return false;
}

static void
dav_answer(struct listing *l, struct http_answer *ret)
{
	struct err e = {0};
	bool children = false;
	struct span rest = l->c->rest;
	bool folder = rest.p == NULL || rest.n == 0 || span_ends(rest, SPAN("/"));

	if (!dav_depth(l, &children, ret))
		return;
	if (!dav_parse(l->c->ask->body, &l->dav, &e)) {
		gate_problem(l->d, l->c, e.code == ERR_LIMIT ? 413 : 400, "propfind", e.msg, ret);
		return;
	}
	dav_write_start(&l->d->body);
	if (!folder && dav_answer_file(l, &e)) {
		dav_finish(l, ret);
		return;
	}
	if (!folder && gate_listing_is_folder(l->d, l->c)) {
		l->folder = arena_printf(&l->d->mem, "%.*s/", SPAN_ARG(rest));
		e = (struct err){0};
	} else if (!folder) {
		listing_failed(l->d, l->c, &e, ret);
		return;
	}
	dav_entry(l, &(struct entry){.name = SPAN(""), .folder = true});
	if (children && !walk(l, &e)) {
		listing_failed(l->d, l->c, &e, ret);
		return;
	}
	dav_finish(l, ret);
}

/* ---- the two pages ---- */

static void
page_end(struct listing *l, bool json, struct http_answer *ret)
{
	if (json) {
		jsonw_end(&l->json, ']');
		jsonw_end(&l->json, '}');
		buf_addc(&l->d->body, '\n');
	} else {
		buf_adds(&l->d->body, "</table></body></html>\n");
	}
	gate_field(l->d, "Content-Type",
		json ? SPAN("application/json") : SPAN("text/html; charset=utf-8"));
	gate_field(l->d, "Content-Security-Policy",
		SPAN("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"));
	gate_oblige_page(l->d, l->c);
	gate_body(l->d, l->c, ret);
}

void
gate_listing_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct listing l = {.d = d, .c = c, .folder = c->rest};
	struct err e = {0};
	bool json = gate_page_wants_json(c->ask->accept);

	if (l.folder.p == NULL)
		l.folder = SPAN("");
	if (c->ask->method == HTTP_PROPFIND) {
		l.entry = dav_entry;
		dav_answer(&l, ret);
		return;
	}
	l.entry = json ? json_entry : html_entry;
	if (json)
		json_page_start(&l);
	else
		html_page_start(&l);
	if (walk(&l, &e) && l.n == 0 && l.folder.n > 0)
		(void)err_set(&e, ERR_ABSENT, NULL, "no such folder");
	if (e.code != ERR_NONE)
		listing_failed(d, c, &e, ret);
	else
		page_end(&l, json, ret);
}
