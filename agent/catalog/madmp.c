/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/madmp.h"

#include "agent/base/json.h"
#include "policy/scalar.h"

#include <stdarg.h>
#include <stdio.h>

#define STANDARD "RDA DMP Common Standard 1.2"

enum { DEPTH = 6, DATE_BYTES = 10 };

const char *const madmp_answer_names[MADMP_ANSWERS] = {"no", "yes", "unknown"};
const char *const madmp_access_names[MADMP_ACCESSES] = {"open", "shared", "closed"};

/* Where the reader is: dmp, dataset[3], distribution[0]. */
struct place {
	const char *name;
	bool listed;
	size_t i;
};

struct reader {
	const char *file;
	struct arena *a;
	struct buf *report;
	unsigned faults;
	size_t items; /* of all lists */
	struct place at[DEPTH];
	unsigned depth;
};

/* One level deeper for the time of a block. */
static void
enter(struct reader *r, const char *name, bool listed, size_t i)
{
	r->at[r->depth++] = (struct place){name, listed, i};
}

static void
leave(struct reader *r)
{
	r->depth--;
}

/* ---- faults ---- */

static void
write_place(const struct reader *r, const char *member)
{
	for (unsigned d = 0; d < r->depth; d++) {
		buf_addf(r->report, "%s%s", d > 0 ? "." : "", r->at[d].name);
		if (r->at[d].listed)
			buf_addf(r->report, "[%zu]", r->at[d].i);
	}
	if (member != NULL)
		buf_addf(r->report, "%s%s", r->depth > 0 ? "." : "", member);
}

/* Returns false. */
static bool __attribute__((format(printf, 3, 4)))
fault(struct reader *r, const char *member, const char *fmt, ...)
{
	char what[160];
	va_list args;

	if (r->faults++ >= MADMP_FAULTS)
		return false;
	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	buf_addf(r->report, "%s: error: ", r->file);
	write_place(r, member);
	buf_addf(r->report, ": %s\n", what);
	return false;
}

/* ---- members ---- */

/* How a member is asked for: its kind, and whether the standard requires it. */
enum need { OPTIONAL, REQUIRED };

/* NULL: absent, or not of this kind and said so. */
static const struct json *
member(struct reader *r, const struct json *o, const char *name, enum json_kind kind,
	enum need need)
{
	const struct json *v = json_get(o, name);

	if (v == NULL && need == REQUIRED)
		(void)fault(r, name, "missing; the standard requires it");
	if (v == NULL || json_kind(v) == kind)
		return v;
	(void)fault(
		r, name, "must be %s, is %s", json_kind_name(kind), json_kind_name(json_kind(v)));
	return NULL;
}

static bool
take_text(struct reader *r, const char *name, const struct json *v, struct span *ret)
{
	struct span s = SPAN_NONE;

	if (!json_str(v, &s))
		return fault(r, name, "must be a string, is %s", json_kind_name(json_kind(v)));
	if (s.n == 0)
		return fault(r, name, "is empty");
	if (s.n > MADMP_TEXT)
		return fault(r, name, "is longer than %u bytes", MADMP_TEXT);
	*ret = arena_span(r->a, s);
	return ret->p != NULL || fault(r, name, "the plan is too large");
}

static void
text(struct reader *r, const struct json *o, const char *name, enum need need, struct span *ret)
{
	const struct json *v = member(r, o, name, JSON_KIND_STRING, need);

	if (v != NULL)
		(void)take_text(r, name, v, ret);
}

static void
date(struct reader *r, const struct json *o, const char *name, enum need need,
	struct madmp_date *ret)
{
	const struct json *v = member(r, o, name, JSON_KIND_STRING, need);
	struct span s = SPAN_NONE;

	if (v == NULL)
		return;
	ret->given = json_str(v, &s) && scalar_date(s, &ret->day);
	if (!ret->given)
		(void)fault(r, name, "must be a date, as 2027-05-31");
}

/* 2026-11-24T08:49:37Z: kept as it is, since nothing rests on it. */
static void
instant(struct reader *r, const struct json *o, const char *name, struct span *ret)
{
	int32_t day = 0;

	text(r, o, name, REQUIRED, ret);
	if (ret->p == NULL)
		return;
	if (ret->n < DATE_BYTES + 2 || !scalar_date(span_first(*ret, DATE_BYTES), &day) ||
		ret->p[DATE_BYTES] != 'T')
		(void)fault(r, name, "must be a time, as 2026-11-24T08:49:37Z");
}

/* The place of the word in names. */
static void
word(struct reader *r, const struct json *o, const char *name, const char *const *names, int *ret)
{
	const struct json *v = member(r, o, name, JSON_KIND_STRING, REQUIRED);
	struct span s = SPAN_NONE;

	if (v == NULL || !json_str(v, &s))
		return;
	for (*ret = 0; *ret < 3; ++*ret)
		if (span_is(s, names[*ret]))
			return;
	*ret = 0;
	(void)fault(r, name, "must be %s, %s or %s", names[0], names[1], names[2]);
}

