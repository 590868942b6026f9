/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/jsonw.h"
#include "agent/gate_dataset.h"
#include "policy/model.h"
#include "policy/scalar.h"

/* Confederation of Open Access Repositories, "access rights". */
static const char *const access_rights[] = {
	[STATE_NONE] = NULL,
	[STATE_WITHDRAWN] = "http://purl.org/coar/access_right/c_14cb",
	[STATE_PROPRIETARY] = "http://purl.org/coar/access_right/c_14cb",
	[STATE_RESTRICTED] = "http://purl.org/coar/access_right/c_16ec",
	[STATE_EMBARGOED] = "http://purl.org/coar/access_right/c_f1cf",
	[STATE_OPEN] = "http://purl.org/coar/access_right/c_abf2",
};

static void
minimal(struct jsonw *w, const struct gate_dataset *s)
{
	const struct decision *n = &s->shown.decision;

	jsonw_str(w, "identifier", s->record.pid);
	jsonw_str(w, "doi", s->doi);
	jsonw_cstr(w, "facility", s->facility);
	jsonw_cstr(w, "publisher", s->facility);
	if (s->year > 0)
		jsonw_u64(w, "publication_year", s->year);
	else
		jsonw_null(w, "publication_year");
	jsonw_cstr(w, "resource_type", "Dataset");
	jsonw_cstr(w, "kind", kind_names[s->record.facts.kind]);
	jsonw_cstr(w, "access_state", state_names[n->state]);
	jsonw_cstr(w, "access_right", access_rights[n->state]);
	jsonw_str(w, "release_date", s->released);
	jsonw_str(w, "licence", n->licence);
	jsonw_str(w, "licence_url", s->licence);
	jsonw_str(w, "contact", s->contact);
}

static void
json_when(struct jsonw *w, const char *key, const struct when *at)
{
	AUTO_BUF text = BUF_INIT(64);

	if (!at->given)
		return;
	if (!at->is_date) {
		jsonw_iso(w, key, at->instant);
		return;
	}
	scalar_write_date(&text, at->date);
	jsonw_str(w, key, buf_span(&text));
}

/* What may be seen of the rest; what may not is not even a key. */
static void
metadata(struct jsonw *w, const struct gate_dataset *s)
{
	const struct catalog_dataset *r = &s->record;

	jsonw_obj(w, "metadata");
	if (r->title.p != NULL)
		jsonw_str(w, "title", r->title);
	if (r->proposal_title.p != NULL)
		jsonw_str(w, "proposal_title", r->proposal_title);
	if (r->proposal.p != NULL)
		jsonw_str(w, "proposal", r->proposal);
	if (view_has(&s->shown, FIELD_DATES)) {
		jsonw_obj(w, "dates");
		for (int m = 0; m < MILESTONE_COUNT; m++)
			json_when(w, milestone_names[m], &r->facts.dates[m]);
		jsonw_end(w, '}');
	}
	if (view_has(&s->shown, FIELD_FILES)) {
		jsonw_u64(w, "files", r->files);
		jsonw_u64(w, "bytes", r->bytes);
	}
	if (s->shown.full)
		jsonw_cstr(w, "route", route_names[r->facts.route]);
	jsonw_raw(w, "record", r->json.n > 0 ? r->json : SPAN("{}"));
	jsonw_end(w, '}');
	jsonw_bool(w, "complete", s->shown.full);
	jsonw_list(w, "fields");
	for (int f = 0; f < FIELD_COUNT; f++)
		if (view_has(&s->shown, (enum meta_field)f))
			jsonw_cstr(w, NULL, field_names[f]);
	jsonw_end(w, ']');
}

static void
policy(struct jsonw *w, const struct gate_dataset *s)
{
	const struct decision *n = &s->shown.decision;
	AUTO_BUF from = BUF_INIT(64);
	AUTO_BUF until = BUF_INIT(64);

	scalar_write_date(&from, s->policy->valid_from);
	if (s->policy->has_until)
		scalar_write_date(&until, s->policy->valid_until);
	jsonw_obj(w, "policy");
	jsonw_str(w, "policy", s->policy->id);
	jsonw_u64(w, "version", s->policy->version);
	jsonw_hex(w, "sha256", s->policy->sha256, sizeof(s->policy->sha256));
	jsonw_str(w, "title", s->policy->title);
	jsonw_str(w, "valid_from", buf_span(&from));
	jsonw_str(w, "valid_until", until.n > 0 ? buf_span(&until) : SPAN_NONE);
	jsonw_str(w, "timezone", n->timezone);
	jsonw_iso(w, "next_change", s->next_change);
	jsonw_end(w, '}');
}

static void
data(struct jsonw *w, const struct gate_dataset *s)
{
	const struct decision *n = &s->read;

	jsonw_obj(w, "data");
	jsonw_cstr(w, "effect", n->permit ? "permit" : "deny");
	jsonw_str(w, "rule", n->rule);
	jsonw_str(w, "reason", n->reason);
	jsonw_u64(w, "status", (unsigned)n->status);
	jsonw_str(w, "detail", s->sentence);
	jsonw_list(w, "grantors");
	if (n->grantors_self)
		jsonw_cstr(w, NULL, "self");
	for (size_t i = 0; i < n->n_grantors; i++)
		jsonw_cstr(w, NULL, role_names[n->grantor_order[i]]);
	jsonw_end(w, ']');
	jsonw_end(w, '}');
}

void
gate_dataset_json(struct gate_desk *d, const struct gate_dataset *s)
{
	struct jsonw w;

	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	minimal(&w, s);
	metadata(&w, s);
	policy(&w, s);
	data(&w, s);
	jsonw_obj(&w, "links");
	jsonw_str(&w, "data", s->data);
	jsonw_str(&w, "access_requests", s->requests);
	jsonw_str(&w, "terms", s->terms);
	jsonw_str(&w, "zip", s->zip);
	jsonw_str(&w, "tar", s->tar);
	jsonw_end(&w, '}');
	jsonw_end(&w, '}');
	buf_addc(&d->body, '\n');
}
