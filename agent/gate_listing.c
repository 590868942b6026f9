/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_listing.h"

#include "agent/base/civil.h"
#include "agent/base/jsonw.h"
#include "agent/gate_archive.h"
#include "agent/gate_data.h"
#include "agent/gate_grant.h"
#include "agent/gate_ingest.h"
#include "agent/gate_listing_dav.h"
#include "agent/gate_oblige.h"
#include "agent/gate_page.h"
#include "agent/gate_problem.h"
#include "agent/gate_view.h"

#define LISTING_BATCH   256U
#define LISTING_ENTRIES 100000U /* of one folder; more is 503 with a word, never a stuck gate */

/* The page in work. */
struct listing {
	struct gate_desk *d;
	struct gate_case *c;
	struct span folder; /* below the dataset: "" or "sub/" */
	struct jsonw json;
	size_t n;
};

/* ---- folders out of file names ---- */

struct walk {
	struct gate_desk *d;
	const struct gate_case *c;
	struct span folder;
	size_t n;
	gate_listing_fn *entry;
	void *arg;
};

static struct catalog_file *
next_batch(struct walk *w, struct span after, size_t *ret_n, struct err *e)
{
	struct catalog_file *files = NULL;

	if (!catalog_files(w->d->catalog, w->c->dataset.id, after, LISTING_BATCH, &w->d->mem,
		    &files, ret_n, e))
		*ret_n = 0;
	return files;
}

/*
 * Where to go on behind folder "sub/deep/": no UTF-8 text begins with the byte FF, so
 * "sub/deep/\xff" stands behind all that is inside.
 */
static struct span
behind_folder(struct walk *w, struct span folder)
{
	return arena_printf(&w->d->mem, "%.*s\xff", SPAN_ARG(folder));
}

/* Writes the files from one batch; *after: where the next begins, absent at the end. */
static void
take_batch(struct walk *w, const struct catalog_file *files, size_t n, struct span *after)
{
	for (size_t i = 0; i < n; i++) {
		struct span inside = span_skip(files[i].path, w->folder.n);
		struct span rest = inside;
		struct span name = span_cut(&rest, '/');
		if (!span_starts(files[i].path, w->folder)) {
			*after = SPAN_NONE;
			return;
		}
		w->n++;
		*after = files[i].path;
		if (rest.p == NULL) {
			w->entry(w->arg,
				&(struct gate_listing_entry){.name = name, .file = &files[i]});
			continue;
		}
		w->entry(w->arg,
			&(struct gate_listing_entry){.name = {name.p, name.n + 1}, .folder = true});
		*after = behind_folder(w, (struct span){files[i].path.p, w->folder.n + name.n + 1});
		return;
	}
	if (n < LISTING_BATCH)
		*after = SPAN_NONE;
}

bool
gate_listing_walk(struct gate_desk *d, const struct gate_case *c, struct span folder,
	gate_listing_fn *entry, void *arg, struct err *e)
{
	struct walk w = {.d = d, .c = c, .folder = folder, .entry = entry, .arg = arg};
	struct span after = folder.n > 0 ? folder : SPAN_NONE;

	do {
		size_t n = 0;
		const struct catalog_file *files = next_batch(&w, after, &n, e);
		if (e->code != ERR_NONE)
			return false;
		after = SPAN_NONE;
		take_batch(&w, files, n, &after);
		if (w.n > LISTING_ENTRIES || d->mem.full)
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

	return (catalog_files(d->catalog, c->dataset.id, prefix, 1, &d->mem, &files, &n, NULL) &&
		       n == 1 && span_starts(files[0].path, prefix)) ||
	       gate_ingest_is_folder(d, c, c->rest); /* one that was made and is empty yet */
}

/* The folder that is listed, where it is below the dataset's own. */
static bool
is_there(const struct listing *l)
{
	struct gate_case c = *l->c;

	if (l->folder.n == 0)
		return true;
	c.rest = span_first(l->folder, l->folder.n - 1);
	return gate_listing_is_folder(l->d, &c);
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
html_entry(void *arg, const struct gate_listing_entry *e)
{
	struct listing *l = arg;
	struct buf *b = &l->d->body;

	l->n++;
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

static const char *const archives[][2] = {{".zip", "zip"}, {".tar", "tar"}};

/* This folder and all below it as one file. */
static void
html_archives(struct listing *l)
{
	struct buf *b = &l->d->body;

	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF to = BUF_INIT(16384);
		if (!gate_archive_address(l->d, l->c, l->folder, archives[i][0], &to))
			return;
		buf_adds(b, i == 0 ? "</p>\n<p>All of this: <a href=\"" : ", <a href=\"");
		buf_add_html(b, buf_span(&to));
		buf_addf(b, "\">%s</a>", archives[i][1]);
	}
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
	html_archives(l);
	buf_adds(b, "</p>\n<table><tr><th>name</th><th>bytes</th><th>modified</th><th>format</th></"
		    "tr>\n");
	if (l->folder.n > 0)
		buf_adds(b, "<tr><td><a href=\"../\">../</a></td></tr>\n");
}

/* ---- JSON ---- */

static void
json_entry(void *arg, const struct gate_listing_entry *e)
{
	struct listing *l = arg;
	struct jsonw *w = &l->json;

	l->n++;
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
	jsonw_obj(w, "archives");
	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF to = BUF_INIT(16384);
		if (gate_archive_address(l->d, l->c, l->folder, archives[i][0], &to))
			jsonw_str(w, archives[i][1], buf_span(&to));
	}
	jsonw_end(w, '}');
	jsonw_cstr(w, "state", state_names[l->c->decision.state]);
	jsonw_str(w, "licence", l->c->decision.licence);
	if (gate_oblige_notice(l->c).p != NULL)
		jsonw_str(w, "notice", gate_oblige_notice(l->c));
	jsonw_list(w, "entries");
}

void
gate_listing_failed(
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
		gate_listing_dav_answer(d, c, ret);
		return;
	}
	if (json)
		json_page_start(&l);
	else
		html_page_start(&l);
	if (gate_listing_walk(d, c, l.folder, json ? json_entry : html_entry, &l, &e) && l.n == 0 &&
		!is_there(&l))
		(void)err_set(&e, ERR_ABSENT, NULL, "no such folder");
	if (e.code != ERR_NONE)
		gate_listing_failed(d, c, &e, ret);
	else
		page_end(&l, json, ret);
}
