/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/civil.h"
#include "agent/base/json.h"
#include "agent/gate_dataset.h"
#include "agent/gate_page.h"
#include "policy/model.h"
#include "policy/scalar.h"

/* A row, unless there is nothing to say. */
static void
row(struct gate_desk *d, const char *head, struct span text)
{
	if (text.n > 0)
		gate_page_row(d, head, text);
}

/* A link, where there is one to give, else the text alone. */
static void
link_row(struct gate_desk *d, const char *head, struct span url, struct span text)
{
	struct buf *b = &d->body;

	if (url.p == NULL) {
		row(d, head, text);
		return;
	}
	buf_addf(b, "<tr><th scope=\"row\">%s</th><td><a href=\"", head);
	buf_add_html(b, url);
	buf_adds(b, "\">");
	buf_add_html(b, text);
	buf_adds(b, "</a></td></tr>\n");
}

static void
caption(struct gate_desk *d, const char *text)
{
	buf_addf(&d->body, "<table><caption>%s</caption>\n", text);
}

static void
minimal(struct gate_desk *d, const struct gate_dataset *s)
{
	const struct decision *n = &s->shown.decision;
	AUTO_BUF year = BUF_INIT(16);

	if (s->year > 0)
		buf_addu(&year, s->year);
	caption(d, "Record");
	row(d, "identifier", s->record.pid);
	if (s->doi.p != NULL)
		link_row(d, "DOI", s->doi, s->doi);
	row(d, "facility and publisher", span_of(s->facility));
	row(d, "publication year", buf_span(&year));
	row(d, "resource type", SPAN("Dataset"));
	row(d, "kind", span_of(kind_names[s->record.facts.kind]));
	row(d, "access", span_of(state_names[n->state]));
	row(d, "release date", s->released);
	link_row(d, "licence", s->licence, n->licence);
	row(d, "contact", s->contact);
	buf_adds(&d->body, "</table>\n");
}

/* ---- metadata that may be seen ---- */

static void
date_rows(struct gate_desk *d, const struct object_facts *f)
{
	for (int m = 0; m < MILESTONE_COUNT; m++) {
		AUTO_BUF text = BUF_INIT(64);
		AUTO_BUF head = BUF_INIT(64);
		if (!f->dates[m].given)
			continue;
		if (f->dates[m].is_date)
			scalar_write_date(&text, f->dates[m].date);
		else
			civil_write_iso(&text, f->dates[m].instant);
		for (const char *p = milestone_names[m]; *p != '\0'; p++)
			buf_addc(&head, *p == '_' ? ' ' : *p);
		buf_addc(&head, '\0');
		row(d, head.p, buf_span(&text));
	}
}

static void
parameter_rows(struct gate_desk *d, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *p = json_at(list, i);
		AUTO_BUF text = BUF_INIT(8192);
		struct span name = SPAN_NONE;
		struct span unit = SPAN_NONE;
		double value = 0;
		if (!json_get_str(p, "name", &name) || !json_f64(json_get(p, "value"), &value))
			continue;
		(void)json_get_str(p, "unit", &unit);
		buf_addf(&text, "%.*s = %.9g %.*s", SPAN_ARG(name), value, SPAN_ARG(unit));
		row(d, i == 0 ? "parameters" : "", buf_span(&text));
	}
}

/* What its files say. */
static void
record_rows(struct gate_desk *d, struct span text)
{
	static const char *const names[][2] = {{"instrument", "instrument"}, {"source", "source"},
		{"probe", "probe"}, {"technique", "technique"}, {"definition", "definition"},
		{"sample", "sample"}, {"formula", "formula"}, {"run cycle", "run_cycle"},
		{"start", "start"}, {"end", "end"}};
	AUTO_JSON r = json_parse(text, NULL, NULL);
	struct span value = SPAN_NONE;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_get_str(r, names[i][1], &value))
			row(d, names[i][0], value);
	const struct json *team = json_get(r, "users");
	for (size_t i = 0; i < json_count(team); i++)
		if (json_str(json_at(team, i), &value))
			row(d, i == 0 ? "team" : "", value);
	parameter_rows(d, json_get(r, "parameters"));
}

static void
metadata(struct gate_desk *d, const struct gate_dataset *s)
{
	const struct catalog_dataset *r = &s->record;
	AUTO_BUF files = BUF_INIT(128);

	if (s->shown.fields == 0)
		return;
	caption(d, s->shown.full ? "Metadata" : "Metadata that are public by now");
	row(d, "title", r->title);
	row(d, "proposal title", r->proposal_title);
	row(d, "proposal", r->proposal);
	date_rows(d, &r->facts);
	record_rows(d, r->json.n > 0 ? r->json : SPAN("{}"));
	if (view_has(&s->shown, FIELD_FILES))
		buf_addf(&files, "%llu, %llu bytes", (unsigned long long)r->files,
			(unsigned long long)r->bytes);
	row(d, "files", buf_span(&files));
	buf_adds(&d->body, "</table>\n");
}

/* ---- what one may do, and by which policy ---- */

static void
link_text(struct gate_desk *d, struct span url, const char *text)
{
	if (url.p == NULL)
		return;
	buf_adds(&d->body, "<p><a href=\"");
	buf_add_html(&d->body, url);
	buf_addf(&d->body, "\">%s</a></p>\n", text);
}

static void
policy(struct gate_desk *d, const struct gate_dataset *s)
{
	AUTO_BUF text = BUF_INIT(8192);

	caption(d, "Policy");
	buf_addf(&text, "%.*s version %u", SPAN_ARG(s->policy->id), s->policy->version);
	row(d, "policy", buf_span(&text));
	row(d, "title", s->policy->title);
	buf_reset(&text);
	buf_add_hex(&text, s->policy->sha256, sizeof(s->policy->sha256));
	row(d, "sha256", buf_span(&text));
	buf_reset(&text);
	buf_adds(&text, "data taken from ");
	scalar_write_date(&text, s->policy->valid_from);
	if (s->policy->has_until) {
		buf_adds(&text, " until the day before ");
		scalar_write_date(&text, s->policy->valid_until);
	}
	row(d, "applies to", buf_span(&text));
	buf_reset(&text);
	if (s->next_change != INT64_MIN)
		civil_write_iso(&text, s->next_change);
	row(d, "next change", buf_span(&text));
	buf_adds(&d->body, "</table>\n");
}

void
gate_dataset_page(struct gate_desk *d, const struct gate_dataset *s)
{
	const struct catalog_dataset *r = &s->record;

	gate_page_begin_text(d, r->title.n > 0 ? r->title : r->pid);
	minimal(d, s);
	metadata(d, s);
	buf_adds(&d->body, "<h2>Data</h2>\n");
	gate_page_text(d, "p", s->sentence);
	link_text(d, s->data, "Files");
	link_text(d, s->zip, "All files as zip");
	link_text(d, s->tar, "All files as tar");
	link_text(d, s->terms, "Read and accept the terms");
	link_text(d, s->requests, "Ask for access");
	policy(d, s);
	gate_page_close(d);
}
