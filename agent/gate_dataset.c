/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_dataset.h"

#include "agent/gate_grant.h"
#include "agent/gate_oblige.h"
#include "agent/gate_page.h"
#include "agent/gate_problem.h"
#include "agent/gate_record.h"
#include "agent/gate_view.h"
#include "policy/model.h"
#include "policy/scalar.h"

/* ---- what is known ---- */

static void
decide(const struct gate_desk *d, const struct gate_case *c, enum action action,
	struct decision *ret)
{
	struct facts f = c->facts;

	f.action = action;
	policy_decide(d->gate->policies, &f, ret);
}

static struct span
url_path(struct gate_desk *d, const char *before, struct span pid, const char *behind)
{
	AUTO_BUF text = BUF_INIT(8192);

	buf_adds(&text, before);
	buf_add_url(&text, pid);
	buf_adds(&text, behind);
	return buf_ok(&text) ? arena_span(&d->mem, buf_span(&text)) : SPAN_NONE;
}

static void
fill_release(struct gate_desk *d, const struct decision *n, struct gate_dataset *s)
{
	AUTO_BUF text = BUF_INIT(64);
	uint64_t year = 0;

	if (!n->has_release)
		return;
	scalar_write_date(&text, n->release_date);
	s->released = arena_span(&d->mem, buf_span(&text));
	if (span_u64(span_first(s->released, 4), 9999, &year))
		s->year = (unsigned)year;
}

/* The next milestone tells a date of the experiment. */
static int64_t
next_change(const struct decision *n, const struct view_shown *s)
{
	bool release = n->has_release && n->next_change == n->release_at;

	return n->has_next_change && (release || view_has(s, FIELD_DATES)) ? n->next_change
									   : INT64_MIN;
}

/* Where to go from here. */
static void
fill_links(struct gate_desk *d, const struct gate_case *c, struct gate_dataset *s)
{
	struct span pid = s->record.pid;
	struct span licence = c->decision.licence;
	bool refused = !s->read.permit && (s->read.status == 401 || s->read.status == 403);

	if (span_starts(pid, SPAN("10.")))
		s->doi = url_path(d, "https://doi.org/", pid, "");
	if (!span_starts(licence, SPAN("LicenseRef-")))
		s->licence = url_path(d, "https://spdx.org/licenses/", licence, "");
	if (s->list.permit)
		s->data = url_path(d, "/data/", pid, "/");
	if (s->list.permit && s->read.permit) {
		s->zip = url_path(d, "/archive/", pid, ".zip");
		s->tar = url_path(d, "/archive/", pid, ".tar");
	}
	if (s->read.terms.p != NULL)
		s->terms = url_path(d, "/terms/", s->read.terms, "");
	else if (refused)
		s->requests = url_path(d, "/datasets/", pid, "/access-requests");
}

static bool
fill(struct gate_desk *d, struct gate_case *c, struct gate_dataset *s, struct err *e)
{
	AUTO_BUF sentence = BUF_INIT(8192);
	const struct view *v = NULL;
	struct facts f = c->facts;

	/* What shows is decided by the facts of the match, which is of this turn's catalogue. */
	if (!catalog_by_pid(d->catalog, c->dataset.pid, &d->mem, &s->record, e) ||
		!gate_view(d, c, &v, e))
		return false;
	if (!view_shows(v, &c->facts.object, c->facts.roles, &s->shown))
		return err_set(e, ERR_ABSENT, NULL, "hidden");
	if (!catalog_blank(&s->record, &s->shown, &d->mem, e))
		return false;
	s->policy = policy_bound(d->gate->policies, &c->facts.object);
	if (s->policy == NULL)
		return err_set(e, ERR_ABSENT, NULL, "no policy");
	decide(d, c, ACTION_DATA_LIST, &s->list);
	decide(d, c, ACTION_DATA_READ, &s->read);
	f.action = ACTION_DATA_READ;
	decision_write_sentence(&s->read, &f, &sentence);
	s->sentence = arena_span(&d->mem, buf_span(&sentence));
	s->facility = d->gate->settings->facility;
	s->contact = c->decision.contact.p != NULL ? c->decision.contact
						   : span_of(d->gate->settings->contact);
	s->next_change = next_change(&c->decision, &s->shown);
	fill_release(d, &c->decision, s);
	fill_links(d, c, s);
	return !d->mem.full || err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
}

void
gate_dataset_begin(struct gate_desk *d, struct gate_case *c)
{
	struct gate_dataset *s = arena_alloc(&d->mem, sizeof(*s));
	struct err e = {0};

	c->own = NULL;
	c->found = GATE_FAILED;
	if (s == NULL)
		return;
	if (fill(d, c, s, &e)) {
		c->own = s;
		c->found = GATE_DECIDED;
		gate_record_decision(d, c);
	} else if (e.code == ERR_ABSENT) {
		c->found = GATE_ABSENT;
		gate_record_absent(d, c);
	}
}

/* ---- caches (POL-18) ---- */

/* The page says what the answer to each of these is, so it may be kept as long as they all hold. */
static unsigned
max_age(const struct gate_desk *d, const struct gate_case *c)
{
	static const enum action also[] = {ACTION_META_FULL, ACTION_DATA_LIST, ACTION_DATA_READ};
	unsigned age = c->decision.max_age;

	for (size_t i = 0; age > 0 && i < sizeof(also) / sizeof(also[0]); i++)
		age = gate_oblige_age_of(d, c, also[i], age);
	return age;
}

static void
add_fields(struct gate_desk *d, const struct gate_case *c, const struct gate_dataset *s)
{
	unsigned age = max_age(d, c);
	AUTO_BUF line = BUF_INIT(16384);

	if (age > 0) {
		buf_addf(&line, "public, max-age=%u", age);
		gate_field(d, "Cache-Control", buf_span(&line));
	} else {
		gate_field(d, "Cache-Control", SPAN("private, no-store"));
	}
	gate_field(d, "Vary", SPAN("Accept, Authorization"));
	gate_field(d, "X-Content-Type-Options", SPAN("nosniff"));
	const struct span links[][2] = {{s->doi, SPAN("cite-as")}, {s->licence, SPAN("license")}};
	for (size_t i = 0; i < 2; i++) {
		buf_reset(&line);
		buf_addf(&line, "<%.*s>; rel=\"%.*s\"", SPAN_ARG(links[i][0]),
			SPAN_ARG(links[i][1]));
		if (links[i][0].p != NULL && buf_ok(&line))
			gate_field(d, "Link", buf_span(&line));
	}
}

/* ---- the answer ---- */

void
gate_dataset_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct gate_dataset *s = c->own;
	bool json = gate_page_wants_json(c->ask->accept);

	if (c->found == GATE_FAILED || (c->found == GATE_DECIDED && s == NULL)) {
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
		return;
	}
	if (c->found == GATE_ABSENT) {
		gate_problem_absent(d, c, ret);
		return;
	}
	ret->status = (uint16_t)c->decision.status;
	add_fields(d, c, s);
	if (json) {
		gate_dataset_json(d, s);
		gate_field(d, "Content-Type", SPAN("application/json"));
	} else {
		gate_dataset_page(d, s);
		gate_page_fields(d, false);
	}
	gate_body(d, c, ret);
}