static enum madmp_answer
answer(struct reader *r, const struct json *o, const char *name)
{
	int i = MADMP_UNKNOWN;

	word(r, o, name, madmp_answer_names, &i);
	return (enum madmp_answer)i;
}

/* An array of the arena, one zeroed element for each of the list; NULL: none. */
static void *
list(struct reader *r, const char *name, const struct json *v, size_t size)
{
	size_t n = json_count(v);

	if (n == 0)
		return NULL;
	r->items += n;
	void *to = r->items <= MADMP_ITEMS ? arena_array(r->a, n, size) : NULL;
	if (to == NULL)
		(void)fault(
			r, name, "the lists of the plan have more than %u elements", MADMP_ITEMS);
	return to;
}

/* The element, which must be an object; the reader is then in it, else NULL. */
static const struct json *
enter_object(struct reader *r, const char *name, const struct json *v, bool listed, size_t i)
{
	enter(r, name, listed, i);
	if (json_kind(v) == JSON_KIND_OBJECT)
		return v;
	(void)fault(r, NULL, "must be an object, is %s", json_kind_name(json_kind(v)));
	leave(r);
	return NULL;
}

/* ---- identifiers ---- */

static void
take_id(struct reader *r, const struct json *o, struct madmp_id *ret)
{
	text(r, o, "identifier", REQUIRED, &ret->identifier);
	text(r, o, "type", REQUIRED, &ret->type);
}

static void
one_id(struct reader *r, const struct json *o, const char *name, struct madmp_id *ret)
{
	const struct json *v = member(r, o, name, JSON_KIND_OBJECT, REQUIRED);

	if (v == NULL)
		return;
	enter(r, name, false, 0);
	take_id(r, v, ret);
	leave(r);
}

static void
list_ids(struct reader *r, const char *name, const struct json *v, struct madmp_ids *ret)
{
	ret->item = list(r, name, v, sizeof(*ret->item));
	ret->n = ret->item != NULL ? json_count(v) : 0;
	for (size_t i = 0; i < ret->n; i++) {
		const struct json *o = enter_object(r, name, json_at(v, i), true, i);
		if (o == NULL)
			continue;
		take_id(r, o, &ret->item[i]);
		leave(r);
	}
}

/* One, as 1.0 and 1.1 have it, or a list. */
static void
some_ids(struct reader *r, const struct json *o, const char *name, struct madmp_ids *ret)
{
	const struct json *v = json_get(o, name);

	if (json_kind(v) == JSON_KIND_LIST) {
		list_ids(r, name, v, ret);
		if (json_count(v) == 0)
			(void)fault(r, name, "is empty");
		return;
	}
	ret->item = arena_array(r->a, 1, sizeof(*ret->item));
	ret->n = ret->item != NULL;
	if (ret->n == 1)
		one_id(r, o, name, &ret->item[0]);
	else
		(void)fault(r, name, "the plan is too large");
}

/* ---- distributions ---- */

static void
licenses(struct reader *r, const struct json *o, struct madmp_distribution *d)
{
	const struct json *v = member(r, o, "license", JSON_KIND_LIST, OPTIONAL);

	d->licenses = list(r, "license", v, sizeof(*d->licenses));
	d->n_licenses = d->licenses != NULL ? json_count(v) : 0;
	for (size_t i = 0; i < d->n_licenses; i++) {
		const struct json *l = enter_object(r, "license", json_at(v, i), true, i);
		if (l == NULL)
			continue;
		text(r, l, "license_ref", REQUIRED, &d->licenses[i].ref);
		date(r, l, "start_date", REQUIRED, &d->licenses[i].start);
		leave(r);
	}
}

static void
host(struct reader *r, const struct json *o, struct madmp_host *ret)
{
	const struct json *v = member(r, o, "host", JSON_KIND_OBJECT, OPTIONAL);

	if (v == NULL)
		return;
	ret->given = true;
	enter(r, "host", false, 0);
	text(r, v, "title", REQUIRED, &ret->title);
	text(r, v, "url", REQUIRED, &ret->url);
	leave(r);
}

static void
size(struct reader *r, const struct json *o, struct madmp_distribution *d)
{
	const struct json *v = member(r, o, "byte_size", JSON_KIND_INT, OPTIONAL);
	int64_t n = -1;

	if (v == NULL)
		return;
	if (!json_i64(v, &n) || n < 0) {
		(void)fault(r, "byte_size", "must be a number of bytes, 0 or more");
		return;
	}
	d->has_size = true;
	d->bytes = (uint64_t)n;
}

static void
distribution(struct reader *r, const struct json *o, struct madmp_distribution *d)
{
	int access = MADMP_CLOSED;

	text(r, o, "title", REQUIRED, &d->title);
	word(r, o, "data_access", madmp_access_names, &access);
	d->access = (enum madmp_access)access;
	text(r, o, "access_url", OPTIONAL, &d->access_url);
	text(r, o, "download_url", OPTIONAL, &d->download_url);
	date(r, o, "available_until", OPTIONAL, &d->available_until);
	size(r, o, d);
	host(r, o, &d->host);
	licenses(r, o, d);
}

/* ---- datasets and projects ---- */

