/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/jsonw.h"
#include "agent/catalog/madmp.h"
#include "policy/scalar.h"

static void
text(struct jsonw *w, const char *name, struct span s)
{
	if (s.p != NULL)
		jsonw_str(w, name, s);
}

static void
date(struct jsonw *w, const char *name, const struct madmp_date *d)
{
	AUTO_BUF day = BUF_INIT(32);

	if (!d->given)
		return;
	scalar_write_date(&day, d->day);
	jsonw_str(w, name, buf_span(&day));
}

static void
one_id(struct jsonw *w, const char *name, const struct madmp_id *id)
{
	jsonw_obj(w, name);
	text(w, "identifier", id->identifier);
	text(w, "type", id->type);
	jsonw_end(w, '}');
}

static void
list_ids(struct jsonw *w, const char *name, const struct madmp_ids *ids)
{
	jsonw_list(w, name);
	for (size_t i = 0; i < ids->n; i++)
		one_id(w, NULL, &ids->item[i]);
	jsonw_end(w, ']');
}

static void
contact(struct jsonw *w, const struct madmp *m)
{
	jsonw_obj(w, "contact");
	text(w, "name", m->contact);
	text(w, "mbox", m->mbox);
	if (m->contact_ids.n == 1) /* as tools of 1.0 and 1.1 read it */
		one_id(w, "contact_id", &m->contact_ids.item[0]);
	else
		list_ids(w, "contact_id", &m->contact_ids);
	jsonw_end(w, '}');
}

static void
projects(struct jsonw *w, const struct madmp *m)
{
	jsonw_list(w, "project");
	for (size_t i = 0; i < m->n_projects; i++) {
		const struct madmp_project *p = &m->projects[i];
		jsonw_obj(w, NULL);
		text(w, "title", p->title);
		date(w, "start", &p->start);
		date(w, "end", &p->end);
		list_ids(w, "project_id", &p->ids);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
}

static void
licenses(struct jsonw *w, const struct madmp_distribution *d)
{
	jsonw_list(w, "license");
	for (size_t i = 0; i < d->n_licenses; i++) {
		jsonw_obj(w, NULL);
		text(w, "license_ref", d->licenses[i].ref);
		date(w, "start_date", &d->licenses[i].start);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
}

static void
distribution(struct jsonw *w, const struct madmp_distribution *d)
{
	jsonw_obj(w, NULL);
	text(w, "title", d->title);
	jsonw_cstr(w, "data_access", madmp_access_names[d->access]);
	text(w, "access_url", d->access_url);
	text(w, "download_url", d->download_url);
	date(w, "available_until", &d->available_until);
	if (d->has_size)
		jsonw_u64(w, "byte_size", d->bytes);
	if (d->host.given) {
		jsonw_obj(w, "host");
		text(w, "title", d->host.title);
		text(w, "url", d->host.url);
		jsonw_end(w, '}');
	}
	licenses(w, d);
	jsonw_end(w, '}');
}

static void
dataset(struct jsonw *w, const struct madmp_dataset *d)
{
	jsonw_obj(w, NULL);
	text(w, "title", d->title);
	one_id(w, "dataset_id", &d->id);
	text(w, "description", d->description);
	text(w, "type", d->type);
	text(w, "rights", d->rights);
	date(w, "issued", &d->issued);
	jsonw_cstr(w, "personal_data", madmp_answer_names[d->personal]);
	jsonw_cstr(w, "sensitive_data", madmp_answer_names[d->sensitive]);
	jsonw_list(w, "distribution");
	for (size_t i = 0; i < d->n_distributions; i++)
		distribution(w, &d->distributions[i]);
	jsonw_end(w, ']');
	jsonw_end(w, '}');
}

void
madmp_write(const struct madmp *m, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_obj(&w, "dmp");
	text(&w, "title", m->title);
	text(&w, "description", m->description);
	text(&w, "language", m->language);
	text(&w, "created", m->created);
	text(&w, "modified", m->modified);
	one_id(&w, "dmp_id", &m->id);
	contact(&w, m);
	jsonw_cstr(&w, "ethical_issues_exist", madmp_answer_names[m->ethical]);
	projects(&w, m);
	jsonw_list(&w, "dataset");
	for (size_t i = 0; i < m->n_datasets; i++)
		dataset(&w, &m->datasets[i]);
	jsonw_end(&w, ']');
	jsonw_end(&w, '}');
	jsonw_end(&w, '}');
}
