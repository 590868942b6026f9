/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy_lint_catalogue.h"

#include "policy/view_all.h"

enum { PAGE = 1000 };

static bool
loaded(const struct policy_set *s, struct span id)
{
	for (size_t i = 0; i < policy_set_count(s); i++)
		if (span_eq(policy_set_id(s, i), id))
			return true;
	return false;
}

/* Which policy its dates and proposals.yaml give today; absent: none. */
static struct span
today(const struct policy_set *s, const struct catalog_dataset *d)
{
	struct object_facts f = d->facts;

	f.policy = d->policy;
	const struct policy *p = policy_bound(s, &f);
	for (size_t i = 0; p != NULL && i < policy_set_count(s); i++)
		if (policy_set_policy(s, i) == p)
			return policy_set_id(s, i);
	return SPAN_NONE;
}

static bool
dated(const struct object_facts *f)
{
	for (int m = 0; m < MILESTONE_COUNT; m++)
		if (f->dates[m].given)
			return true;
	return false;
}

/* What is odd about the binding of a dataset, after its pid; false: nothing is. */
static bool
judge(const struct policy_set *s, const struct catalog_dataset *d, struct buf *out)
{
	struct span now = today(s, d);

	if (d->facts.policy.p != NULL && !loaded(s, d->facts.policy)) {
		buf_addf(out,
			"is bound to the policy '%.*s', which is not among these: nobody sees it",
			SPAN_ARG(d->facts.policy));
		return true;
	}
	if (d->bound.p == NULL && dated(&d->facts) && now.p == NULL) {
		buf_adds(out, "has dates that no policy fits, or several do: nobody sees it");
		return true;
	}
	if (d->bound.p == NULL || (now.p != NULL && span_eq(now, d->bound)))
		return false;
	buf_addf(out, "is bound to '%.*s', but its dates and the policies of today give ",
		SPAN_ARG(d->bound));
	if (now.p != NULL)
		buf_addf(out, "'%.*s'", SPAN_ARG(now));
	else
		buf_adds(out, "none");
	buf_addf(out, "; `pan-agent index --rebind %.*s` moves it", SPAN_ARG(d->pid));
	return true;
}

static unsigned
judge_page(const struct cli_facts *f, const struct catalog_page *p, struct buf *out)
{
	unsigned found = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct catalog_dataset *d = &p->row[i].dataset;
		size_t at = out->n;
		buf_addf(out, "%s: warning: L10: dataset %.*s ", f->settings->catalogue,
			SPAN_ARG(d->pid));
		if (judge(f->policies, d, out)) {
			buf_addc(out, '\n');
			found++;
		} else {
			out->n = at;
		}
	}
	return found;
}

bool
cli_policy_lint_catalogue(struct cli_facts *f, struct buf *out, unsigned *ret)
{
	struct catalog_query q = {.view = view_all(), .limit = PAGE};
	struct catalog_page p = {.more = true};
	struct err e = {0};
	unsigned found = 0;

	while (p.more) {
		arena_reset(&f->arena);
		if (!catalog_datasets(f->catalog, &q, &f->arena, &p, &e)) {
			(void)cli_facts_complain(f, "catalogue", &e);
			return false;
		}
		found += judge_page(f, &p, out);
		q.behind = p.at;
	}
	*ret = found;
	return true;
}
