/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_put.h"

#include "agent/base/scope.h"
#include "agent/gate_grant.h"
#include "agent/gate_ingest.h"
#include "agent/gate_oblige.h"
#include "agent/gate_problem.h"
#include "agent/gate_record.h"
#include "agent/wish.h"
#include "transfer/announced.h"

/* ---- the first half ---- */

bool
gate_put_is(const struct http_ask *q)
{
	return q->method == HTTP_PUT || q->method == HTTP_MKCOL;
}

void
gate_put_begin(struct gate_desk *d, struct gate_case *c)
{
	struct err e = {0};

	if (!gate_ingest_offered(d->gate))
		return;
	if (!auth_covers_write(d->gate->auth, &c->subject, c->ask->path, &d->mem, &c->refusal)) {
		c->found = GATE_OUTSIDE;
		return;
	}
	c->found = GATE_FAILED;
	if (gate_ingest_find(d, c, &e)) {
		c->found = GATE_DECIDED;
		gate_record_decision(d, c);
	} else if (e.code == ERR_ABSENT) {
		c->found = GATE_ABSENT;
		gate_record_absent(d, c);
	}
}

static void
no_method(struct gate_desk *d, struct gate_case *c, const char *why, struct http_answer *ret)
{
	gate_field(d, "Allow",
		gate_ingest_offered(d->gate) ? SPAN("GET, HEAD, OPTIONS, PROPFIND, PUT")
					     : SPAN("GET, HEAD, OPTIONS, PROPFIND"));
	gate_problem(d, c, 405, "method", why, ret);
}

/* The part of the path behind /data/, without the slash at its end. */
static struct span
below(const struct gate_case *c)
{
	struct span path = span_skip(c->ask->path, sizeof("/data/") - 1);

	return span_ends(path, SPAN("/")) ? span_first(path, path.n - 1) : path;
}

bool
gate_put_early(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	if (c->found == GATE_NOTHING) {
		no_method(d, c,
			"Nothing can be added here: no data root of this agent is writable.", ret);
		return true;
	}
	/* Clients make the folders above a dataset first, and go on when they are there. */
	if (c->found == GATE_ABSENT && c->ask->method == HTTP_MKCOL && c->recorded &&
		(below(c).n == 0 || gate_ingest_leads(d, below(c)))) {
		no_method(d, c, "Folders above datasets are there already.", ret);
		return true;
	}
	return false;
}

/* ---- answers ---- */

static void
refuse(struct gate_desk *d, struct gate_case *c, const struct gate_ingest_no *no,
	struct http_answer *ret)
{
	buf_reset(&d->fields);
	if (no->status == 405)
		no_method(d, c, no->text, ret);
	else if (no->status == 503)
		gate_problem_later(d, c, no->text, 10, ret);
	else
		gate_problem(d, c, no->status, no->name, no->text, ret);
}

/* So that it is found by whoever asks right behind the answer. */
static void
have_it_indexed(struct gate_desk *d, struct gate_case *c)
{
	const struct wish w = {
		.kind = WISH_INDEX, .root = c->dataset.root_name, .folder = c->dataset.folder};

	(void)gate_wish(d, c, &w);
}

/* The tag that a GET has, once the file is in the catalogue. */
static void
add_etag(struct gate_desk *d, const struct gate_case *c)
{
	struct catalog_file f = {0};
	char etag[48];

	if (c->dataset.id == 0 || c->rest.n == 0 ||
		!catalog_file_get(d->catalog, c->dataset.id, c->rest, &d->mem, &f, NULL))
		return;
	gate_etag(c, &f, NULL, etag);
	gate_field(d, "ETag", span_of(etag));
}

static void
created(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	AUTO_BUF to = BUF_INIT(16384);

	buf_add_url(&to, c->ask->path);
	gate_field(d, "Location", buf_span(&to));
	add_etag(d, c);
	gate_oblige_private(d, c);
	ret->status = 201;
	ret->fields = buf_span(&d->fields);
}

/* ---- PUT ---- */

/* What a field says that a whole new file cannot be; 0: nothing. */
static unsigned
bad_field(struct span fields, const char **why)
{
	struct span coding = announced_field(fields, SPAN("Content-Encoding"));

	if (announced_field(fields, SPAN("Content-Range")).p != NULL) {
		*why = "A file is sent whole: no Content-Range (RFC 9110 14.5).";
		return 400;
	}
	if (coding.n > 0 && !span_eq_nocase(coding, SPAN("identity"))) {
		*why = "A file is kept as it comes: send it without Content-Encoding.";
		return 415;
	}
	if (announced_field(fields, SPAN("If-Match")).p != NULL) {
		*why = "If-Match means a file that is there, and those are never replaced.";
		return 412;
	}
	return 0;
}

/* What is to come, by the request's fields.  False: it was answered. */
static bool
read_wish(struct gate_desk *d, struct gate_case *c, struct gate_ingest_file *f,
	struct http_answer *ret)
{
	const struct http_ask *q = c->ask;
	const char *why = NULL;
	struct err e = {0};

	if (!q->has_length) {
		gate_problem(d, c, 411, "length-required",
			"Send the file with Content-Length, so that its end can be told.", ret);
		return false;
	}
	unsigned status = bad_field(q->fields, &why);
	if (status != 0) {
		gate_problem(
			d, c, status, status == 412 ? "precondition" : "bad-request", why, ret);
		return false;
	}
	*f = (struct gate_ingest_file){.bytes = q->length,
		.fresh = span_is(announced_field(q->fields, SPAN("If-None-Match")), "*")};
	if (announced_read(q->fields, &f->said, &e))
		return true;
	gate_problem(d, c, 400, "digest", e.msg, ret);
	return false;
}

static void
answer_begin(struct gate_desk *d, struct gate_case *c, const struct gate_ingest_file *f,
	struct http_answer *ret)
{
	struct gate_ingest_no no;
	struct err e = {0};
	int got = -1;

	if (!gate_ingest_begin(d, c, f, &got, &no)) {
		refuse(d, c, &no, ret);
		return;
	}
	AUTO_FD fd = got;
	if (!gate_grant_write(d, c, &fd, f->bytes, &ret->grant, &e)) {
		gate_problem_later(d, c, "The agent is short of memory.", 10, ret);
		return;
	}
	ret->body = HTTP_UPLOAD;
	ret->want = f->said.have;
}

static void
answer_put(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct gate_ingest_file f;
	struct gate_ingest_no no;

	if (!read_wish(d, c, &f, ret))
		return;
	if (!c->ask->commit) {
		answer_begin(d, c, &f, ret);
	} else if (gate_ingest_commit(d, c, &f, c->ask->landed, &c->ask->digests, &no)) {
		have_it_indexed(d, c);
		created(d, c, ret);
	} else {
		refuse(d, c, &no, ret);
	}
}

/* ---- MKCOL ---- */

static void
answer_mkcol(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct gate_ingest_no no;

	if (c->ask->body.n > 0) {
		gate_problem(d, c, 415, "body",
			"MKCOL makes a folder and takes no body (RFC 4918 9.3).", ret);
	} else if (!gate_ingest_folder(d, c, &no)) {
		refuse(d, c, &no, ret);
	} else {
		if (c->rest.n == 0) /* folders below hold nothing yet that could be catalogued */
			have_it_indexed(d, c);
		created(d, c, ret);
	}
}

void
gate_put_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	if (c->ask->method == HTTP_MKCOL)
		answer_mkcol(d, c, ret);
	else
		answer_put(d, c, ret);
}
