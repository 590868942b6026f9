/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

#include <stdbool.h>

/*
 * The frame of the gate's own pages for people: no script, no picture, one style that the page's
 * policy names by its hash, never kept by a cache, never inside another page's frame.
 */

/* Head, title and first heading; what follows goes to d->body. */
void gate_page_begin(struct gate_desk *d, const char *title);
void gate_page_begin_text(struct gate_desk *d, struct span title); /* is escaped */
/*
 * The end, and the fields.  forms: it holds forms of this server; a browser then tells this server
 * where they come from (Referrer-Policy), which it tells nobody else.
 */
void gate_page_end(struct gate_desk *d, const struct gate_case *c, unsigned status, bool forms,
	struct http_answer *ret);
/* The parts of the end, for pages that a cache may keep: the last elements; the fields but those
 * about caches. */
void gate_page_close(struct gate_desk *d);
void gate_page_fields(struct gate_desk *d, bool forms);
/* Elements of a page: the text is escaped. */
void gate_page_text(struct gate_desk *d, const char *element, struct span text);
/* A path inside of an attribute: a name such as "a&copy.h5" must not read as a character of HTML.
 */
void gate_page_path(struct buf *b, struct span path);
/* A row of a table: a heading cell and a plain one. */
void gate_page_row(struct gate_desk *d, const char *head, struct span text);
/* One cell of a row. */
void gate_page_cell(struct gate_desk *d, struct span text);
/* An instant as people and programs read it, 2027-05-31T00:00:00Z; of the desk's memory. */
struct span gate_page_moment(struct gate_desk *d, int64_t at);
/*
 * A cookie of ours, for this origin alone (RFC 6265bis 4.1.3.2).  max_age 0: until the browser
 * closes; with an empty value: gone at once.
 */
void gate_page_cookie(struct gate_desk *d, const char *name, struct span value, unsigned max_age);
/* 303, to a path of ours or an issuer's URL; `to` is one that was checked. */
void gate_page_redirect(struct gate_desk *d, struct span to, struct http_answer *ret);
/* Why something did not work, with its clause, and how to go on. */
void gate_page_failure(struct gate_desk *d, const struct gate_case *c, const char *title,
	const struct err *e, struct http_answer *ret);
unsigned gate_page_status(const struct err *e);

/* Is a page wanted rather than JSON?  Browsers name text/html; tools do not. */
bool gate_page_wanted(struct span accept);
/* And where a page is what is meant without a word: is JSON wanted rather than that? */
bool gate_page_wants_json(struct span accept);
