/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_listing_dav.h"
#include "agent/gate_grant.h"

#include "agent/gate_data.h"
#include "agent/gate_listing.h"
#include "agent/gate_oblige.h"
#include "agent/gate_problem.h"

struct listing {
	struct gate_desk *d;
	struct gate_case *c;
	struct span folder; /* below the dataset: "" or "sub/" */
	struct dav_query q;
};

static void
describe_file(const struct gate_case *c, const struct catalog_file *f, char etag[48],
	struct dav_entry *ret)
{
	ret->size = f->bytes;
	ret->modified = f->mtime_s;
	ret->type = gate_data_type(f);
	gate_etag(c, f, NULL, etag);
	ret->etag = span_of(etag);
	if (f->has_digests) {
		ret->md5 = f->md5;
		ret->adler32 = f->adler32;
	}
}

static void
write_entry(void *arg, const struct gate_listing_entry *e)
{
	struct listing *l = arg;
	AUTO_BUF href = BUF_INIT(16384);
	struct dav_entry row = {.folder = e->folder, .modified = l->c->dataset.end};
	char etag[48];

	buf_adds(&href, "/data/");
	buf_add(&href, l->c->dataset.pid);
	buf_addc(&href, '/');
	buf_add(&href, l->folder);
	buf_add(&href, e->name);
	row.path = buf_span(&href);
	if (e->file != NULL)
		describe_file(l->c, e->file, etag, &row);
	dav_write_entry(&l->d->body, &l->q, &row);
}

bool
gate_listing_dav_read(struct gate_desk *d, const struct gate_case *c, struct dav_query *ret_q,
	bool *ret_children, struct http_answer *ret)
{
	struct err e = {0};

	*ret_children = false;
	switch (dav_read_depth(c->ask->depth)) {
	case DAV_DEPTH_0:
		break;
	case DAV_DEPTH_1:
		*ret_children = true;
		break;
	case DAV_DEPTH_INFINITE:
		dav_write_finite_depth(&d->body);
		gate_field(d, "Content-Type", SPAN(DAV_CONTENT_TYPE));
		ret->status = 403;
		gate_body(d, c, ret);
		return false;
	case DAV_DEPTH_BAD:
		gate_problem(d, c, 400, "depth", "Depth is 0 or 1 (RFC 4918 10.2).", ret);
		return false;
	}
	if (dav_parse(c->ask->body, ret_q, &e))
		return true;
	gate_problem(d, c, e.code == ERR_LIMIT ? 413 : 400, "propfind", e.msg, ret);
	return false;
}

/* One file.  ERR_ABSENT: it is none. */
static bool
write_file(struct listing *l, struct err *e)
{
	struct catalog_file f = {0};

	if (!catalog_file_get(l->d->catalog, l->c->dataset.id, l->c->rest, &l->d->mem, &f, e))
		return false;
	l->folder = SPAN("");
	write_entry(l, &(struct gate_listing_entry){.name = f.path, .file = &f});
	return true;
}

static bool
write_folder(struct listing *l, bool children, struct err *e)
{
	write_entry(l, &(struct gate_listing_entry){.name = SPAN(""), .folder = true});
	return !children || gate_listing_walk(l->d, l->c, l->folder, write_entry, l, e);
}

/* The name may be that of a file, or of a folder with or without its slash. */
static bool
write_all(struct listing *l, bool children, struct err *e)
{
	struct span rest = l->c->rest;
	struct gate_case bare = *l->c;

	if (rest.p == NULL || rest.n == 0) {
		l->folder = SPAN("");
		return write_folder(l, children, e);
	}
	if (!span_ends(rest, SPAN("/"))) {
		if (write_file(l, e) || e->code != ERR_ABSENT)
			return e->code == ERR_NONE;
		rest = arena_printf(&l->d->mem, "%.*s/", SPAN_ARG(rest));
	}
	bare.rest = span_first(rest, rest.n > 0 ? rest.n - 1 : 0);
	if (!gate_listing_is_folder(l->d, &bare))
		return err_set(e, ERR_ABSENT, NULL, "no such folder");
	*e = (struct err){0};
	l->folder = rest;
	return write_folder(l, children, e);
}

void
gate_listing_dav_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct listing l = {.d = d, .c = c, .folder = SPAN_INIT("")};
	struct err e = {0};
	bool children = false;

	if (!gate_listing_dav_read(d, c, &l.q, &children, ret))
		return;
	dav_write_start(&d->body);
	if (!write_all(&l, children, &e)) {
		gate_listing_failed(d, c, &e, ret);
		return;
	}
	dav_write_end(&d->body);
	gate_field(d, "Content-Type", SPAN(DAV_CONTENT_TYPE));
	gate_oblige_private(d, c);
	ret->status = 207;
	gate_body(d, c, ret);
}