static void
distributions(struct reader *r, const struct json *o, struct madmp_dataset *d)
{
	const struct json *v = member(r, o, "distribution", JSON_KIND_LIST, OPTIONAL);

	d->distributions = list(r, "distribution", v, sizeof(*d->distributions));
	d->n_distributions = d->distributions != NULL ? json_count(v) : 0;
	for (size_t i = 0; i < d->n_distributions; i++) {
		const struct json *one = enter_object(r, "distribution", json_at(v, i), true, i);
		if (one == NULL)
			continue;
		distribution(r, one, &d->distributions[i]);
		leave(r);
	}
}

static void
dataset(struct reader *r, const struct json *o, struct madmp_dataset *d)
{
	text(r, o, "title", REQUIRED, &d->title);
	one_id(r, o, "dataset_id", &d->id);
	text(r, o, "description", OPTIONAL, &d->description);
	text(r, o, "type", OPTIONAL, &d->type);
	text(r, o, "rights", OPTIONAL, &d->rights);
	date(r, o, "issued", OPTIONAL, &d->issued);
	d->personal = answer(r, o, "personal_data");
	d->sensitive = answer(r, o, "sensitive_data");
	distributions(r, o, d);
}

static void
datasets(struct reader *r, const struct json *o, struct madmp *m)
{
	const struct json *v = member(r, o, "dataset", JSON_KIND_LIST, REQUIRED);

	m->datasets = list(r, "dataset", v, sizeof(*m->datasets));
	m->n_datasets = m->datasets != NULL ? json_count(v) : 0;
	for (size_t i = 0; i < m->n_datasets; i++) {
		const struct json *one = enter_object(r, "dataset", json_at(v, i), true, i);
		if (one == NULL)
			continue;
		dataset(r, one, &m->datasets[i]);
		leave(r);
	}
}

static void
project(struct reader *r, const struct json *o, struct madmp_project *p)
{
	const struct json *ids = member(r, o, "project_id", JSON_KIND_LIST, OPTIONAL);

	text(r, o, "title", REQUIRED, &p->title);
	date(r, o, "start", OPTIONAL, &p->start);
	date(r, o, "end", OPTIONAL, &p->end);
	list_ids(r, "project_id", ids, &p->ids);
}

static void
projects(struct reader *r, const struct json *o, struct madmp *m)
{
	const struct json *v = member(r, o, "project", JSON_KIND_LIST, OPTIONAL);

	m->projects = list(r, "project", v, sizeof(*m->projects));
	m->n_projects = m->projects != NULL ? json_count(v) : 0;
	for (size_t i = 0; i < m->n_projects; i++) {
		const struct json *one = enter_object(r, "project", json_at(v, i), true, i);
		if (one == NULL)
			continue;
		project(r, one, &m->projects[i]);
		leave(r);
	}
}

/* ---- the plan ---- */

static void
contact(struct reader *r, const struct json *o, struct madmp *m)
{
	const struct json *v = member(r, o, "contact", JSON_KIND_OBJECT, REQUIRED);

	if (v == NULL)
		return;
	enter(r, "contact", false, 0);
	text(r, v, "name", REQUIRED, &m->contact);
	text(r, v, "mbox", REQUIRED, &m->mbox);
	some_ids(r, v, "contact_id", &m->contact_ids);
	leave(r);
}

static void
plan(struct reader *r, const struct json *root, struct madmp *m)
{
	const struct json *o = member(r, root, "dmp", JSON_KIND_OBJECT, REQUIRED);

	if (o == NULL)
		return;
	enter(r, "dmp", false, 0);
	text(r, o, "title", REQUIRED, &m->title);
	text(r, o, "description", OPTIONAL, &m->description);
	text(r, o, "language", REQUIRED, &m->language);
	instant(r, o, "created", &m->created);
	instant(r, o, "modified", &m->modified);
	one_id(r, o, "dmp_id", &m->id);
	contact(r, o, m);
	m->ethical = answer(r, o, "ethical_issues_exist");
	projects(r, o, m);
	datasets(r, o, m);
	leave(r);
}

bool
madmp_parse(const char *file, struct span bytes, struct arena *a, struct buf *report,
	struct madmp *ret, struct err *e)
{
	struct json_limits limits = {.bytes = MADMP_BYTES, .object = true, .no_nul = true};
	struct reader r = {.file = file, .a = a, .report = report};
	struct err why = {.code = ERR_NONE};
	struct madmp m = {.n_datasets = 0};
	AUTO_JSON j = json_parse(bytes, &limits, &why);

	if (j == NULL) {
		buf_addf(report, "%s: error: %s\n", file, why.msg);
		return err_set(e, ERR_SYNTAX, STANDARD, "the plan is no JSON that can be read");
	}
	plan(&r, j, &m);
	if (r.faults > MADMP_FAULTS)
		buf_addf(report, "%s: error: %u more\n", file, r.faults - MADMP_FAULTS);
	if (r.faults > 0)
		return err_set(e, ERR_SYNTAX, STANDARD, "the plan has %u faults", r.faults);
	*ret = m;
	return true;
}
