/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_oblige.h"

#define LINK_MAX 4096U

/* ---- links (RFC 8288) ---- */

void
gate_oblige_address(
	const struct gate_desk *d, const struct gate_case *c, const char *more, struct buf *out)
{
	buf_adds(out, d->gate->settings->public_url);
	buf_adds(out, "/datasets/");
	buf_add_url(out, c->dataset.pid);
	buf_adds(out, more);
}

static bool
obliged(const struct gate_case *c, struct span what)
{
	const struct decision *n = &c->decision;

	for (size_t i = 0; i < n->n_obligations; i++)
		if (span_eq(n->obligations[i], what))
			return true;
	return false;
}

static void
add_link(struct gate_desk *d, const struct buf *target, const char *params)
{
	AUTO_BUF line = BUF_INIT(LINK_MAX);

	buf_addc(&line, '<');
	buf_add(&line, buf_span(target));
	buf_addc(&line, '>');
	buf_adds(&line, params);
	if (buf_ok(target) && buf_ok(&line))
		gate_field(d, "Link", buf_span(&line));
}

/* The DOI; a dataset without one is cited by its own address. */
static void
add_cite(struct gate_desk *d, const struct gate_case *c)
{
	AUTO_BUF to = BUF_INIT(LINK_MAX);

	if (span_starts(c->dataset.pid, SPAN("10."))) {
		buf_adds(&to, "https://doi.org/");
		buf_add_url(&to, c->dataset.pid);
	} else {
		gate_oblige_address(d, c, "", &to);
	}
	add_link(d, &to, "; rel=\"cite-as\"");
}

/* A licence of the facility's own has no page at SPDX: the dataset's says which one it is. */
static void
add_licence(struct gate_desk *d, const struct gate_case *c)
{
	struct span licence = c->decision.licence;
	AUTO_BUF to = BUF_INIT(LINK_MAX);
	AUTO_BUF params = BUF_INIT(LINK_MAX);

	if (span_starts(licence, SPAN("LicenseRef-"))) {
		gate_oblige_address(d, c, "", &to);
		buf_addf(&params, "; rel=\"license\"; title=\"%.*s\"", SPAN_ARG(licence));
	} else {
		buf_adds(&to, "https://spdx.org/licenses/");
		buf_add_url(&to, licence);
		buf_adds(&params, "; rel=\"license\"");
	}
	buf_addc(&params, '\0');
	if (buf_ok(&params))
		add_link(d, &to, params.p);
}

static void
add_links(struct gate_desk *d, const struct gate_case *c)
{
	AUTO_BUF to = BUF_INIT(LINK_MAX);

	gate_oblige_address(d, c, "", &to);
	add_link(d, &to, "; rel=\"collection\"");
	if (obliged(c, SPAN("cite")))
		add_cite(d, c);
	if (obliged(c, SPAN("licence-notice")))
		add_licence(d, c);
}

/* ---- the reader ---- */

struct span
gate_oblige_notice(const struct gate_case *c)
{
	if (!c->decision.confidential)
		return SPAN_NONE;
	return SPAN("Confidential: these data are for you alone. Do not pass them on.");
}

static void
add_notice(struct gate_desk *d, const struct gate_case *c)
{
	struct span notice = gate_oblige_notice(c);

	if (notice.p != NULL)
		gate_field(d, "Pan-Notice", notice);
}

/* ---- caches (POL-18) ---- */

static void
add_caching(struct gate_desk *d, unsigned max_age)
{
	if (max_age > 0) {
		buf_adds(&d->fields, "Cache-Control: public, max-age=");
		buf_addu(&d->fields, max_age);
		buf_adds(&d->fields, "\r\n");
	} else {
		gate_field(d, "Cache-Control", SPAN("private, no-store"));
	}
}

static bool
same_answer(const struct decision *a, const struct decision *b)
{
	return a->permit == b->permit && a->status == b->status && span_eq(a->rule, b->rule);
}

unsigned
gate_oblige_age_of(
	const struct gate_desk *d, const struct gate_case *c, enum action action, unsigned most)
{
	struct facts f = c->facts;
	struct decision own;
	struct decision other;

	f.action = action;
	policy_decide(d->gate->policies, &f, &own);
	for (int n = 0; n < NETWORK_COUNT; n++) {
		f.network = (enum network)n;
		if (f.network == c->facts.network)
			continue;
		policy_decide(d->gate->policies, &f, &other);
		if (!same_answer(&own, &other))
			return 0;
	}
	return own.permit && own.max_age < most ? own.max_age : most;
}

unsigned
gate_oblige_age(const struct gate_desk *d, const struct gate_case *c)
{
	unsigned age = c->decision.max_age;

	return age > 0 ? gate_oblige_age_of(d, c, c->facts.action, age) : 0;
}

/* A page shows the title to those who may see it, and links to archives to those who may read:
 * everybody must see the same. */
static unsigned
page_age(const struct gate_desk *d, const struct gate_case *c)
{
	unsigned age = gate_oblige_age(d, c);

	if (age > 0)
		age = gate_oblige_age_of(d, c, ACTION_DATA_READ, age);
	if (age > 0)
		age = gate_oblige_age_of(d, c, ACTION_META_PUBLIC, age);
	return age > 0 ? gate_oblige_age_of(d, c, ACTION_META_FULL, age) : 0;
}

/* ---- together ---- */

static void
add_all(struct gate_desk *d, const struct gate_case *c)
{
	gate_field(d, "Vary", SPAN("Accept, Authorization"));
	add_links(d, c);
	add_notice(d, c);
}

void
gate_oblige_file(struct gate_desk *d, const struct gate_case *c, unsigned max_age)
{
	if (max_age == 0)
		add_caching(d, 0);
	add_all(d, c);
}

void
gate_oblige_page(struct gate_desk *d, const struct gate_case *c)
{
	add_caching(d, page_age(d, c));
	add_all(d, c);
}

void
gate_oblige_private(struct gate_desk *d, const struct gate_case *c)
{
	add_caching(d, 0);
	add_all(d, c);
}
