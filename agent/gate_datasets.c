/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_datasets.h"

#include "agent/gate_data.h"
#include "agent/gate_dataset.h"
#include "agent/gate_events.h"
#include "agent/gate_grant.h"
#include "agent/gate_links.h"
#include "agent/gate_people.h"
#include "agent/gate_problem.h"
#include "agent/gate_record.h"
#include "agent/gate_requests.h"

#define READS  (1U << HTTP_GET | 1U << HTTP_HEAD)
#define WRITES (1U << HTTP_POST | 1U << HTTP_DELETE)

/* What may follow a pid; no name: nothing does, it is the dataset itself.  Each row begins after
 * the dataset is known and has a public record. */
static const struct datasets_row {
	struct span name;
	bool more;    /* one more segment may follow */
	bool session; /* a browser's login counts as well: the row asks where a form comes from */
	uint32_t methods;
	const char *allow;
	struct gate_row row;
} rows[] = {
	{{NULL, 0}, false, false, READS, "GET, HEAD, OPTIONS",
		{.begin = gate_dataset_begin, .answer = gate_dataset_answer}},
	{SPAN_INIT("access-requests"), true, true, READS | WRITES,
		"GET, HEAD, OPTIONS, POST, DELETE", {.answer = gate_requests_answer}},
	{SPAN_INIT("events"), false, false, READS | 1U << HTTP_POST, "GET, HEAD, OPTIONS, POST",
		{.begin = gate_events_begin, .answer = gate_events_answer}},
	{SPAN_INIT("links"), true, true, READS | WRITES, "GET, HEAD, OPTIONS, POST, DELETE",
		{.answer = gate_links_answer}},
};

struct span
gate_datasets_more(const struct gate_case *c)
{
	struct span more = c->rest;

	(void)span_cut(&more, '/');
	return more;
}

static const struct datasets_row *
find(const struct gate_case *c)
{
	struct span more = c->rest;
	struct span name = span_cut(&more, '/');

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((name.p == NULL) == (rows[i].name.p == NULL) && span_eq(name, rows[i].name) &&
			(more.p == NULL || (rows[i].more && more.n > 0 && !span_has(more, '/'))))
			return &rows[i];
	return NULL;
}

/* A token that may read below some paths only is no licence to do anything else (tokens SCP-1). */
static bool
narrowed(struct gate_case *c)
{
	if (!c->subject.scoped || (WRITES >> c->ask->method & 1U) == 0)
		return false;
	c->refusal = (struct auth_refusal){.status = 403,
		.error = "insufficient_scope",
		.description = "this token is for reading files; send one without path scopes"};
	c->found = GATE_OUTSIDE;
	return true;
}

/* The public record decides whether there is such a dataset at all. */
static bool
visible(struct gate_desk *d, struct gate_case *c, const struct datasets_row **ret, struct err *e)
{
	struct span path = span_skip(c->ask->path, sizeof("/datasets/") - 1);

	if (!catalog_match(d->catalog, path, &d->mem, &c->dataset, &c->rest, e))
		return false;
	*ret = find(c);
	if (*ret != NULL && (*ret)->session)
		gate_people_begin(d, c);
	return gate_data_judge(d, c, ACTION_META_PUBLIC, e) &&
	       (c->decision.permit || err_set(e, ERR_ABSENT, NULL, "hidden"));
}

void
gate_datasets_begin(struct gate_desk *d, struct gate_case *c)
{
	const struct datasets_row *r = NULL;
	struct err e = {0};

	if (narrowed(c))
		return;
	c->found = GATE_FAILED;
	bool shows = visible(d, c, &r, &e);
	if (!shows && e.code == ERR_ABSENT)
		gate_record_absent(d, c);
	if (shows || e.code == ERR_ABSENT)
		c->found = shows && r != NULL ? GATE_DECIDED : GATE_ABSENT;
	if (r != NULL && c->found == GATE_DECIDED && (r->methods >> c->ask->method & 1U) != 0) {
		c->row = &r->row;
		if (r->row.begin != NULL)
			r->row.begin(d, c);
		return;
	}
	/* What is left is answered below. */
	gate_people_end(c);
	c->own = (void *)(uintptr_t)r;
}

void
gate_datasets_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct datasets_row *r = c->own;

	if (c->found == GATE_OUTSIDE) {
		gate_problem_credential(d, c, &c->refusal, ret);
	} else if (c->found == GATE_FAILED) {
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
	} else if (c->subject.incomplete) {
		gate_problem_incomplete(d, c, ret);
	} else if (c->found == GATE_DECIDED && r != NULL) {
		gate_field(d, "Allow", span_of(r->allow));
		gate_problem(d, c, 405, "method", "This address does not take that method.", ret);
	} else {
		gate_problem_absent(d, c, ret);
	}
}

void
gate_datasets_json(
	struct gate_desk *d, const struct gate_case *c, unsigned status, struct http_answer *ret)
{
	buf_addc(&d->body, '\n');
	gate_field(d, "Content-Type", SPAN("application/json"));
	gate_field(d, "Cache-Control", SPAN("private, no-store"));
	gate_field(d, "Vary", SPAN("Accept, Authorization"));
	ret->status = (uint16_t)status;
	gate_body(d, c, ret);
}

void
gate_datasets_refuse(struct gate_desk *d, const struct gate_case *c, unsigned status,
	const struct err *e, struct http_answer *ret)
{
	char text[400];
	const char *name = status == 400   ? "bad-request"
			   : status == 403 ? "not-for-you"
			   : status == 404 ? "not-found"
					   : "not-now";

	buf_reset(&d->fields);
	(void)err_text(e, text, sizeof(text));
	if (status == 503)
		gate_problem_later(d, c, text, 10, ret);
	else
		gate_problem(d, c, status, name, text, ret);
}
